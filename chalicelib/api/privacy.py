"""The right to see all that is kept on oneself, and to be forgotten."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.errors import LastManager, UserErased
from chalicelib.accounts.rules import MANAGERS, SIGNED_IN
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.privacy import queries, service
from chalicelib.privacy.schemas import PersonalData

blueprint = Blueprint(__name__)
_AS_A_FILE = {"Content-Disposition": 'attachment; filename="rollcall-my-data.json"'}


@endpoint(blueprint, "GET", "/auth/me/export", roles=SIGNED_IN, answer=PersonalData)
def export_me(request: Request) -> Answer:
    """Hand out all that is kept on whoever asks."""
    found = queries.find_personal_data(request.connection, request.caller.id)
    return Answer(found, headers=dict(_AS_A_FILE))


@endpoint(
    blueprint,
    "POST",
    "/api/users/{id}/erase",
    roles=MANAGERS,
    status=204,
    errors=(LastManager, UserErased),
)
def erase_user(request: Request) -> Answer:
    """Take from an account, for ever, all that tells whose it was."""
    service.erase_user(request.connection, request.caller, request.path["id"])
    return Answer()

"""The right to be forgotten; the right to see is at /auth/me/export."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts import privacy
from chalicelib.accounts.errors import LastManager, UserErased
from chalicelib.accounts.rules import MANAGERS
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint

blueprint = Blueprint(__name__)


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
    privacy.erase_user(request.connection, request.caller, request.path["id"])
    return Answer()

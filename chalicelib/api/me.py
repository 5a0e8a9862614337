"""One's own account: the profile, and what mails one wants."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts import preferences, service
from chalicelib.accounts.rules import SIGNED_IN
from chalicelib.accounts.schemas import MeOut, Preferences, ProfileChanges
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint

blueprint = Blueprint(__name__)


@endpoint(blueprint, "GET", "/auth/me", roles=SIGNED_IN, answer=MeOut, conditional=True)
def get_me(request: Request) -> Answer:
    """Say who is signed in."""
    me = service.get_me(request.connection, request.caller.id)
    return Answer(me.json, etag=me.etag)


@endpoint(
    blueprint,
    "PATCH",
    "/auth/me",
    roles=SIGNED_IN,
    body=ProfileChanges,
    answer=MeOut,
    conditional=True,
)
def change_me(request: Request) -> Answer:
    """Change the own name or language."""
    me = service.get_me(request.connection, request.caller.id, lock=True)
    request.check_version(me.etag)
    me = service.change_profile(request.connection, request.caller, me, request.body)
    return Answer(me.json, etag=me.etag)


@endpoint(
    blueprint,
    "GET",
    "/api/notification_preferences",
    roles=SIGNED_IN,
    answer=Preferences,
    personal=True,
)
def get_notification_preferences(request: Request) -> Answer:
    """Read when one gets mails."""
    return Answer(preferences.get_preferences(request.connection, request.caller.id))


@endpoint(
    blueprint,
    "PUT",
    "/api/notification_preferences",
    roles=SIGNED_IN,
    body=Preferences,
    answer=Preferences,
    personal=True,
)
def set_notification_preferences(request: Request) -> Answer:
    """Say when one wants mails."""
    preferences.set_preferences(request.connection, request.caller.id, request.body)
    return Answer(preferences.get_preferences(request.connection, request.caller.id))

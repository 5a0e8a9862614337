"""Users: everybody's accounts, which managers keep."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts import administration, queries
from chalicelib.accounts.errors import (
    EmailTaken,
    LastManager,
    MailSuppressed,
    UserErased,
    UserInactive,
    UsernameTaken,
)
from chalicelib.accounts.rules import MANAGERS, STAFF
from chalicelib.accounts.schemas import (
    PersonPage,
    PersonQuery,
    UserChanges,
    UserIn,
    UserOut,
    UserPage,
    UserQuery,
)
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.api.paging import page_answer
from chalicelib.core.pagination import InvalidCursor

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/users",
    roles=MANAGERS,
    query=UserQuery,
    answer=UserPage,
    personal=True,
    errors=(InvalidCursor,),
)
def list_users(request: Request) -> Answer:
    """List users, those who are not active and those who were erased too."""
    return page_answer(request, queries.list_users(request.connection, request.query))


@endpoint(
    blueprint,
    "GET",
    "/api/people",
    roles=STAFF,
    query=PersonQuery,
    answer=PersonPage,
    personal=True,
    errors=(InvalidCursor,),
)
def list_people(request: Request) -> Answer:
    """Find active users by name, to give them a seat or a section."""
    return page_answer(request, queries.list_people(request.connection, request.query))


@endpoint(
    blueprint,
    "POST",
    "/api/users",
    roles=MANAGERS,
    body=UserIn,
    answer=UserOut,
    status=201,
    creates=True,
    errors=(UsernameTaken, EmailTaken),
)
def create_user(request: Request) -> Answer:
    """Add a user, who gets a mail with the link to set a password."""
    user = administration.create_user(request.connection, request.caller, request.body)
    return Answer(user.json, etag=user.etag, location=f"/api/users/{user.id}")


@endpoint(
    blueprint,
    "GET",
    "/api/users/{id}",
    roles=MANAGERS,
    answer=UserOut,
    conditional=True,
    personal=True,
)
def get_user(request: Request) -> Answer:
    """Read a user."""
    user = administration.get_user_for(request.connection, request.caller, request.path["id"])
    return Answer(user.json, etag=user.etag)


@endpoint(
    blueprint,
    "PATCH",
    "/api/users/{id}",
    roles=MANAGERS,
    body=UserChanges,
    answer=UserOut,
    conditional=True,
    errors=(EmailTaken, LastManager, UserErased),
)
def change_user(request: Request) -> Answer:
    """Change a user. Another role ends the access tokens, `active` false the sessions."""
    user = administration.lock_user_for(request.connection, request.caller, request.path["id"])
    request.check_version(user.etag)
    user = administration.change_user(request.connection, request.caller, user, request.body)
    return Answer(user.json, etag=user.etag)


@endpoint(
    blueprint,
    "DELETE",
    "/api/users/{id}",
    roles=MANAGERS,
    status=204,
    conditional=True,
    errors=(LastManager,),
)
def deactivate_user(request: Request) -> Answer:
    """Deactivate a user, who is kept and can be activated again."""
    user = administration.lock_user_for(request.connection, request.caller, request.path["id"])
    request.check_version(user.etag)
    administration.deactivate_user(request.connection, request.caller, user)
    return Answer()


@endpoint(
    blueprint,
    "POST",
    "/api/users/{id}/invite",
    roles=MANAGERS,
    status=202,
    creates=True,
    errors=(UserErased, UserInactive, MailSuppressed),
)
def invite_user(request: Request) -> Answer:
    """Send a user the link to set a password: an invitation where there is none yet."""
    user = administration.lock_user_for(request.connection, request.caller, request.path["id"])
    administration.invite_user(request.connection, request.caller, user)
    return Answer()

"""What is done with users: signing in and adding them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from chalicelib.accounts.errors import EmailTaken, InvalidCredentials, InvalidToken, UsernameTaken
from chalicelib.accounts.passwords import password_matches
from chalicelib.accounts.queries import find_credentials, find_me
from chalicelib.accounts.rules import Caller, Role, canonical_username
from chalicelib.accounts.tokens import AccessToken, issue_access_token
from chalicelib.core.violations import refused_as

_BY_CONSTRAINT = {
    "users_username_key": UsernameTaken,
    "users_username_skeleton_key": UsernameTaken,
    "users_email_key": EmailTaken,
}
_INSERT = text(
    "INSERT INTO users (username, email, full_name, role, password_hash)"
    " VALUES (:username, :email, :full_name, :role, :password_hash) RETURNING id"
)
# as JSON: pg8000 would turn an element null of a text[], somebody's name perhaps, into NULL
_INSERT_MISSING = text(
    "INSERT INTO users (username, email, full_name, role, password_hash)"
    " SELECT canonical_username(username), email, full_name, role, password_hash"
    " FROM json_to_recordset(CAST(:users AS json))"
    " AS new (username text, email text, full_name text, role text, password_hash text)"
    " ON CONFLICT DO NOTHING"
)


class NewUser(NamedTuple):
    """A user to add; without a hash there is no signing in until a password is set."""

    username: str
    email: str
    full_name: str
    role: Role
    password_hash: str | None = None


def sign_in(connection: Connection, name: str, password: str, now: datetime) -> AccessToken:
    """Return an access token for whoever knows the password of a username or e-mail address.

    Raises:
        InvalidCredentials: after the same work whether there is such a user or not.
    """
    credentials = find_credentials(connection, name)
    matches = password_matches(credentials.password_hash if credentials else None, password)
    if credentials is None or not matches or not credentials.active:
        raise InvalidCredentials
    return issue_access_token(credentials.caller, now)


def get_me(connection: Connection, caller: Caller) -> str:
    """Return the caller's account as JSON text.

    Raises:
        InvalidToken: the user is gone or no longer active.
    """
    me = find_me(connection, caller.id)
    if me is None:
        raise InvalidToken
    return me


def create_user(connection: Connection, user: NewUser) -> int:
    """Add a user and return the id.

    Raises:
        UsernameTaken, EmailTaken: somebody has it, in whatever case, or one that looks the same.
    """
    binds = user._asdict() | {"username": canonical_username(user.username)}
    with refused_as(_BY_CONSTRAINT):
        return int(connection.execute(_INSERT, binds).scalar_one())


def create_missing_users(connection: Connection, users: Sequence[NewUser]) -> int:
    """Add those whose username and address are free, in one statement, and return how many."""
    rows = json.dumps([user._asdict() for user in users])
    return connection.execute(_INSERT_MISSING, {"users": rows}).rowcount

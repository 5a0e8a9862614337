"""Every SELECT over the people; nothing here writes."""

from __future__ import annotations

from typing import NamedTuple, cast

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller, Role


class Credentials(NamedTuple):
    """What a sign-in is checked against."""

    id: int
    username: str
    role: Role
    active: bool
    password_hash: str | None

    @property
    def caller(self) -> Caller:
        """The user as the sender of requests."""
        return Caller(self.id, self.username, self.role)


_CREDENTIALS_BY_USERNAME = text(
    "SELECT id, username, role, active, password_hash FROM users"
    " WHERE username = canonical_username(:name)"
)
_CREDENTIALS_BY_EMAIL = text(
    "SELECT id, username, role, active, password_hash FROM users WHERE lower(email) = lower(:name)"
)
_ME = text(
    "SELECT row_to_json(me)::text FROM (SELECT id, username, email, full_name, role, locale,"
    " to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS created_at"
    " FROM users WHERE id = :id AND active) me"
)


def find_credentials(connection: Connection, name: str) -> Credentials | None:
    """Return the user of that username or e-mail address, in any case; a username has no @."""
    statement = _CREDENTIALS_BY_EMAIL if "@" in name else _CREDENTIALS_BY_USERNAME
    row = connection.execute(statement, {"name": name}).one_or_none()
    return Credentials(*row) if row else None


def find_me(connection: Connection, user_id: int) -> str | None:
    """Return an active user's own view of the account as JSON text."""
    return cast("str | None", connection.execute(_ME, {"id": user_id}).scalar_one_or_none())

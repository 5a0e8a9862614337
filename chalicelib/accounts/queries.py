"""Every SELECT over the people; nothing here writes."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import canonical_username


class Credentials(NamedTuple):
    """What a sign-in is checked against."""

    id: int
    username: str
    email: str
    password_hash: str | None


class Me(NamedTuple):
    """An account as its owner sees it, as JSON text, and its version."""

    id: int
    version: int
    json: str

    @property
    def etag(self) -> str:
        """Return the opaque tag of this version."""
        return f"{self.id}-{self.version}"


ME_FIELDS = (
    "users.id, users.username, users.email, users.full_name, users.role, users.locale,"
    " to_char(users.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS created_at"
)
# As a scalar subquery it also stands in a RETURNING list.
ME_JSON = f"(SELECT row_to_json(me)::text FROM (SELECT {ME_FIELDS}) me)"  # noqa: S608

# A row whether there is such a user or not, so that neither answer is the shorter one.
_CREDENTIALS = (
    "SELECT users.id, username, email, password_hash"
    " FROM (SELECT 1) always LEFT JOIN users ON {} = :name"
)
_BY_USERNAME = text(_CREDENTIALS.format("username"))
_BY_EMAIL = text(_CREDENTIALS.format("lower(email)").replace(":name", "lower(:name)"))
_BY_ID = text("SELECT id, username, email, password_hash FROM users WHERE id = :id")
_ME = text(f"SELECT id, version, {ME_JSON} FROM users WHERE id = :id AND active")  # noqa: S608
_LOCKED_ME = text(f"{_ME.text} FOR UPDATE")


def find_credentials(connection: Connection, name: str) -> Credentials | None:
    """Return the user of that username or e-mail address, in any case; a username has no @."""
    if "@" in name:
        row = connection.execute(_BY_EMAIL, {"name": name}).one()
    else:
        row = connection.execute(_BY_USERNAME, {"name": canonical_username(name)}).one()
    return None if row.id is None else Credentials(*row)


def find_credentials_of(connection: Connection, user_id: int) -> Credentials | None:
    """Return what the password of a user is checked against."""
    row = connection.execute(_BY_ID, {"id": user_id}).one_or_none()
    return Credentials(*row) if row else None


def find_me(connection: Connection, user_id: int, *, lock: bool = False) -> Me | None:
    """Return an active user's own view of the account, locked against changes where asked."""
    row = connection.execute(_LOCKED_ME if lock else _ME, {"id": user_id}).one_or_none()
    return Me(*row) if row else None

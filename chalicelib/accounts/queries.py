"""Every SELECT over the people; nothing here writes."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, Connection, Integer, Text, column, text

from chalicelib.accounts.rules import Role, canonical_username
from chalicelib.accounts.schemas import PersonQuery, UserQuery
from chalicelib.core.listing import Listing, Sort, contains
from chalicelib.core.pagination import Page
from chalicelib.mail.letters import Locale


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


class User(NamedTuple):
    """A user as managers see them, as JSON text, and what the API does not tell."""

    id: int
    version: int
    has_password: bool
    is_erased: bool
    json: str

    @property
    def etag(self) -> str:
        """Return the opaque tag of this version."""
        return f"{self.id}-{self.version}"

    @property
    def facts(self) -> dict[str, Any]:
        """The members of the JSON."""
        facts: dict[str, Any] = json.loads(self.json)
        return facts


class Recipient(NamedTuple):
    """A user as the mails to an account need one."""

    id: int
    username: str
    email: str
    full_name: str
    role: Role
    locale: Locale
    active: bool
    has_password: bool
    wants: Literal["immediate", "digest", "off"]


# Built of its fields at once: a row made first and then turned into JSON costs a tenth more.
ME_JSON = """
    json_build_object(
        'id', users.id, 'username', users.username, 'email', users.email,
        'full_name', users.full_name, 'role', users.role, 'locale', users.locale,
        'created_at', to_char(users.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    )::text
"""

# A row whether there is such a user or not, so that neither answer is the shorter one.
_CREDENTIALS = (
    "SELECT users.id, username, email, password_hash"
    " FROM (SELECT 1) always LEFT JOIN users ON {} = :name"
)
_BY_USERNAME = text(_CREDENTIALS.format("username"))
_BY_EMAIL = text(_CREDENTIALS.format("lower(email)").replace(":name", "lower(:name)"))
_BY_ID = text("SELECT id, username, email, password_hash FROM users WHERE id = :id")
_FIND_ME = f"SELECT id, version, {ME_JSON} AS json FROM users WHERE id = :id AND active"  # noqa: S608
# Told beforehand, the columns need not be found out at each call.
_ME = text(_FIND_ME).columns(
    column("id", BigInteger), column("version", Integer), column("json", Text)
)
_LOCKED_ME = text(f"{_FIND_ME} FOR UPDATE")

_USER_FIELDS = (
    "users.id, users.username, users.email, users.full_name, users.role, users.active,"
    " users.locale,"
    " to_char(users.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS created_at"
)
# What a `User` is made of; it also stands in a RETURNING list.
USER = f"""
    users.id, users.version, users.password_hash IS NOT NULL, users.erased_at IS NOT NULL,
    (SELECT row_to_json(shown)::text FROM (SELECT {_USER_FIELDS}) shown)
"""  # noqa: S608
_USER = text(f"SELECT {USER} FROM users WHERE id = :id")  # noqa: S608
_LOCKED_USER = text(f"{_USER.text} FOR UPDATE")
USERS = Listing(
    table="users",
    fields=_USER_FIELDS,
    sorts={
        "username": Sort("username", "{}", "text", unique=True),
        "email": Sort("email", "lower({})", "text", unique=True),
        "full_name": Sort("full_name", "lower({})", "text"),
        "created_at": Sort("created_at", "{}", "timestamptz"),
    },
    conditions={
        "q": contains("username", "email", "full_name"),
        "role": "role = :role",
        "active": "active = CAST(:active AS boolean)",
    },
)
PEOPLE = Listing(
    table="users",
    fields="users.id, users.username, users.full_name",
    sorts={"username": USERS.sorts["username"]},
    conditions={
        "q": contains("username", "full_name"),
        "role": USERS.conditions["role"],
        "active": USERS.conditions["active"],
    },
)
_IS_SUPPRESSED = text(
    "SELECT EXISTS (SELECT FROM mail_suppressions JOIN users ON address = lower(email)"
    " WHERE users.id = :id)"
)


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


def find_user(connection: Connection, user_id: int, *, lock: bool = False) -> User | None:
    """Return a user, locked against other changes where asked."""
    row = connection.execute(_LOCKED_USER if lock else _USER, {"id": user_id}).one_or_none()
    return User(*row) if row else None


def list_users(connection: Connection, query: UserQuery) -> Page:
    """Return a page of users.

    Raises:
        InvalidCursor: the cursor is not one of this list and sort.
    """
    filters = query.model_dump(include={"q", "role", "active"})
    return USERS.page(connection, query, sort=query.sort, **filters)


def list_people(connection: Connection, query: PersonQuery) -> Page:
    """Return a page of active users in brief, by username.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    filters = query.model_dump(include={"q", "role"})
    return PEOPLE.page(connection, query, sort="username", active=True, **filters)


def is_suppressed(connection: Connection, user_id: int) -> bool:
    """Tell whether no mail is sent to a user's address any more."""
    return bool(connection.execute(_IS_SUPPRESSED, {"id": user_id}).scalar_one())


_RECIPIENT = (
    "SELECT id, username, email, full_name, role, locale, active, password_hash IS NOT NULL,"
    " coalesce(mail, 'digest') FROM users LEFT JOIN notification_preferences ON user_id = id"
    " WHERE erased_at IS NULL AND "
)
_RECIPIENT_BY_ID = text(_RECIPIENT + "id = :user_id")
_RECIPIENT_BY_EMAIL = text(_RECIPIENT + "lower(email) = lower(:address)")


def find_recipient(
    connection: Connection, user_id: int | None, address: str | None
) -> Recipient | None:
    """Return the user of that id, or else of that address in any case; nobody who was erased."""
    if user_id is not None:
        row = connection.execute(_RECIPIENT_BY_ID, {"user_id": user_id}).one_or_none()
    else:
        row = connection.execute(_RECIPIENT_BY_EMAIL, {"address": address}).one_or_none()
    return Recipient(*row) if row else None

"""What is done with one's own account, and adding users: registering, the profile, the password."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from chalicelib.accounts import limits
from chalicelib.accounts.errors import (
    EmailTaken,
    InvalidToken,
    RegistrationClosed,
    UsernameTaken,
)
from chalicelib.accounts.passwords import hash_password
from chalicelib.accounts.queries import ME_JSON, Credentials, Me, find_credentials_of, find_me
from chalicelib.accounts.recovery import forget_links
from chalicelib.accounts.rules import (
    Caller,
    Role,
    Stranger,
    broken_password_rules,
    canonical_username,
)
from chalicelib.accounts.schemas import Locale, ProfileChanges, RegistrationIn
from chalicelib.accounts.sessions import end_other_sessions
from chalicelib.accounts.tokens import SessionName
from chalicelib.audit import service as audit
from chalicelib.core.errors import FieldError, Invalid, RollcallError
from chalicelib.core.settings import get_settings
from chalicelib.core.violations import refused_as
from chalicelib.mail.service import queue_mail

BY_CONSTRAINT: dict[str, type[RollcallError]] = {
    "users_username_key": UsernameTaken,
    "users_username_skeleton_key": UsernameTaken,
    "users_email_key": EmailTaken,
}
_INSERT = text(
    "INSERT INTO users (username, email, full_name, role, password_hash, locale)"
    " VALUES (:username, :email, :full_name, :role, :password_hash, :locale) RETURNING id"
)
# as JSON: pg8000 would turn an element null of a text[], somebody's name perhaps, into NULL
_INSERT_MISSING = text(
    "INSERT INTO users (username, email, full_name, role, password_hash, locale)"
    " SELECT canonical_username(username), email, full_name, role, password_hash, locale"
    " FROM json_to_recordset(CAST(:users AS json)) AS new (username text, email text,"
    " full_name text, role text, password_hash text, locale text)"
    " ON CONFLICT DO NOTHING"
)
# A change that changes nothing makes no new version.
_CHANGE_PROFILE = text(
    f"""
    UPDATE users
       SET full_name = coalesce(:full_name, full_name), locale = coalesce(:locale, locale),
           updated_at = now(), version = version + 1
     WHERE id = :id AND (full_name, locale)
           IS DISTINCT FROM (coalesce(:full_name, full_name), coalesce(:locale, locale))
    RETURNING id, version, {ME_JSON}
    """  # noqa: S608
)
# Not if it changed since it was checked.
_CHANGE_PASSWORD = text(
    "UPDATE users SET password_hash = :new_hash, updated_at = now(), version = version + 1"
    " WHERE id = :id AND password_hash = :old_hash"
)


class NewUser(NamedTuple):
    """A user to add; without a hash there is no signing in until a password is set."""

    username: str
    email: str
    full_name: str
    role: Role
    password_hash: str | None = None
    locale: Locale = "en"


def check_new_password(field: str, password: str, username: str, email: str) -> None:
    """Hold a new password of a user against the rules.

    Raises:
        Invalid: names each rule that it breaks.
    """
    broken = broken_password_rules(password, username, email)
    if broken:
        raise Invalid(errors=[FieldError(field, rule.code, rule.message) for rule in broken])


def register(connection: Connection, stranger: Stranger, wanted: RegistrationIn) -> Me:
    """Make a student's account for whoever asks.

    Raises:
        RegistrationClosed: the school does not want that.
        Invalid: the password breaks a rule.
        UsernameTaken, EmailTaken: somebody has it.
        TooManyAttempts: from this network address, those that were refused included.
    """
    if not get_settings().registration_open:
        raise RegistrationClosed
    check_new_password("password", wanted.password, wanted.username, wanted.email)
    limits.take(connection, [limits.registration_from(stranger.ip)])
    user = NewUser(
        wanted.username,
        wanted.email,
        wanted.full_name,
        "student",
        hash_password(wanted.password),
        wanted.locale,
    )
    try:
        with connection.begin_nested():
            user_id = create_user(connection, user)
    except (UsernameTaken, EmailTaken) as taken:
        taken.keeps_work = True
        raise
    audit.add(connection, stranger, "user_created", "user", user_id, after={"role": "student"})
    return get_me(connection, user_id)


def get_me(connection: Connection, user_id: int, *, lock: bool = False) -> Me:
    """Return a user's own account, locked against changes where asked.

    Raises:
        InvalidToken: the user is gone or no longer active.
    """
    me = find_me(connection, user_id, lock=lock)
    if me is None:
        raise InvalidToken
    return me


def change_profile(connection: Connection, caller: Caller, me: Me, changes: ProfileChanges) -> Me:
    """Change the own account, which is locked, and return it as it is then."""
    named = changes.model_dump(exclude_unset=True)
    binds = {"full_name": None, "locale": None} | named | {"id": me.id}
    row = connection.execute(_CHANGE_PROFILE, binds).one_or_none()
    if row is None:
        return me
    audit.add(connection, caller, "user_updated", "user", me.id, after={"changed": sorted(named)})
    return Me(*row)


def begin_password_change(connection: Connection, caller: Caller, new_password: str) -> Credentials:
    """Count a try to change the own password, and return what the present one is checked against.

    Raises:
        Invalid: the new one breaks a rule; that is no try.
        TooManyAttempts: too many were wrong; the session goes on.
    """
    credentials = find_credentials_of(connection, caller.id)
    if credentials is None:
        raise InvalidToken
    check_new_password("new_password", new_password, credentials.username, credentials.email)
    limits.take(connection, [limits.password_check_of(caller.id)])
    return credentials


def refuse_password_change(connection: Connection, caller: Caller) -> None:
    """Write down that the present password was wrong.

    Raises:
        Invalid: always.
    """
    audit.add(connection, caller, "authn_password_change_fail", "user", caller.id)
    wrong = FieldError("current_password", "wrong_password", "This is not your present password.")
    raise Invalid(errors=[wrong], keeps_work=True)


def change_password(
    connection: Connection,
    caller: Caller,
    session: SessionName,
    credentials: Credentials,
    new_hash: str,
) -> None:
    """Set a new password, and end every other session and every link that would set one.

    Raises:
        InvalidToken: it was changed from elsewhere meanwhile.
    """
    binds = {"id": caller.id, "old_hash": credentials.password_hash, "new_hash": new_hash}
    if connection.execute(_CHANGE_PASSWORD, binds).rowcount == 0:
        raise InvalidToken
    end_other_sessions(connection, caller.id, session)
    forget_links(connection, caller.id)
    limits.forgive(connection, limits.password_check_of(caller.id))
    audit.add(connection, caller, "authn_password_change", "user", caller.id)
    queue_mail(connection, "password_changed", user_id=caller.id)


def create_user(connection: Connection, user: NewUser) -> int:
    """Add a user and return the id.

    Raises:
        UsernameTaken, EmailTaken: somebody has it, in whatever case, or one that looks the same.
    """
    binds = user._asdict() | {"username": canonical_username(user.username)}
    with refused_as(BY_CONSTRAINT):
        return int(connection.execute(_INSERT, binds).scalar_one())


def create_missing_users(connection: Connection, users: Sequence[NewUser]) -> int:
    """Add those whose username and address are free, in one statement, and return how many."""
    rows = json.dumps([user._asdict() for user in users])
    return connection.execute(_INSERT_MISSING, {"users": rows}).rowcount

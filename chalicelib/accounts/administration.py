"""What managers do with other people's accounts. Sessions and links end by themselves when a role,
an address or activity changes: triggers see to it, whoever makes the change.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.accounts.errors import LastManager, MailSuppressed, UserErased, UserInactive
from chalicelib.accounts.queries import USER, User, find_user, is_suppressed
from chalicelib.accounts.rules import Caller
from chalicelib.accounts.schemas import UserChanges, UserIn
from chalicelib.accounts.service import BY_CONSTRAINT
from chalicelib.audit import service as audit
from chalicelib.audit.actions import Action
from chalicelib.core.errors import found
from chalicelib.core.violations import refused_as
from chalicelib.mail.service import queue_mail

_BY_CONSTRAINT = BY_CONSTRAINT | {"users_last_manager": LastManager}
_PERSONAL = ("email", "full_name", "locale")

_INSERT = text(
    f"""
    INSERT INTO users (username, email, full_name, role, locale)
    VALUES (:username, :email, :full_name, :role, :locale)
    RETURNING {USER}
    """  # noqa: S608
)
_UPDATE = text(
    f"""
    UPDATE users
       SET email = :email, full_name = :full_name, role = :role, active = :active,
           locale = :locale, updated_at = now(), version = version + 1
     WHERE id = :id
    RETURNING {USER}
    """  # noqa: S608
)


def get_user_for(connection: Connection, _caller: Caller, user_id: int) -> User:
    """Return a user; a manager may see all of them.

    Raises:
        NotFound: there is none of that id.
    """
    return found(find_user(connection, user_id))


def lock_user_for(connection: Connection, _caller: Caller, user_id: int) -> User:
    """Return a user that nobody else changes until this transaction ends.

    Raises:
        NotFound: there is none of that id.
    """
    return found(find_user(connection, user_id, lock=True))


def create_user(connection: Connection, caller: Caller, wanted: UserIn) -> User:
    """Add a user without a password, and send the invitation to set one.

    Raises:
        UsernameTaken, EmailTaken: somebody has it, in whatever case, or one that looks the same.
    """
    with refused_as(_BY_CONSTRAINT):
        user = User(*connection.execute(_INSERT, wanted.model_dump()).one())
    after = {"role": wanted.role, "active": True}
    audit.add(connection, caller, "user_created", "user", user.id, after=after)
    queue_mail(connection, "invitation", user_id=user.id)
    return user


def change_user(connection: Connection, caller: Caller, user: User, changes: UserChanges) -> User:
    """Change the named fields of a locked user; what changes nothing makes no new version.

    Raises:
        UserErased: there is nothing left to change.
        EmailTaken: somebody else has the new address.
        LastManager: somebody active has to be left who manages.
    """
    if user.is_erased:
        raise UserErased
    before = user.facts
    after = before | changes.model_dump(exclude_unset=True)
    if after == before:
        return user
    with refused_as(_BY_CONSTRAINT):
        changed = User(*connection.execute(_UPDATE, after).one())
    _write_down(connection, caller, before, after)
    return changed


def deactivate_user(connection: Connection, caller: Caller, user: User) -> None:
    """End all access of a locked user; the second time changes nothing.

    Raises:
        LastManager: somebody active has to be left who manages.
    """
    if user.facts["active"]:
        change_user(connection, caller, user, UserChanges(active=False))


def invite_user(connection: Connection, caller: Caller, user: User) -> None:
    """Send a locked user the link to set a password, the first one or a new one.

    Raises:
        UserErased, UserInactive: the link would not work.
        MailSuppressed: no mail would be sent.
    """
    if user.is_erased:
        raise UserErased
    if not user.facts["active"]:
        raise UserInactive
    if is_suppressed(connection, user.id):
        raise MailSuppressed
    kind = "forgot_password" if user.has_password else "invitation"
    queue_mail(connection, kind, user_id=user.id)
    audit.add(connection, caller, "user_invited", "user", user.id, after={"mail": kind})


def _write_down(
    connection: Connection, caller: Caller, before: dict[str, object], after: dict[str, object]
) -> None:
    """Write what changed into the audit log: of personal fields only which ones."""
    user_id = after["id"]
    if before["role"] != after["role"]:
        old, new = {"role": before["role"]}, {"role": after["role"]}
        audit.add(connection, caller, "authz_change", "user", user_id, before=old, after=new)
    if before["active"] != after["active"]:
        action: Action = "user_reactivated" if after["active"] else "user_archived"
        old, new = {"active": before["active"]}, {"active": after["active"]}
        audit.add(connection, caller, action, "user", user_id, before=old, after=new)
    personal = [name for name in _PERSONAL if before[name] != after[name]]
    if personal:
        audit.add(connection, caller, "user_updated", "user", user_id, after={"changed": personal})

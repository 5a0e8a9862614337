"""A person's right to be forgotten.

It means: nobody can tell any more who it was; what the school must keep of its work
(enrolments, announcements and their deliveries, tasks, the audit log) goes on under a number. The
audit log and the ledger of deliveries name nobody by themselves.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.accounts.errors import LastManager, UserErased
from chalicelib.accounts.rules import Caller
from chalicelib.audit import service as audit
from chalicelib.core.errors import found
from chalicelib.core.violations import refused_as

_ERASE = text(
    """
    UPDATE users
       SET username = 'erased-' || id || '-' || left(gen_random_uuid()::text, 8),
           email = 'erased-' || id || '@erased.invalid', full_name = '',
           password_hash = NULL, locale = 'en', active = false,
           erased_at = now(), updated_at = now(), version = version + 1
     WHERE id = :id AND erased_at IS NULL
    """
)
_EMAIL = text("SELECT lower(email), erased_at IS NOT NULL FROM users WHERE id = :id FOR UPDATE")
_FORGET = text(
    """
    WITH mailed AS (DELETE FROM mails WHERE user_id = :id OR lower(address) = :email),
         suppressed AS (DELETE FROM mail_suppressions WHERE address = :email),
         preferred AS (DELETE FROM notification_preferences WHERE user_id = :id),
         subscribed AS (DELETE FROM calendar_feeds WHERE user_id = :id),
         unsubscribing AS (DELETE FROM unsubscribe_links WHERE user_id = :id)
    DELETE FROM idempotency_keys WHERE caller_id = :id
    """
)


def erase_user(connection: Connection, caller: Caller, user_id: int) -> None:
    """Take from an account all that tells whose it was; nobody can sign in to it any more.

    Raises:
        NotFound: there is none.
        UserErased: it was done before.
        LastManager: somebody has to be left who can manage.
    """
    email, is_erased = found(connection.execute(_EMAIL, {"id": user_id}).one_or_none())
    if is_erased:
        raise UserErased
    with refused_as({"users_last_manager": LastManager}):
        connection.execute(_ERASE, {"id": user_id})
    connection.execute(_FORGET, {"id": user_id, "email": email})
    audit.add(connection, caller, "user_deleted", "user", user_id)

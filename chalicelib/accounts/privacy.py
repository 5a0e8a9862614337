"""A person's rights to their data: to see all that is kept on them, and to be forgotten.

To be forgotten means: nobody can tell any more who it was; what the school must keep of its work
(enrolments, tasks, the audit log) goes on under a number. The audit log names nobody by itself.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.accounts.errors import LastManager, UserErased
from chalicelib.accounts.rules import Caller
from chalicelib.audit import service as audit
from chalicelib.core.errors import NotFound
from chalicelib.core.violations import refused_as

MOST_EVENTS = 2000


def _moment(column: str) -> str:
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"


_EXPORT = text(
    f"""
    SELECT json_build_object(
        'account', (
            SELECT json_build_object(
                'id', id, 'username', username, 'email', email, 'full_name', full_name,
                'role', role, 'active', active, 'locale', locale,
                'has_password', password_hash IS NOT NULL,
                'created_at', {_moment("created_at")}, 'updated_at', {_moment("updated_at")})
              FROM users WHERE id = :id),
        'notification_preferences', (
            SELECT json_build_object('mail', mail, 'digest_hour', digest_hour,
                                     'timezone', timezone)
              FROM notification_preferences WHERE user_id = :id),
        'sessions', (
            SELECT coalesce(json_agg(json_build_object(
                       'ip', ip, 'created_at', {_moment("created_at")},
                       'used_at', {_moment("used_at")}, 'expires_at', {_moment("expires_at")})
                       ORDER BY id), '[]')
              FROM sessions WHERE user_id = :id),
        'links', (
            SELECT coalesce(json_agg(json_build_object(
                       'created_at', {_moment("created_at")},
                       'expires_at', {_moment("expires_at")}) ORDER BY created_at), '[]')
              FROM recovery_tokens WHERE user_id = :id),
        'mails', (
            SELECT coalesce(json_agg(json_build_object(
                       'kind', kind, 'state', state, 'reason', reason,
                       'created_at', {_moment("created_at")}, 'ended_at', {_moment("ended_at")})
                       ORDER BY id), '[]')
              FROM mails
             WHERE user_id = :id
                OR lower(address) = (SELECT lower(email) FROM users WHERE id = :id)),
        'mail_suppression', (
            SELECT json_build_object('reason', reason, 'at', {_moment("at")})
              FROM mail_suppressions
             WHERE address = (SELECT lower(email) FROM users WHERE id = :id)),
        'events', (
            SELECT coalesce(json_agg(json_build_object(
                       'at', {_moment("at")}, 'by_me', actor_id = :id, 'action', action,
                       'object', json_build_object('kind', object_kind, 'id', object_id),
                       'before', before, 'after', after, 'ip', ip) ORDER BY id DESC), '[]')
              FROM (SELECT * FROM audit_events
                     WHERE actor_id = :id OR object_kind = 'user' AND object_id = :text_id
                     ORDER BY id DESC LIMIT :most) events),
        'events_in_all', (
            SELECT count(*) FROM audit_events
             WHERE actor_id = :id OR object_kind = 'user' AND object_id = :text_id)
    )::text
    """  # noqa: S608
)
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
         preferred AS (DELETE FROM notification_preferences WHERE user_id = :id)
    DELETE FROM idempotency_keys WHERE caller_id = :id
    """
)


def export_user(connection: Connection, user_id: int) -> str:
    """Return all that is kept on a user as JSON text; of events, the newest 2,000 and how many
    there are.
    """
    binds = {"id": user_id, "text_id": str(user_id), "most": MOST_EVENTS}
    return str(connection.execute(_EXPORT, binds).scalar_one())


def erase_user(connection: Connection, caller: Caller, user_id: int) -> None:
    """Take from an account all that tells whose it was; nobody can sign in to it any more.

    Raises:
        NotFound: there is none.
        UserErased: it was done before.
        LastManager: somebody has to be left who can manage.
    """
    found = connection.execute(_EMAIL, {"id": user_id}).one_or_none()
    if found is None:
        raise NotFound
    email, is_erased = found
    if is_erased:
        raise UserErased
    with refused_as({"users_last_manager": LastManager}):
        connection.execute(_ERASE, {"id": user_id})
    connection.execute(_FORGET, {"id": user_id, "email": email})
    audit.add(connection, caller, "user_deleted", "user", user_id)

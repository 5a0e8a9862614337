"""When somebody gets mails; whoever never said has the defaults, and no row."""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.accounts.schemas import Preferences

_GET = text(
    """
    SELECT json_build_object('mail', coalesce(mail, 'digest'),
                             'digest_hour', coalesce(digest_hour, 18),
                             'timezone', coalesce(timezone, 'UTC'), 'locale', locale)::text
      FROM users LEFT JOIN notification_preferences ON user_id = id WHERE id = :user_id
    """
)
_SET = text(
    """
    WITH speaks AS (
        UPDATE users SET locale = :locale, updated_at = now(), version = version + 1
         WHERE id = :user_id AND locale <> :locale
    )
    INSERT INTO notification_preferences (user_id, mail, digest_hour, timezone)
    VALUES (:user_id, :mail, :digest_hour, :timezone)
        ON CONFLICT (user_id) DO UPDATE
       SET mail = excluded.mail, digest_hour = excluded.digest_hour, timezone = excluded.timezone
    """
)


def get_preferences(connection: Connection, user_id: int) -> str:
    """Return a user's preferences as JSON text."""
    return str(connection.execute(_GET, {"user_id": user_id}).scalar_one())


def set_preferences(connection: Connection, user_id: int, wanted: Preferences) -> None:
    """Keep a user's preferences; the language is that of the account."""
    connection.execute(_SET, {"user_id": user_id} | wanted.model_dump())

"""Reminders: a round goes over all who have not acknowledged, a batch a transaction.

A round is a number and a moment on the announcement; each delivery is reminded once in it, since
the batches go by user and keep how far they came. Mails go to those whose mail is not off.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller
from chalicelib.announcements.errors import (
    AnnouncementScheduled,
    AnnouncementWithdrawn,
    RemindedTooSoon,
)
from chalicelib.announcements.inbox import count_change
from chalicelib.announcements.queries import Announcement
from chalicelib.audit import service as audit
from chalicelib.core import logs
from chalicelib.mail.service import POSTED
from chalicelib.outbox import service as outbox

BATCH = 5_000
_PAUSE = timedelta(hours=1)
_MOST_AUTOMATIC = 3

_BEGIN = text(
    """
    UPDATE announcements
       SET reminders = reminders + 1, reminded_at = now(), reminded_to = 0, remind_all = :all
     WHERE id = :id
    """
)
_UNACKNOWLEDGED = text(
    "SELECT count(*) FROM deliveries WHERE announcement_id = :id AND state <> 'acknowledged'"
)
# By itself: a statement that locks the row and then changes it does the latter by what it saw when
# it began. Where somebody was faster it waits for the old version, and who holds that waits for it.
_LOCK_ROUND = text(
    "SELECT id FROM announcements"
    " WHERE id = :id AND status = 'published' AND reminded_to IS NOT NULL FOR NO KEY UPDATE"
)
_REMIND = text(
    f"""
    WITH round AS MATERIALIZED (
        SELECT id, reminders, reminded_at, reminded_to, remind_all FROM announcements
         WHERE id = :id),
    batch AS MATERIALIZED (
        SELECT deliveries.id, user_id
          FROM deliveries JOIN round ON round.id = announcement_id
         WHERE user_id > reminded_to AND state <> 'acknowledged'
         ORDER BY user_id LIMIT :batch FOR NO KEY UPDATE OF deliveries),
    reminded AS (
        UPDATE deliveries SET retry_count = retry_count + 1, last_push_at = reminded_at
          FROM batch, round WHERE deliveries.id = batch.id
        RETURNING deliveries.user_id, deliveries.version),
    event AS (
        INSERT INTO delivery_events (announcement_id, kind, version, user_ids)
        SELECT :id, 'reminded', version, array_agg(user_id ORDER BY user_id)
          FROM reminded GROUP BY version),
    mailed AS (
        INSERT INTO mails (kind, user_id, about, occasion)
        SELECT 'announcement_reminder', reminded.user_id, :id, reminders
          FROM round, reminded LEFT JOIN notification_preferences USING (user_id)
         WHERE mail = 'immediate' OR remind_all AND mail IS DISTINCT FROM 'off'
            ON CONFLICT DO NOTHING
        RETURNING id),
    {POSTED}
    UPDATE announcements
       SET reminded_to = CASE WHEN found = :batch THEN last END
      FROM (SELECT count(*) AS found, max(user_id) AS last FROM batch) batches
     WHERE id = (SELECT id FROM round)
    RETURNING announcements.reminded_to IS NOT NULL
    """  # noqa: S608
)
# Who gets mails at once is reminded of what still waits for an answer: a day after it was
# published, then every third day, three times at most, for two weeks.
_AUTOMATIC = text(
    """
    SELECT id FROM announcements
     WHERE status = 'published' AND requires_ack AND fanout_state = 'done'
       AND reminded_to IS NULL AND reminders < :most
       AND published_at BETWEEN now() - interval '14 days' AND now() - interval '1 day'
       AND (reminded_at IS NULL OR reminded_at < now() - interval '3 days')
     ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    """
)


def remind_unacknowledged(
    connection: Connection, caller: Caller, announcement: Announcement, now: datetime
) -> int:
    """Remind all readers of a locked announcement who have not acknowledged; return how many.

    Raises:
        AnnouncementWithdrawn, AnnouncementScheduled: nobody has it.
        RemindedTooSoon: they were reminded within the hour.
    """
    if announcement.status == "withdrawn":
        raise AnnouncementWithdrawn
    if announcement.status == "scheduled":
        raise AnnouncementScheduled
    if announcement.reminded_at is not None:
        wait_seconds = (announcement.reminded_at + _PAUSE - now).total_seconds()
        if wait_seconds > 0:
            raise RemindedTooSoon(retry_after_seconds=int(wait_seconds) + 1)
    unacknowledged = connection.execute(_UNACKNOWLEDGED, {"id": announcement.id}).scalar_one()
    _begin_round(connection, announcement.id, everybody=True)
    after = {"round": announcement.reminders + 1, "reminded": unacknowledged}
    audit.add(
        connection, caller, "announcement_reminded", "announcement", announcement.id, after=after
    )
    return int(unacknowledged)


def remind_automatically(connection: Connection) -> int | None:
    """Begin a round that is due by itself, and return of which announcement; None without one."""
    announcement_id = connection.execute(_AUTOMATIC, {"most": _MOST_AUTOMATIC}).scalar_one_or_none()
    if announcement_id is None:
        return None
    _begin_round(connection, announcement_id, everybody=False)
    return int(announcement_id)


def remind_next(connection: Connection, announcement_id: int) -> bool:
    """Remind the next batch of the round under way; return whether there is more to do."""
    binds = {
        "id": announcement_id,
        "batch": BATCH,
        "correlation_id": logs.correlation_id(),
    }
    if connection.execute(_LOCK_ROUND, {"id": announcement_id}).one_or_none() is None:
        return False
    more = connection.execute(_REMIND, binds).scalar_one()
    count_change(connection, announcement_id)
    return bool(more)


def _begin_round(connection: Connection, announcement_id: int, *, everybody: bool) -> None:
    connection.execute(_BEGIN, {"id": announcement_id, "all": everybody})
    if remind_next(connection, announcement_id):
        outbox.add(connection, "fanout", {"announcement_id": announcement_id})

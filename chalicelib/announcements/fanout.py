"""Everybody of an audience gets one delivery: a chunk a transaction, by whoever takes the chunk.

Nothing is kept but in the database: a chunk says for which version it was delivered, in the
transaction that delivers it. So workers may share an announcement, die, and be called twice. The
same statement makes a delivery and, for a version that asks again, sets it back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy import Connection, text

from chalicelib.announcements.audience import freeze
from chalicelib.announcements.inbox import count_change
from chalicelib.announcements.reminding import remind_next
from chalicelib.core import database, logs
from chalicelib.mail.service import POSTED
from chalicelib.outbox import service as outbox

log = logging.getLogger(__name__)

_START = text(
    """
    SELECT audience, last_user_id, frozen_at IS NOT NULL AS is_frozen, fanout_state,
           (SELECT id FROM users WHERE id = publisher_id AND role = 'teacher') AS teacher
      FROM announcements
     WHERE id = :id AND status = 'published' AND fanout_state <> 'done' FOR NO KEY UPDATE
    """
)
_STARTED = text(
    "UPDATE announcements SET fanout_state = 'running', fanout_at = now(),"
    " frozen_at = CASE WHEN :is_frozen THEN coalesce(frozen_at, now()) END WHERE id = :id"
)
_WAITING = text(
    """
    SELECT count(*) FROM fanout_chunks
      JOIN announcements ON announcements.id = announcement_id AND done_version < asked_version
     WHERE announcement_id = :id
    """
)
# Without a lock of the announcement, which chunks that follow each other would never let go: an
# edit that comes meanwhile asks for the chunk again, a withdrawal hides what it delivers.
_DELIVER_CHUNK = text(
    f"""
    WITH chunk AS MATERIALIZED (
        SELECT number, user_ids, asked_version
          FROM fanout_chunks JOIN announcements ON announcements.id = announcement_id
         WHERE announcement_id = :id AND status = 'published' AND done_version < asked_version
         ORDER BY number LIMIT 1 FOR NO KEY UPDATE OF fanout_chunks SKIP LOCKED),
    told AS (
        INSERT INTO deliveries (announcement_id, user_id, version)
        SELECT :id, user_id, asked_version FROM chunk CROSS JOIN unnest(user_ids) user_id
            ON CONFLICT (announcement_id, user_id)
            DO UPDATE SET version = excluded.version, state = 'queued', delivered_at = NULL,
                          ack_at = NULL
             WHERE deliveries.version < excluded.version
        RETURNING user_id, version),
    event AS (
        INSERT INTO delivery_events (announcement_id, kind, version, user_ids)
        SELECT :id, 'queued', version, array_agg(user_id) FROM told GROUP BY version),
    mailed AS (
        INSERT INTO mails (kind, user_id, about, occasion)
        SELECT 'announcement_published', user_id, :id, version
          FROM told JOIN notification_preferences USING (user_id) WHERE mail = 'immediate'
            ON CONFLICT DO NOTHING
        RETURNING id),
    {POSTED}
    UPDATE fanout_chunks SET done_version = asked_version
      FROM chunk WHERE announcement_id = :id AND fanout_chunks.number = chunk.number
    """  # noqa: S608
)
_FINISH = text(
    """
    UPDATE announcements SET fanout_state = 'done', fanout_at = now()
     WHERE id = :id AND fanout_state <> 'done' AND frozen_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM fanout_chunks
                        WHERE announcement_id = announcements.id AND done_version < asked_version)
    """
)
# One that waits for its first chunk, or its next, longer than a chunk may take.
_STALE = text(
    """
    UPDATE announcements SET fanout_at = now()
     WHERE id IN (SELECT id FROM announcements
                   WHERE status = 'published'
                     AND (fanout_state <> 'done' OR reminded_to IS NOT NULL)
                     AND greatest(updated_at, fanout_at, reminded_at) < now() - interval '2 minutes'
                   ORDER BY id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id
    """
)
_STALE_LIMIT = 100
# With more chunks than that, another worker is asked to help.
_MOST_ALONE = 4


def fan_out(announcement_id: int, has_time: Callable[[], bool]) -> None:
    """Deliver an announcement to those of its audience who wait for it, and remind those who are
    being reminded; what there is no time for is left to a message of its own.
    """
    with database.transaction() as connection:
        waits, is_frozen = _start(connection, announcement_id)
    while not is_frozen and has_time():
        with database.transaction() as connection:
            waits, is_frozen = _start(connection, announcement_id)
    while waits and has_time():
        with database.transaction() as connection:
            waits = _deliver_chunk(connection, announcement_id)
    if not waits:
        with database.transaction() as connection:
            _finish(connection, announcement_id)
    reminds = True
    while reminds and has_time():
        with database.transaction() as connection:
            reminds = remind_next(connection, announcement_id)
    if waits or reminds:
        with database.transaction() as connection:
            outbox.add(connection, "fanout", {"announcement_id": announcement_id})


def revive_stale(connection: Connection) -> int:
    """Send for fan-outs again that have not gone on for minutes, and return how many."""
    stale = connection.execute(_STALE, {"limit": _STALE_LIMIT}).scalars().all()
    for announcement_id in stale:
        outbox.add(connection, "fanout", {"announcement_id": announcement_id})
    return len(stale)


def _start(connection: Connection, announcement_id: int) -> tuple[bool, bool]:
    """Freeze more of the audience if it is not yet; return whether there may be anything to
    deliver, and whether all of it is frozen.
    """
    row = connection.execute(_START, {"id": announcement_id}).one_or_none()
    if row is None:
        return False, True
    is_frozen = row.is_frozen or freeze(
        connection, announcement_id, row.audience, row.last_user_id, row.teacher
    )
    connection.execute(_STARTED, {"id": announcement_id, "is_frozen": is_frozen})
    if row.fanout_state == "pending":
        waiting = connection.execute(_WAITING, {"id": announcement_id}).scalar_one()
        if waiting > _MOST_ALONE:
            outbox.add(connection, "fanout", {"announcement_id": announcement_id})
    return True, is_frozen


def _deliver_chunk(connection: Connection, announcement_id: int) -> bool:
    """Deliver one chunk that nobody else has; return whether there was one."""
    binds = {"id": announcement_id, "correlation_id": logs.correlation_id()}
    if connection.execute(_DELIVER_CHUNK, binds).rowcount == 0:
        return False
    # Last, so that the next chunk of another announcement does not wait for long.
    count_change(connection, announcement_id)
    return True


def _finish(connection: Connection, announcement_id: int) -> None:
    if connection.execute(_FINISH, {"id": announcement_id}).rowcount:
        count_change(connection, announcement_id)
        log.info("fanned_out", extra={"announcement_id": announcement_id})

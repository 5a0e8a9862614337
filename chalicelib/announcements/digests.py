"""What goes to readers by the clock: a digest a day of what they have not acknowledged, and the
reminders that are due by themselves.

Users are gone through by id, a bounded number in each transaction. A digest is of a reader's local
day, and its row is unique: two runs in one hour, or a run that begins anew, write it once.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from chalicelib.announcements.reminding import remind_automatically
from chalicelib.announcements.rules import local_time
from chalicelib.core import logs
from chalicelib.mail.service import POSTED

BATCH = 10_000

_ZONES = text(
    "SELECT timezone FROM notification_preferences WHERE mail = 'digest' UNION SELECT 'UTC'"
)
# What hour it is where comes along: a name that Postgres does not know would break the statement.
_QUEUE = text(
    f"""
    WITH batch AS MATERIALIZED (
        SELECT id, active FROM users WHERE id > :after ORDER BY id LIMIT :batch),
    clocks AS (
        SELECT * FROM unnest(CAST(:zones AS text[]), CAST(:hours AS integer[]),
                             CAST(:days AS integer[])) AS clock (timezone, hour, day)),
    mailed AS (
        INSERT INTO mails (kind, user_id, occasion)
        SELECT 'announcement_digest', batch.id, day
          FROM batch
          LEFT JOIN notification_preferences wanted ON wanted.user_id = batch.id
          JOIN clocks ON clocks.timezone = coalesce(wanted.timezone, 'UTC')
                     AND hour = coalesce(digest_hour, 18)
         WHERE active AND coalesce(mail, 'digest') = 'digest'
           AND EXISTS (SELECT FROM deliveries
                         JOIN announcements ON announcements.id = announcement_id
                        WHERE deliveries.user_id = batch.id AND state <> 'acknowledged'
                          AND status = 'published')
            ON CONFLICT DO NOTHING
        RETURNING id),
    {POSTED}
    SELECT max(id) AS last_user_id, (SELECT count(*) FROM mailed) AS queued FROM batch
    """  # noqa: S608
)


class Clocks(NamedTuple):
    """What hour and day (as yyyymmdd) it is in each time zone that somebody has."""

    zones: list[str]
    hours: list[int]
    days: list[int]


class Digested(NamedTuple):
    """How far a batch came, None where nobody was left, and how many digests it queued."""

    last_user_id: int | None
    queued: int


def read_clocks(connection: Connection, now: datetime) -> Clocks:
    """Return what the clocks of the readers show."""
    zones = list(connection.execute(_ZONES).scalars())
    local = [local_time(zone, now) for zone in zones]
    days = [time.year * 10_000 + time.month * 100 + time.day for time in local]
    return Clocks(zones, [time.hour for time in local], days)


def daily_digest_unacked(connection: Connection, clocks: Clocks, after: int) -> Digested:
    """Queue the digests of the next users by id whose hour it is and who have something to
    acknowledge.
    """
    binds = clocks._asdict() | {
        "after": after,
        "batch": BATCH,
        "correlation_id": logs.correlation_id(),
    }
    return Digested(*connection.execute(_QUEUE, binds).one())


def push_notify_unacked(connection: Connection) -> int:
    """Begin the reminders of an announcement that are due by themselves; return how many began, 0
    or 1.
    """
    return 0 if remind_automatically(connection) is None else 1

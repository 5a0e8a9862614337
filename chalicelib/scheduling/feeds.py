"""Calendar feeds: the secret URL of a person's timetable, and what stands behind one.

Whoever knows the URL reads the feed, without signing in, until its owner rotates the secret or is
deactivated. How the events are written down as iCalendar is in icalendar_text.py.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from chalicelib.accounts.opaque import may_be_token, new_token
from chalicelib.accounts.rules import Caller
from chalicelib.audit import service as audit
from chalicelib.core.errors import NotFound, found
from chalicelib.core.settings import get_settings

CANCELLED_DAYS = 30
MOST_EVENTS = 5000
# What texts have, and each event beside them: escaped and folded it is less than the 6 MB that a
# function may answer with.
_MOST_BYTES = 3_300_000
_BYTES_BESIDE = 350
_SUFFIX = ".ics"
# Part of each tag: to be raised when the same events are to be written down in another way.
_FORM = 1

_FIND_SECRET = text("SELECT secret FROM calendar_feeds WHERE user_id = :user_id")
_ADD = text(
    "INSERT INTO calendar_feeds (user_id, secret) VALUES (:user_id, :secret)"
    " ON CONFLICT (user_id) DO NOTHING"
)
# What the old calendar was told matters to nobody who reads the new one.
_ROTATE = text(
    """
    INSERT INTO calendar_feeds (user_id, secret) VALUES (:user_id, :secret)
        ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = now()
    """
)

# The moments are worked out as in the week view. What a calendar may hold and does not any more is
# in it too, as cancelled: its section is archived or left, or the meeting dropped. What was over
# when its section went to the archive was held, and leaves without a word.
_EVENTS = text(
    """
    WITH feed AS MATERIALIZED (
        SELECT user_id, name,
               greatest(calendar_feeds.created_at, now() - make_interval(days => :days)) AS since
          FROM calendar_feeds JOIN users ON users.id = user_id AND active
         WHERE secret = :secret),
    own AS MATERIALIZED (
        SELECT section_id AS id FROM feed JOIN enrollments USING (user_id)
         WHERE status = 'enrolled'
         UNION
        SELECT sections.id FROM feed JOIN sections ON teacher_id = user_id),
    departures AS MATERIALIZED (
        SELECT section_id AS id, times, left_at, left_at >= since AS told
          FROM feed JOIN feed_departures USING (user_id)),
    shown AS MATERIALIZED (
        SELECT sections.id, status, own.id IS NOT NULL AS is_own,
               courses.code || ' ' || title || ' (' || section_code || ')' AS summary,
               (SELECT coalesce(nullif(full_name, ''), username)
                  FROM users WHERE users.id = teacher_id) AS teacher,
               sequence_base + sections.version + terms.version + courses.version
               + 2 * coalesce(times, 0) - (own.id IS NULL)::integer AS sequence,
               greatest(sections.updated_at, terms.updated_at, courses.updated_at, left_at)
               AS revised_at,
               CASE status WHEN 'archived' THEN sections.updated_at END AS called_off_at,
               timezone, first_monday, period_starts, period_ends
          FROM (SELECT id FROM own UNION SELECT id FROM departures WHERE told) concerned
          LEFT JOIN own USING (id)
          LEFT JOIN departures USING (id)
          JOIN sections USING (id)
          JOIN terms ON terms.id = term_id
          JOIN courses ON courses.id = course_id
         WHERE status = 'published'
            OR status = 'archived' AND sections.updated_at >= (SELECT since FROM feed)),
    planned AS MATERIALIZED (
        SELECT id, number, weekday, first_period, last_period, room, week,
               NOT is_own OR status = 'archived' AS cancelled
          FROM shown JOIN meetings ON section_id = id CROSS JOIN unnest(weeks) week
         UNION ALL
        (SELECT DISTINCT ON (section_id, number, week)
                section_id, number, weekday, first_period, last_period, room, week, true
           FROM shown
           JOIN dropped_meetings ON section_id = shown.id
                                AND dropped_at >= (SELECT since FROM feed)
          CROSS JOIN unnest(weeks) week
          WHERE NOT EXISTS (SELECT FROM meetings
                             WHERE meetings.section_id = shown.id
                               AND meetings.number = dropped_meetings.number
                               AND week = ANY (meetings.weeks))
          ORDER BY section_id, number, week, dropped_meetings.id DESC)),
    moments AS (
        SELECT planned.id, number, week, room, cancelled, timezone,
               (day + period_starts[first_period]) AT TIME ZONE timezone AS starts,
               (day + period_ends[last_period]) AT TIME ZONE timezone AS ends,
               octet_length(concat(summary, teacher, room)) AS text_bytes, called_off_at
          FROM planned
          JOIN shown USING (id)
         CROSS JOIN LATERAL (SELECT first_monday + (week - 1) * 7 + weekday - 1 AS day) days),
    held AS MATERIALIZED (
        SELECT *
          FROM (SELECT moments.*, row_number() OVER nearest AS place,
                       sum(:bytes_beside + text_bytes) OVER nearest AS bytes
                  FROM moments
                 WHERE starts IS NOT NULL AND ends IS NOT NULL
                   AND (called_off_at IS NULL OR starts >= called_off_at)
                WINDOW nearest AS (ORDER BY ends < now(), abs(extract(epoch FROM starts - now())),
                                            id, number, week)) ranked
         WHERE place <= :most AND bytes <= :most_bytes)
    SELECT json_build_object(
               'name', name,
               'sections', (
                   SELECT json_object_agg(id, json_build_object(
                              'summary', summary, 'teacher', teacher, 'sequence', sequence,
                              'revised_at', extract(epoch FROM revised_at)::bigint)
                              ORDER BY id)
                     FROM shown WHERE id IN (SELECT id FROM held)),
               'events', (
                   SELECT json_agg(json_build_array(
                              id, number, week, extract(epoch FROM starts)::bigint,
                              extract(epoch FROM ends)::bigint, timezone, room, cancelled)
                              ORDER BY starts, id, number, week)
                     FROM held))::text
      FROM feed
    """
)
_EXPIRE_DEPARTURES = text(
    """
    DELETE FROM feed_departures
     WHERE (user_id, section_id) IN (
        SELECT user_id, section_id
          FROM feed_departures
         WHERE left_at < now() - make_interval(days => :days)
           AND NOT EXISTS (SELECT FROM enrollments
                            WHERE enrollments.section_id = feed_departures.section_id
                              AND enrollments.user_id = feed_departures.user_id)
           AND NOT EXISTS (SELECT FROM sections WHERE id = section_id AND teacher_id = user_id)
         LIMIT :limit)
    """
)
_EXPIRE_MEETINGS = text(
    """
    DELETE FROM dropped_meetings
     WHERE id IN (SELECT id FROM dropped_meetings
                   WHERE dropped_at < now() - make_interval(days => :days) LIMIT :limit)
    """
)


class FeedEvents(NamedTuple):
    """The events of a feed as JSON text, of which icalendar_text.py makes a calendar."""

    json: str

    @property
    def etag(self) -> str:
        """Return the opaque tag of the calendar that comes of them."""
        return hashlib.sha256(f"{_FORM} {self.json}".encode()).hexdigest()[:32]


def get_feed_url(connection: Connection, caller: Caller) -> str:
    """Return the URL of the caller's feed, which is made where there is none yet."""
    user: dict[str, Any] = {"user_id": caller.id}
    secret = connection.execute(_FIND_SECRET, user).scalar_one_or_none()
    if secret is None:
        if connection.execute(_ADD, user | {"secret": new_token().token}).rowcount:
            audit.add(connection, caller, "calendar_feed_created", "user", caller.id)
        # Of two at once the first has made it.
        secret = connection.execute(_FIND_SECRET, user).scalar_one()
    return _url_of(secret)


def rotate_feed_secret(connection: Connection, caller: Caller) -> str:
    """Give the caller's feed another URL, which is returned; the one before leads nowhere."""
    secret = new_token().token
    connection.execute(_ROTATE, {"user_id": caller.id, "secret": secret})
    audit.add(connection, caller, "calendar_feed_rotated", "user", caller.id)
    return _url_of(secret)


def read_feed(connection: Connection, file: str) -> FeedEvents:
    """Return the events of the feed that is known as `<secret>.ics`.

    At most 5,000, fewer with long texts: of more, those to come count first, the nearest of them,
    and then the latest.

    Raises:
        NotFound: there is none, or its owner is not active.
    """
    if not file.endswith(_SUFFIX):
        raise NotFound
    binds = {
        "secret": _tidy(file),
        "days": CANCELLED_DAYS,
        "most": MOST_EVENTS,
        "most_bytes": _MOST_BYTES,
        "bytes_beside": _BYTES_BESIDE,
    }
    return FeedEvents(found(connection.execute(_EVENTS, binds).scalar_one_or_none()))


def expire_cancellations(connection: Connection, limit: int) -> int:
    """Remove up to `limit` each of departures and dropped meetings that no feed tells of any more;
    return how many.
    """
    binds = {"days": CANCELLED_DAYS, "limit": limit}
    removed = connection.execute(_EXPIRE_DEPARTURES, binds).rowcount
    return removed + connection.execute(_EXPIRE_MEETINGS, binds).rowcount


def _tidy(file: str) -> str:
    """Return what stands before the suffix."""
    secret = file.removesuffix(_SUFFIX)
    if not may_be_token(secret):
        raise NotFound
    return secret


def _url_of(secret: str) -> str:
    return f"{get_settings().api_root}/calendar/{secret}{_SUFFIX}"

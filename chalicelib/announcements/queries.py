"""Every SELECT over announcements and their deliveries, as authors see them; nothing here writes.

What a reader sees is in inbox.py.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from chalicelib.announcements.rules import Status, changed_lines
from chalicelib.announcements.schemas import AnnouncementQuery, RecipientQuery
from chalicelib.core.listing import Listing, contains
from chalicelib.core.pagination import Page, PageQuery


def moment(column: str) -> str:
    """Return SQL for a moment as the API writes it."""
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"


def share(part: str, whole: str) -> str:
    """Return SQL for a part of a whole with four decimals, 0 where there is none."""
    return f"""
        CAST(coalesce(round(CAST({part} AS numeric) / nullif({whole}, 0), 4), 0)
             AS double precision)
    """


ATTACHMENTS = """
    coalesce((SELECT json_agg(json_build_object(
                         'id', file.id, 'title', file.title, 'filename', file.filename,
                         'content_type', file.content_type, 'size', file.size_bytes)
                         ORDER BY number)
                FROM announcement_attachments
                JOIN course_attachments file ON file.id = attachment_id
               WHERE announcement_id = announcements.id), '[]')
"""
_CHANNELS = """
    coalesce((SELECT json_agg(json_build_object(
                         'id', channels.id, 'name', channels.name, 'state', post.state,
                         'code', post.code) ORDER BY channels.id)
                FROM announcement_channels
                JOIN channels ON channels.id = channel_id
                LEFT JOIN LATERAL (
                     SELECT state, code FROM channel_posts
                      WHERE channel_id = channels.id AND kind = 'announcement'
                        AND about = announcements.id
                      ORDER BY id DESC LIMIT 1) post ON true
               WHERE announcement_id = announcements.id), '[]')
"""
PUBLISHER = """
    (SELECT json_build_object('id', id, 'username', username, 'full_name', full_name)
       FROM users WHERE users.id = publisher_id)
"""
_FIELDS = f"""
    announcements.id, title, body, html, {PUBLISHER} AS publisher, audience, status, requires_ack,
    {moment("publish_at")} AS publish_at, {moment("published_at")} AS published_at,
    {moment("withdrawn_at")} AS withdrawn_at, version, reminders, {ATTACHMENTS} AS attachments,
    {_CHANNELS} AS channels, {moment("announcements.created_at")} AS created_at,
    {moment("announcements.updated_at")} AS updated_at
"""
_ANNOUNCEMENTS = Listing(
    table="announcements",
    fields=_FIELDS,
    conditions={
        "publisher": "publisher_id = :publisher",
        "status": "status = :status",
        "q": contains("title", "body"),
    },
)
_COLUMNS = f"""
    id, publisher_id, status, version, asked_version, audience, title, body, requires_ack,
    publish_at, reminded_at, reminders,
    (SELECT row_to_json(shown)::text FROM (SELECT {_FIELDS}) shown) AS json
"""  # noqa: S608
_ANNOUNCEMENT = text(f"SELECT {_COLUMNS} FROM announcements WHERE id = :id")  # noqa: S608
_LOCKED = text(f"{_ANNOUNCEMENT.text} FOR NO KEY UPDATE")
_VERSIONS = Listing(
    table="announcement_versions",
    id="version",
    source="""
        (SELECT this.*, before.body AS body_before
           FROM announcement_versions this LEFT JOIN announcement_versions before
             ON before.announcement_id = this.announcement_id
            AND before.version = this.version - 1) announcement_versions
    """,
    fields=f"""
        version, title, body, requires_ack, material,
        (SELECT json_build_object('id', id, 'username', username, 'full_name', full_name)
           FROM users WHERE users.id = edited_by) AS edited_by,
        {moment("announcement_versions.created_at")} AS created_at,
        body_before AS diff
    """,  # noqa: S608
    conditions={"announcement": "announcement_id = :announcement"},
)
# What counts for an asked version is not what somebody did with one before it.
STATE = "CASE WHEN deliveries.version < asked_version THEN 'queued' ELSE state END"
RECIPIENTS = Listing(
    table="deliveries",
    id="user_id",
    source=f"""
        (SELECT deliveries.user_id, announcement_id, {STATE} AS state, retry_count, last_push_at,
                mail, greatest(deliveries.version, asked_version) AS version,
                CASE WHEN deliveries.version >= asked_version THEN delivered_at END AS delivered_at,
                CASE WHEN deliveries.version >= asked_version THEN ack_at END AS ack_at
           FROM deliveries JOIN announcements ON announcements.id = announcement_id) deliveries
    """,  # noqa: S608
    fields=f"""
        (SELECT json_build_object('id', id, 'username', username, 'full_name', full_name)
           FROM users WHERE users.id = deliveries.user_id) AS "user",
        state, {moment("delivered_at")} AS delivered_at, {moment("ack_at")} AS ack_at,
        {moment("last_push_at")} AS last_push_at, retry_count, version, mail
    """,  # noqa: S608
    conditions={
        "announcement": "announcement_id = CAST(:announcement AS bigint)",
        "state": "state = :state",
        "unacknowledged": "state <> 'acknowledged' AND :unacknowledged",
    },
)
# Counted out of one index; the audience is what the chunks hold, delivered or not yet.
_STATS = text(
    f"""
    SELECT json_build_object(
               'audience', addressed, 'queued', queued, 'delivered', delivered,
               'acknowledged', acknowledged,
               'ack_rate', {share("acknowledged", "addressed")},
               'reminders', reminders,
               'fanout', json_build_object('state', fanout_state, 'done', done,
                                           'total', addressed))::text
      FROM announcements
     CROSS JOIN LATERAL (
        SELECT coalesce(sum(size), 0) AS addressed,
               coalesce(sum(size) FILTER (WHERE done_version >= asked_version), 0) AS done
          FROM fanout_chunks WHERE announcement_id = announcements.id) chunks
     CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state = 'queued') AS queued,
               count(*) FILTER (WHERE state = 'delivered') AS delivered,
               count(*) FILTER (WHERE state = 'acknowledged') AS acknowledged
          FROM (SELECT {STATE} AS state FROM deliveries
                 WHERE announcement_id = announcements.id) deliveries) states
     WHERE id = :id
    """  # noqa: S608
)


class Announcement(NamedTuple):
    """An announcement with what only the server knows of it, and as JSON text."""

    id: int
    publisher_id: int
    status: Status
    version: int
    asked_version: int
    audience: dict[str, Any]
    title: str
    body: str
    requires_ack: bool
    publish_at: datetime
    reminded_at: datetime | None
    reminders: int
    json: str

    @property
    def etag(self) -> str:
        """Return the opaque tag of what is shown; how posts went stands behind the dot, since it
        changes under the hands of whoever edits.
        """
        shown = hashlib.sha256(self.json.encode()).hexdigest()[:16]
        return f"{self.id}-{self.version}-{self.reminders}-{self.status}.{shown}"


def find_announcement(
    connection: Connection, announcement_id: int, *, lock: bool = False
) -> Announcement | None:
    """Return an announcement, locked against changes where asked."""
    statement = _LOCKED if lock else _ANNOUNCEMENT
    row = connection.execute(statement, {"id": announcement_id}).one_or_none()
    return Announcement(*row) if row else None


def list_announcements(
    connection: Connection, query: AnnouncementQuery, *, publisher: int | None
) -> Page:
    """Return a page of announcements, newest first: of one publisher, or with None of all.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    return _ANNOUNCEMENTS.page(
        connection, query, sort="-id", publisher=publisher, status=query.status, q=query.q
    )


def list_versions(connection: Connection, announcement_id: int, query: PageQuery) -> Page:
    """Return a page of the versions of an announcement, newest first.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    page = _VERSIONS.page(connection, query, sort="-version", announcement=announcement_id)
    return page._replace(items=_with_diffs(page.items))


def list_recipients(connection: Connection, announcement_id: int, query: RecipientQuery) -> Page:
    """Return a page of the deliveries of an announcement, by user.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    return RECIPIENTS.page(
        connection,
        query,
        sort="user_id",
        announcement=announcement_id,
        state=query.state,
        unacknowledged=query.unacknowledged or None,
    )


def get_stats(connection: Connection, announcement_id: int) -> str:
    """Return what became of an announcement, as JSON text."""
    return str(connection.execute(_STATS, {"id": announcement_id}).scalar_one())


def _with_diffs(items: str) -> str:
    versions = json.loads(items)
    for version in versions:
        before = version["diff"]
        version["diff"] = "" if before is None else changed_lines(before, version["body"])
    return json.dumps(versions, ensure_ascii=False)

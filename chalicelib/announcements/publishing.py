"""What authors do with announcements: write, schedule, publish, edit and withdraw them.

Publishing freezes whom it is for and leaves a message; fanout.py makes the deliveries. Every verb
that changes what readers see takes the announcement's lock and counts one change for all inboxes.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import STAFF, Caller
from chalicelib.announcements import ledger, queries
from chalicelib.announcements.audience import address_sections, check_audience, freeze, preview
from chalicelib.announcements.errors import AnnouncementPublished, AnnouncementWithdrawn
from chalicelib.announcements.files import set_attachments
from chalicelib.announcements.inbox import count_change
from chalicelib.announcements.notices import post_news, post_to_new, set_channels
from chalicelib.announcements.queries import Announcement
from chalicelib.announcements.rendering import render_markdown
from chalicelib.announcements.rules import BOUNDED
from chalicelib.announcements.schemas import (
    AnnouncementChanges,
    AnnouncementIn,
    AnnouncementQuery,
    PreviewIn,
)
from chalicelib.audit import service as audit
from chalicelib.core.errors import Forbidden, found
from chalicelib.core.pagination import Page
from chalicelib.outbox import service as outbox

_INSERT = text(
    """
    INSERT INTO announcements
           (publisher_id, title, body, html, requires_ack, audience, status, publish_at)
    VALUES (:publisher_id, :title, :body, :html, :requires_ack, CAST(:audience AS jsonb),
            'scheduled', coalesce(CAST(:publish_at AS timestamptz), now()))
    RETURNING id
    """
)
_KEEP_VERSION = text(
    """
    INSERT INTO announcement_versions
           (announcement_id, version, title, body, requires_ack, material, edited_by)
    SELECT id, version, title, body, requires_ack, :material, :edited_by
      FROM announcements WHERE id = :id
    """
)
_PUBLISH = text(
    """
    UPDATE announcements
       SET status = 'published', published_at = now(), updated_at = now(),
           publish_at = least(publish_at, now()),
           last_user_id = (SELECT coalesce(max(id), 0) FROM users)
     WHERE id = :id AND status = 'scheduled'
    RETURNING last_user_id
    """
)
_FROZEN = text("UPDATE announcements SET frozen_at = now() WHERE id = :id")
_EDIT = text(
    """
    UPDATE announcements
       SET title = :title, body = :body, html = :html, requires_ack = :requires_ack,
           audience = CAST(:audience AS jsonb), publish_at = :publish_at,
           version = version + 1, updated_at = now(),
           asked_version = CASE WHEN :material THEN version + 1 ELSE asked_version END,
           fanout_state = CASE WHEN :material THEN 'pending' ELSE fanout_state END
     WHERE id = :id
    """
)
_WITHDRAW = text(
    """
    UPDATE announcements
       SET status = 'withdrawn', withdrawn_at = now(), updated_at = now(), reminded_to = NULL
     WHERE id = :id
    """
)
_DUE = text(
    """
    SELECT announcements.id FROM announcements JOIN users ON users.id = publisher_id AND active
     WHERE status = 'scheduled' AND publish_at <= now()
     ORDER BY publish_at LIMIT 1 FOR NO KEY UPDATE OF announcements SKIP LOCKED
    """
)
_TEACHES = text("SELECT id FROM users WHERE id = :id AND role = 'teacher'")


def list_announcements_for(
    connection: Connection, caller: Caller, query: AnnouncementQuery
) -> Page:
    """Return a page of the caller's announcements; registrars and managers see all.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    publisher = None if caller.role in STAFF else caller.id
    return queries.list_announcements(connection, query, publisher=publisher)


def get_announcement_for(
    connection: Connection, caller: Caller, announcement_id: int, *, lock: bool = False
) -> Announcement:
    """Return an announcement that is the caller's own, or any to registrars and managers.

    Raises:
        NotFound: there is none, or none that the caller may see.
    """
    announcement = found(queries.find_announcement(connection, announcement_id, lock=lock))
    is_own = caller.role in STAFF or announcement.publisher_id == caller.id
    return found(announcement if is_own else None)


def preview_announcement(connection: Connection, caller: Caller, wanted: PreviewIn) -> str:
    """Return whom an announcement would reach, as JSON text.

    Raises:
        Invalid, NotYourStudents: as `create_announcement`.
    """
    audience = wanted.audience.asked
    check_audience(connection, caller, audience)
    html = render_markdown(wanted.body) if wanted.body else None
    return preview(connection, audience, _teacher(caller), html)


def create_announcement(
    connection: Connection, caller: Caller, wanted: AnnouncementIn, now: datetime
) -> Announcement:
    """Add an announcement, and publish it unless it is for later.

    Raises:
        Invalid: an id of the audience or a channel is of nothing that there is, or a file is not to
            be had.
        NotYourStudents: the caller is a teacher, and these are not the caller's to address.
        Forbidden: the caller is a teacher, and names channels.
    """
    if wanted.channels:
        _check_may_choose_channels(caller)
    audience = wanted.audience.asked
    check_audience(connection, caller, audience)
    announcement_id: int = connection.execute(
        _INSERT,
        {
            "publisher_id": caller.id,
            "title": wanted.title,
            "body": wanted.body,
            "html": render_markdown(wanted.body),
            "requires_ack": wanted.requires_ack,
            "audience": json.dumps(audience),
            "publish_at": wanted.publish_at,
        },
    ).scalar_one()
    _keep_version(connection, announcement_id, caller, material=False)
    set_attachments(connection, caller, announcement_id, wanted.attachments)
    after: dict[str, Any] = {"audience": audience["kind"], "version": 1}
    if wanted.channels:
        set_channels(connection, announcement_id, wanted.channels)
        after["channels"] = sorted(wanted.channels)
    audit.add(
        connection, caller, "announcement_created", "announcement", announcement_id, after=after
    )
    if wanted.publish_at is None or wanted.publish_at <= now:
        _publish(connection, announcement_id, audience, _teacher(caller))
    return found(queries.find_announcement(connection, announcement_id))


def publish_due(connection: Connection) -> int | None:
    """Publish a scheduled announcement whose time has come and return its id; None without one.

    Those of somebody who is no longer active wait for a registrar to withdraw them.
    """
    announcement_id = connection.execute(_DUE).scalar_one_or_none()
    if announcement_id is None:
        return None
    announcement = found(queries.find_announcement(connection, announcement_id))
    teaches = connection.execute(_TEACHES, {"id": announcement.publisher_id})
    _publish(connection, announcement.id, announcement.audience, teaches.scalar_one_or_none())
    publisher = audit.OnBehalf(announcement.publisher_id)
    audit.add(connection, publisher, "announcement_published", "announcement", announcement.id)
    return announcement.id


def edit_announcement(
    connection: Connection, caller: Caller, announcement: Announcement, wanted: AnnouncementChanges
) -> Announcement:
    """Change a locked announcement; the version before stays in its history.

    Raises:
        AnnouncementWithdrawn: nothing of it can change any more.
        AnnouncementPublished: whom it is for, and when, cannot.
        Invalid, NotYourStudents: as `create_announcement`.
        Forbidden: the caller is a teacher, and names channels or wants none.
    """
    if "channels" in wanted.model_fields_set:
        _check_may_choose_channels(caller)
    if announcement.status == "withdrawn":
        raise AnnouncementWithdrawn
    named = {name: getattr(wanted, name) for name in wanted.model_fields_set}
    is_published = announcement.status == "published"
    if is_published and named.keys() & {"audience", "publish_at"}:
        raise AnnouncementPublished
    audience = named["audience"].asked if "audience" in named else announcement.audience
    if "audience" in named:
        check_audience(connection, caller, audience)
    body = named.get("body", announcement.body)
    connection.execute(
        _EDIT,
        {
            "id": announcement.id,
            "title": named.get("title", announcement.title),
            "body": body,
            "html": render_markdown(body),
            "requires_ack": named.get("requires_ack", announcement.requires_ack),
            "audience": json.dumps(audience),
            "publish_at": named.get("publish_at", announcement.publish_at),
            "material": wanted.material and is_published,
        },
    )
    _keep_version(connection, announcement.id, caller, material=wanted.material)
    if "attachments" in named:
        set_attachments(connection, caller, announcement.id, wanted.attachments)
    after: dict[str, Any] = {"version": announcement.version + 1, "material": wanted.material}
    added: list[int] = []
    if "channels" in named:
        added = set_channels(connection, announcement.id, wanted.channels)
        after["channels"] = sorted(wanted.channels)
    audit.add(
        connection, caller, "announcement_updated", "announcement", announcement.id, after=after
    )
    if is_published:
        count_change(connection, announcement.id)
        if wanted.material:
            outbox.add(connection, "fanout", {"announcement_id": announcement.id})
            post_news(connection, announcement.id)
        else:
            post_to_new(connection, announcement.id, added)
    return found(queries.find_announcement(connection, announcement.id))


def withdraw_announcement(
    connection: Connection, caller: Caller, announcement: Announcement
) -> Announcement:
    """Take a locked announcement out of all inboxes; one that is withdrawn stays so."""
    if announcement.status == "withdrawn":
        return announcement
    connection.execute(_WITHDRAW, {"id": announcement.id})
    ledger.note_withdrawn(connection, announcement.id, announcement.version)
    count_change(connection, announcement.id)
    before = {"status": announcement.status}
    audit.add(
        connection, caller, "announcement_withdrawn", "announcement", announcement.id, before=before
    )
    return found(queries.find_announcement(connection, announcement.id))


def _publish(
    connection: Connection, announcement_id: int, audience: dict[str, Any], teacher: int | None
) -> None:
    last_user_id = connection.execute(_PUBLISH, {"id": announcement_id}).scalar_one()
    address_sections(connection, announcement_id, audience, teacher)
    if audience["kind"] in BOUNDED and freeze(
        connection, announcement_id, audience, last_user_id, teacher
    ):
        connection.execute(_FROZEN, {"id": announcement_id})
    outbox.add(connection, "fanout", {"announcement_id": announcement_id})
    post_news(connection, announcement_id)


def _keep_version(
    connection: Connection, announcement_id: int, caller: Caller, *, material: bool
) -> None:
    binds = {"id": announcement_id, "material": material, "edited_by": caller.id}
    connection.execute(_KEEP_VERSION, binds)


def _check_may_choose_channels(caller: Caller) -> None:
    if caller.role not in STAFF:
        raise Forbidden("Channels are for registrars and managers.")


def _teacher(caller: Caller) -> int | None:
    return caller.id if caller.role == "teacher" else None

"""Announcements: written by teachers and the office, to whom the service says."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import TEACHING
from chalicelib.announcements import ledger, publishing, queries, reminding
from chalicelib.announcements.errors import (
    AnnouncementPublished,
    AnnouncementScheduled,
    AnnouncementWithdrawn,
    NotYourStudents,
    RemindedTooSoon,
)
from chalicelib.announcements.schemas import (
    AnnouncementChanges,
    AnnouncementIn,
    AnnouncementOut,
    AnnouncementPage,
    AnnouncementQuery,
    AnnouncementStats,
    PreviewIn,
    PreviewOut,
    ProofPage,
    RecipientPage,
    RecipientQuery,
    RemindedOut,
    VersionPage,
)
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.api.paging import page_answer
from chalicelib.core.clock import read_clock
from chalicelib.core.pagination import InvalidCursor, PageQuery

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/announcements",
    roles=TEACHING,
    query=AnnouncementQuery,
    answer=AnnouncementPage,
    personal=True,
    errors=(InvalidCursor,),
)
def list_announcements(request: Request) -> Answer:
    """List announcements, newest first; a teacher's are the own ones."""
    page = publishing.list_announcements_for(request.connection, request.caller, request.query)
    return page_answer(request, page)


@endpoint(
    blueprint,
    "POST",
    "/api/announcements",
    roles=TEACHING,
    body=AnnouncementIn,
    answer=AnnouncementOut,
    status=201,
    creates=True,
    errors=(NotYourStudents,),
)
def create_announcement(request: Request) -> Answer:
    """Announce something, now or later; everybody addressed gets one delivery.

    Teachers address all students, or students of sections that they teach.
    """
    announcement = publishing.create_announcement(
        request.connection, request.caller, request.body, read_clock(request.connection)
    )
    location = f"/api/announcements/{announcement.id}"
    return Answer(announcement.json, etag=announcement.etag, location=location)


@endpoint(
    blueprint,
    "POST",
    "/api/announcements/preview",
    roles=TEACHING,
    body=PreviewIn,
    answer=PreviewOut,
    errors=(NotYourStudents,),
)
def preview_announcement(request: Request) -> Answer:
    """Show whom an announcement would reach, whom no mail would and why, and how it will look."""
    return Answer(publishing.preview_announcement(request.connection, request.caller, request.body))


@endpoint(
    blueprint,
    "GET",
    "/api/announcements/{id}",
    roles=TEACHING,
    answer=AnnouncementOut,
    conditional=True,
    personal=True,
)
def get_announcement(request: Request) -> Answer:
    """Read an announcement."""
    announcement = publishing.get_announcement_for(
        request.connection, request.caller, request.path["id"]
    )
    return Answer(announcement.json, etag=announcement.etag)


@endpoint(
    blueprint,
    "PATCH",
    "/api/announcements/{id}",
    roles=TEACHING,
    body=AnnouncementChanges,
    answer=AnnouncementOut,
    conditional=True,
    errors=(AnnouncementPublished, AnnouncementWithdrawn, NotYourStudents),
)
def change_announcement(request: Request) -> Answer:
    """Make a new version; with `material` everybody has to acknowledge it again.

    Of what is published, channels that are new are told at once, all others of what is `material`.
    """
    announcement = publishing.get_announcement_for(
        request.connection, request.caller, request.path["id"], lock=True
    )
    request.check_version(announcement.etag)
    announcement = publishing.edit_announcement(
        request.connection, request.caller, announcement, request.body
    )
    return Answer(announcement.json, etag=announcement.etag)


@endpoint(
    blueprint,
    "GET",
    "/api/announcements/{id}/versions",
    roles=TEACHING,
    query=PageQuery,
    answer=VersionPage,
    personal=True,
    work="transaction",
    errors=(InvalidCursor,),
)
def list_versions(request: Request) -> Answer:
    """List what an announcement said, newest first, and what changed each time."""
    announcement = publishing.get_announcement_for(
        request.connection, request.caller, request.path["id"]
    )
    page = queries.list_versions(request.connection, announcement.id, request.query)
    return page_answer(request, page)


@endpoint(
    blueprint,
    "POST",
    "/api/announcements/{id}/withdraw",
    roles=TEACHING,
    answer=AnnouncementOut,
)
def withdraw_announcement(request: Request) -> Answer:
    """Take an announcement out of all inboxes. May be repeated."""
    announcement = publishing.get_announcement_for(
        request.connection, request.caller, request.path["id"], lock=True
    )
    announcement = publishing.withdraw_announcement(
        request.connection, request.caller, announcement
    )
    return Answer(announcement.json, etag=announcement.etag)


@endpoint(
    blueprint,
    "GET",
    "/api/announcements/{id}/stats",
    roles=TEACHING,
    answer=AnnouncementStats,
    personal=True,
    work="transaction",
)
def get_announcement_stats(request: Request) -> Answer:
    """Count who has it, who was shown it and who has acknowledged."""
    announcement = publishing.get_announcement_for(
        request.connection, request.caller, request.path["id"]
    )
    return Answer(queries.get_stats(request.connection, announcement.id))


@endpoint(
    blueprint,
    "GET",
    "/api/announcements/{id}/deliveries",
    roles=TEACHING,
    query=RecipientQuery,
    answer=RecipientPage,
    personal=True,
    work="transaction",
    errors=(InvalidCursor,),
)
def list_recipients(request: Request) -> Answer:
    """List who got an announcement, and what each has done with it."""
    announcement = publishing.get_announcement_for(
        request.connection, request.caller, request.path["id"]
    )
    page = queries.list_recipients(request.connection, announcement.id, request.query)
    return page_answer(request, page)


@endpoint(
    blueprint,
    "POST",
    "/api/announcements/{id}/remind_unacked",
    roles=TEACHING,
    answer=RemindedOut,
    errors=(AnnouncementScheduled, AnnouncementWithdrawn, RemindedTooSoon),
)
def remind_unacknowledged(request: Request) -> Answer:
    """Remind all who have not acknowledged, once an hour at most."""
    announcement = publishing.get_announcement_for(
        request.connection, request.caller, request.path["id"], lock=True
    )
    reminded = reminding.remind_unacknowledged(
        request.connection, request.caller, announcement, read_clock(request.connection)
    )
    return Answer.of(RemindedOut(reminded=reminded))


@endpoint(
    blueprint,
    "GET",
    "/api/announcements/{id}/proof",
    roles=TEACHING,
    query=PageQuery,
    answer=ProofPage,
    personal=True,
    work="transaction",
    errors=(InvalidCursor,),
)
def list_proof(request: Request) -> Answer:
    """Hand out the ledger of an announcement's deliveries, sealed, to be checked without us."""
    announcement = publishing.get_announcement_for(
        request.connection, request.caller, request.path["id"]
    )
    ledger.seal_events(request.connection, announcement.id)
    page = ledger.list_proof(request.connection, announcement.id, request.query)
    return page_answer(request, page)

"""The inbox: what is announced to the caller, and that it was shown and read."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import SIGNED_IN
from chalicelib.announcements import inbox
from chalicelib.announcements.errors import AnnouncementWithdrawn
from chalicelib.announcements.schemas import DeliveryPage, DeliveryState, InboxQuery, UnreadOut
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.api.paging import page_answer
from chalicelib.core.pagination import InvalidCursor

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/deliveries",
    roles=SIGNED_IN,
    query=InboxQuery,
    answer=DeliveryPage,
    conditional=True,
    personal=True,
    errors=(InvalidCursor,),
)
def list_deliveries(request: Request) -> Answer:
    """List what is announced to the caller, newest first; this changes nothing."""
    known = request.headers.get("if-none-match", "")
    present = inbox.list_inbox(request.connection, request.caller.id, request.query, known)
    if present.page is None:
        return Answer(status=304, etag=present.etag)
    answer = page_answer(request, present.page)
    answer.etag = present.etag
    return answer


@endpoint(
    blueprint,
    "POST",
    "/api/deliveries/{id}/delivered",
    roles=SIGNED_IN,
    answer=DeliveryState,
    work="lone_write",
    errors=(AnnouncementWithdrawn,),
)
def mark_delivered(request: Request) -> Answer:
    """Say that an announcement was shown. The first time is kept."""
    return Answer(inbox.mark_delivered(request.connection, request.caller, request.path["id"]))


@endpoint(
    blueprint,
    "POST",
    "/api/deliveries/{id}/ack",
    roles=SIGNED_IN,
    answer=DeliveryState,
    work="lone_write",
    errors=(AnnouncementWithdrawn,),
)
def acknowledge(request: Request) -> Answer:
    """Say that an announcement was read. The first time is kept."""
    return Answer(inbox.acknowledge(request.connection, request.caller, request.path["id"]))


@endpoint(
    blueprint,
    "GET",
    "/api/unread_count",
    roles=SIGNED_IN,
    answer=UnreadOut,
    conditional=True,
    personal=True,
)
def count_unread(request: Request) -> Answer:
    """Count what the caller has not acknowledged. Cheap to ask again with If-None-Match."""
    known = request.headers.get("if-none-match", "")
    unread = inbox.count_unread(request.connection, request.caller.id, known)
    if unread.number is None:
        return Answer(status=304, etag=unread.etag)
    return Answer(f'{{"unread":{unread.number}}}', etag=unread.etag)

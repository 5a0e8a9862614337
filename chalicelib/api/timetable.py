"""Timetables: weeks of teachers and students, made from sections and enrolments, and the feeds that
their calendars read."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import SIGNED_IN
from chalicelib.api.answers import Answer
from chalicelib.api.conditions import is_known
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.core.errors import Forbidden, NotFound
from chalicelib.scheduling.feeds import get_feed_url, read_feed, rotate_feed_secret
from chalicelib.scheduling.icalendar_text import write_calendar
from chalicelib.scheduling.schemas import FeedOut, TimetableOut, TimetableQuery
from chalicelib.scheduling.timetable import get_timetable_for

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/timetable",
    roles=SIGNED_IN,
    query=TimetableQuery,
    answer=TimetableOut,
    personal=True,
    errors=(Forbidden, NotFound),
)
def get_timetable(request: Request) -> Answer:
    """Show a week: the meetings of the sections that somebody teaches or is enrolled in."""
    week = get_timetable_for(request.connection, request.caller, request.query, request.now.date())
    return Answer(week)


@endpoint(
    blueprint,
    "GET",
    "/api/timetable/feed",
    roles=SIGNED_IN,
    answer=FeedOut,
    personal=True,
    work="transaction",
)
def get_feed(request: Request) -> Answer:
    """Show the URL from which a calendar reads the timetable of the caller.

    Whoever knows it reads the timetable without signing in, so it is to be kept like a password.
    """
    return Answer.of(FeedOut(url=get_feed_url(request.connection, request.caller)))


@endpoint(
    blueprint, "POST", "/api/timetable/feed/rotate", roles=SIGNED_IN, answer=FeedOut, personal=True
)
def rotate_feed(request: Request) -> Answer:
    """Give the feed of the caller another URL; the one before leads nowhere from now on."""
    return Answer.of(FeedOut(url=rotate_feed_secret(request.connection, request.caller)))


@endpoint(
    blueprint,
    "GET",
    "/calendar/{file}",
    roles=None,
    answer="text/calendar",
    path_types={"file": str},
    conditional=True,
)
def get_calendar(request: Request) -> Answer:
    """Read a timetable as iCalendar (RFC 5545); `file` is a secret and `.ics`."""
    events = read_feed(request.connection, request.path["file"])
    headers = {"Cache-Control": "private, no-cache"}
    if_none_match = request.headers.get("if-none-match")
    if if_none_match and is_known(if_none_match, events.etag):
        return Answer(status=304, etag=events.etag, headers=headers)
    return Answer(
        write_calendar(events.json),
        etag=events.etag,
        media_type="text/calendar; charset=utf-8",
        headers=headers,
    )

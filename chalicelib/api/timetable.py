"""Timetables: weeks of teachers and students, made from sections and enrolments."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import SIGNED_IN
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.core.errors import Forbidden, NotFound
from chalicelib.scheduling.schemas import TimetableOut, TimetableQuery
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

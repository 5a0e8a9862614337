"""Enrolments: who is in a section, and who waits for it."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import SIGNED_IN, STAFF
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.api.paging import page_answer
from chalicelib.core.errors import Forbidden
from chalicelib.core.pagination import InvalidCursor
from chalicelib.scheduling import enrollments as service
from chalicelib.scheduling.errors import AlreadyEnrolled, SectionArchived, SelfEnrolmentClosed
from chalicelib.scheduling.schemas import (
    EnrollmentIn,
    EnrollmentOut,
    EnrollmentPage,
    EnrollmentQuery,
)

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/sections/{id}/enrollments",
    roles=SIGNED_IN,
    query=EnrollmentQuery,
    answer=EnrollmentPage,
    personal=True,
    errors=(InvalidCursor, Forbidden),
)
def list_enrollments(request: Request) -> Answer:
    """List who is in a section and who waits; students see themselves, teachers own sections."""
    page = service.list_enrollments_for(
        request.connection, request.caller, request.path["id"], request.query
    )
    return page_answer(request, page)


@endpoint(
    blueprint,
    "POST",
    "/api/sections/{id}/enrollments",
    roles=("student", *STAFF),
    body=EnrollmentIn,
    answer=EnrollmentOut,
    status=201,
    creates=True,
    errors=(AlreadyEnrolled, SectionArchived, SelfEnrolmentClosed),
)
def create_enrollment(request: Request) -> Answer:
    """Enrol a student, or put the student in line where no seat is free."""
    enrollment = service.enroll(
        request.connection, request.caller, request.path["id"], request.body.user_id
    )
    return Answer(enrollment)


@endpoint(
    blueprint,
    "DELETE",
    "/api/sections/{id}/enrollments/{user_id}",
    roles=("student", *STAFF),
    status=204,
    errors=(SectionArchived, SelfEnrolmentClosed),
)
def delete_enrollment(request: Request) -> Answer:
    """Withdraw a student; the first in line gets the seat."""
    service.withdraw(
        request.connection, request.caller, request.path["id"], request.path["user_id"]
    )
    return Answer()

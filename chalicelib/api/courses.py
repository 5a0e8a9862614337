"""Courses: read by all, kept by registrars and managers."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import SIGNED_IN, STAFF
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.api.paging import page_answer
from chalicelib.attachments import service as attachments
from chalicelib.catalog import queries, service
from chalicelib.catalog.errors import CourseCodeTaken, CourseInUse
from chalicelib.catalog.schemas import (
    CourseChanges,
    CourseIn,
    CourseOut,
    CoursePage,
    CourseQuery,
)
from chalicelib.core.pagination import InvalidCursor

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/courses",
    roles=SIGNED_IN,
    query=CourseQuery,
    answer=CoursePage,
    errors=(InvalidCursor,),
)
def list_courses(request: Request) -> Answer:
    """List courses."""
    return page_answer(request, queries.list_courses(request.connection, request.query))


@endpoint(
    blueprint,
    "POST",
    "/api/courses",
    roles=STAFF,
    body=CourseIn,
    answer=CourseOut,
    status=201,
    creates=True,
    errors=(CourseCodeTaken,),
)
def create_course(request: Request) -> Answer:
    """Add a course."""
    course = service.create_course(request.connection, request.caller, request.body)
    return Answer(course.json, etag=course.etag, location=f"/api/courses/{course.id}")


@endpoint(
    blueprint, "GET", "/api/courses/{id}", roles=SIGNED_IN, answer=CourseOut, conditional=True
)
def get_course(request: Request) -> Answer:
    """Read a course."""
    course = service.get_course_for(request.connection, request.caller, request.path["id"])
    return Answer(course.json, etag=course.etag)


@endpoint(
    blueprint,
    "PATCH",
    "/api/courses/{id}",
    roles=STAFF,
    body=CourseChanges,
    answer=CourseOut,
    conditional=True,
    errors=(CourseCodeTaken,),
)
def change_course(request: Request) -> Answer:
    """Change a course."""
    course = service.lock_course_for(request.connection, request.caller, request.path["id"])
    request.check_version(course.etag)
    course = service.change_course(request.connection, request.caller, course, request.body)
    return Answer(course.json, etag=course.etag)


@endpoint(
    blueprint,
    "DELETE",
    "/api/courses/{id}",
    roles=STAFF,
    status=204,
    conditional=True,
    errors=(CourseInUse,),
)
def delete_course(request: Request) -> Answer:
    """Remove a course, and its attachments."""
    course = service.lock_course_for(request.connection, request.caller, request.path["id"])
    request.check_version(course.etag)
    attachments.delete_attachments_of(request.connection, request.caller, course.id)
    service.delete_course(request.connection, request.caller, course)
    return Answer()

"""Every SELECT over the catalogue; nothing here writes. Postgres builds the JSON of a course, in a
list as one string for the whole page."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from chalicelib.catalog.schemas import CourseQuery
from chalicelib.core.listing import Listing, Sort, contains
from chalicelib.core.pagination import Page

COURSE_FIELDS = (
    "courses.id, courses.code, courses.title, courses.description, courses.credits,"
    " to_char(courses.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    " AS updated_at"
)
# As a scalar subquery it also stands in a RETURNING list.
COURSE_JSON = f"(SELECT row_to_json(course)::text FROM (SELECT {COURSE_FIELDS}) course)"  # noqa: S608


class Course(NamedTuple):
    """A course as JSON text, and its version."""

    id: int
    version: int
    json: str

    @property
    def etag(self) -> str:
        """Return the opaque tag of this version."""
        return f"{self.id}-{self.version}"


_COURSE = text(f"SELECT id, version, {COURSE_JSON} FROM courses WHERE id = :id")  # noqa: S608
_LOCKED_COURSE = text(f"{_COURSE.text} FOR UPDATE")


COURSES = Listing(
    table="courses",
    fields=COURSE_FIELDS,
    sorts={
        "code": Sort("code", "lower({})", "text", unique=True),
        "title": Sort("title", "lower({})", "text"),
        "credits": Sort("credits", "{}", "numeric"),
        "updated_at": Sort("updated_at", "{}", "timestamptz"),
    },
    conditions={
        "q": contains("code", "title", "description"),
        "code": "lower(code) = lower(:code)",
    },
)


def find_course(connection: Connection, course_id: int, *, lock: bool = False) -> Course | None:
    """Return a course, locked against other changes where asked."""
    statement = _LOCKED_COURSE if lock else _COURSE
    row = connection.execute(statement, {"id": course_id}).one_or_none()
    return Course(*row) if row else None


def list_courses(connection: Connection, query: CourseQuery) -> Page:
    """Return a page of courses.

    Raises:
        InvalidCursor: the cursor is not one of this list and sort.
    """
    return COURSES.page(connection, query, sort=query.sort, q=query.q, code=query.code)

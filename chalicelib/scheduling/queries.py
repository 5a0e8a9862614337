"""Every SELECT over terms and sections; nothing here writes. Postgres builds the JSON, of a list as
one string for the whole page."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from chalicelib.core.listing import Listing, Sort, contains
from chalicelib.core.pagination import Page
from chalicelib.scheduling.schemas import SectionQuery
from chalicelib.scheduling.term_schemas import TermQuery

_PERIODS = """
    coalesce((SELECT json_agg(period)
                FROM (SELECT number, to_char(starts_at, 'HH24:MI') AS starts_at,
                             to_char(ends_at, 'HH24:MI') AS ends_at
                        FROM unnest(period_starts, period_ends)
                             WITH ORDINALITY AS periods (starts_at, ends_at, number)
                       WHERE starts_at IS NOT NULL ORDER BY number) period), '[]')
"""
_TERM_FIELDS = f"id, code, name, starts_on, ends_on, timezone, {_PERIODS} AS periods"
_TERMS = Listing(
    table="terms",
    fields=_TERM_FIELDS,
    sorts={
        "starts_on": Sort("starts_on", "{}", "date"),
        "code": Sort("code", "lower({})", "text", unique=True),
    },
    conditions={"q": contains("code", "name")},
)


_TEACHES_COURSE = text(
    "SELECT EXISTS (SELECT FROM sections WHERE course_id = :course_id AND teacher_id = :user_id)"
)


class Term(NamedTuple):
    """A term as JSON text, and its version."""

    id: int
    version: int
    json: str

    @property
    def etag(self) -> str:
        """Return the opaque tag of this version."""
        return f"{self.id}-{self.version}"

    @property
    def shown(self) -> dict[str, Any]:
        """Return what the JSON says."""
        shown: dict[str, Any] = json.loads(self.json)
        return shown


class Grid(NamedTuple):
    """What meetings of a term have to fit into."""

    last_week: int
    periods: set[int]


# As a scalar subquery it also stands in a RETURNING list.
TERM_JSON = f"(SELECT row_to_json(term)::text FROM (SELECT {_TERM_FIELDS}) term)"  # noqa: S608
_TERM = text(f"SELECT id, version, {TERM_JSON} FROM terms WHERE id = :id")  # noqa: S608
_LOCKED_TERM = text(f"{_TERM.text} FOR NO KEY UPDATE")
_KNOWS_TIMEZONE = text("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = :name)")
LAST_WEEK = "(ends_on - first_monday) / 7 + 1"
_GRID = text(f"SELECT {LAST_WEEK}, period_starts FROM terms WHERE id = :id")  # noqa: S608
_OUTGROWS_GRID = text(
    f"""
    SELECT EXISTS (
        SELECT FROM terms
          JOIN sections ON sections.term_id = terms.id
          JOIN meetings ON meetings.section_id = sections.id
         WHERE terms.id = :id
           AND (period_starts[first_period] IS NULL OR period_starts[last_period] IS NULL
                OR weeks[cardinality(weeks)] > {LAST_WEEK}))
    """  # noqa: S608
)

_MEETINGS = """
    coalesce((SELECT json_agg(meeting)
                FROM (SELECT weekday, first_period, last_period, weeks, room
                        FROM meetings WHERE section_id = sections.id ORDER BY number) meeting),
             '[]')
"""
SECTIONS_WITH_COURSE = """
    (SELECT sections.*, courses.code AS course_code, courses.title AS course_title
       FROM sections JOIN courses ON courses.id = sections.course_id) sections
"""
# Scalar subqueries, so that the rows of a page stay in its order whatever the planner prefers.
_SECTION_FIELDS = f"""
    sections.id,
    json_build_object('id', course_id, 'code', course_code, 'title', course_title) AS course,
    section_code,
    (SELECT terms.code FROM terms WHERE terms.id = term_id) AS term,
    (SELECT row_to_json(teacher)
       FROM (SELECT users.id, username, full_name FROM users WHERE users.id = teacher_id) teacher)
    AS teacher,
    capacity, status, enrolled, waitlisted, {_MEETINGS} AS meetings
"""  # noqa: S608
_FOUND_IN_IT = contains("course_code", "course_title", "section_code")
_FOUND_IN_ITS_TEACHER = f"""
    teacher_id IN (SELECT users.id FROM users
                    WHERE role = 'teacher' AND {contains("username", "full_name")})
"""  # noqa: S608
# What a student may see; a draft not at all, an archived one only from within.
_SEEN_BY_STUDENT = """
    (status = 'published' OR status = 'archived' AND EXISTS (
        SELECT FROM enrollments
         WHERE section_id = sections.id AND user_id = :student AND enrollments.status = 'enrolled'))
"""
SECTIONS = Listing(
    table="sections",
    source=SECTIONS_WITH_COURSE,
    fields=_SECTION_FIELDS,
    sorts={"course": Sort("course_code", "lower({})", "text")},
    conditions={
        "q": f"({_FOUND_IN_IT} OR {_FOUND_IN_ITS_TEACHER})",
        "course": "course_id = CAST(:course AS bigint)",
        "term": "term_id = (SELECT terms.id FROM terms WHERE lower(code) = lower(:term))",
        "teacher": "teacher_id = CAST(:teacher AS bigint)",
        "status": "status = :status",
        "student": _SEEN_BY_STUDENT,
    },
)


class Section(NamedTuple):
    """A section as JSON text, and whose it is."""

    id: int
    term_id: int
    json: str

    @property
    def etag(self) -> str:
        """Return the opaque tag of what the JSON says: counts and names of others are in it, which
        change without a new version of the section.
        """
        return f"{self.id}-{hashlib.sha256(self.json.encode()).hexdigest()[:16]}"

    @property
    def shown(self) -> dict[str, Any]:
        """Return what the JSON says."""
        shown: dict[str, Any] = json.loads(self.json)
        return shown


_SECTION = text(
    f"""
    SELECT id, term_id,
           (SELECT row_to_json(section)::text FROM (SELECT {_SECTION_FIELDS}) section)
      FROM {SECTIONS_WITH_COURSE} WHERE id = :id
    """  # noqa: S608
)
_SECTION_OF_STUDENT = text(f"{_SECTION.text} AND {_SEEN_BY_STUDENT}")
_LOCK_SECTION = text("SELECT FROM sections WHERE id = :id FOR NO KEY UPDATE")
_REFERENCES = text(
    """
    SELECT (SELECT id FROM courses WHERE id = :course_id FOR KEY SHARE),
           (SELECT id FROM terms WHERE lower(code) = lower(:term) FOR SHARE),
           (SELECT id FROM users WHERE id = :teacher_id AND role = 'teacher' AND active)
    """
)


def find_term(connection: Connection, term_id: int, *, lock: bool = False) -> Term | None:
    """Return a term, locked against other changes where asked."""
    statement = _LOCKED_TERM if lock else _TERM
    row = connection.execute(statement, {"id": term_id}).one_or_none()
    return Term(*row) if row else None


def list_terms(connection: Connection, query: TermQuery) -> Page:
    """Return a page of terms.

    Raises:
        InvalidCursor: the cursor is not one of this list and sort.
    """
    return _TERMS.page(connection, query, sort=query.sort, q=query.q)


def knows_timezone(connection: Connection, name: str) -> bool:
    """Tell whether Postgres knows a time zone of that name, spelled exactly so."""
    return bool(connection.execute(_KNOWS_TIMEZONE, {"name": name}).scalar_one())


def get_grid(connection: Connection, term_id: int) -> Grid:
    """Return what meetings of a term have to fit into."""
    last_week, starts = connection.execute(_GRID, {"id": term_id}).one()
    return Grid(last_week, {n for n, time in enumerate(starts, start=1) if time is not None})


def outgrows_grid(connection: Connection, term_id: int) -> bool:
    """Tell whether a meeting is in a period or week that its term does not have."""
    return bool(connection.execute(_OUTGROWS_GRID, {"id": term_id}).scalar_one())


def find_section(
    connection: Connection, section_id: int, *, student: int | None = None
) -> Section | None:
    """Return a section; with the id of a student one that the student may see."""
    if student is None:
        row = connection.execute(_SECTION, {"id": section_id}).one_or_none()
    else:
        binds = {"id": section_id, "student": student}
        row = connection.execute(_SECTION_OF_STUDENT, binds).one_or_none()
    return Section(*row) if row else None


def lock_section(connection: Connection, section_id: int) -> Section | None:
    """Return a section that nobody else changes, enrols in or leaves until this transaction ends.

    The lock comes first: meetings are rows of their own, and only a later statement sees what
    whoever had the lock before has made of them.
    """
    connection.execute(_LOCK_SECTION, {"id": section_id})
    return find_section(connection, section_id)


def list_sections(connection: Connection, query: SectionQuery, *, student: int | None) -> Page:
    """Return a page of sections; with the id of a student of those that the student may see.

    Raises:
        InvalidCursor: the cursor is not one of this list and sort.
    """
    return SECTIONS.page(
        connection,
        query,
        sort=query.sort,
        q=query.q,
        course=query.course,
        term=query.term,
        teacher=query.teacher,
        status=query.status,
        student=student,
    )


class References(NamedTuple):
    """What a section hangs on; None where there is no such thing."""

    course_id: int | None
    term_id: int | None
    teacher_id: int | None


def lock_references(
    connection: Connection, course_id: int, term: str, teacher_id: int | None
) -> References:
    """Return the course, the term and the active teacher, which stay as they are for now: the
    course is not removed, the term not changed, until this transaction ends.
    """
    wanted = {"course_id": course_id, "term": term, "teacher_id": teacher_id}
    return References(*connection.execute(_REFERENCES, wanted).one())


def teaches_course(connection: Connection, user_id: int, course_id: int) -> bool:
    """Tell whether somebody teaches a section of a course, in whatever term."""
    binds = {"user_id": user_id, "course_id": course_id}
    return bool(connection.execute(_TEACHES_COURSE, binds).scalar_one())

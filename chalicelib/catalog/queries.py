"""Every SELECT over the catalogue; nothing here writes. Postgres builds the JSON of a course, in a
list as one string for the whole page."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, TextClause, text

from chalicelib.catalog.schemas import CourseQuery
from chalicelib.core.pagination import (
    MOST_CHARACTERS,
    InvalidCursor,
    Page,
    Position,
    decode_cursor,
    encode_cursor,
)

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


class _Sort(NamedTuple):
    """What sorts: a column, what is done to it (SQL with a place for it), and its key's type."""

    column: str
    expression: str
    key_type: str
    unique: bool = False


_SORTS = {
    "code": _Sort("code", "lower({})", "text", unique=True),
    "title": _Sort("title", "lower({})", "text"),
    "credits": _Sort("credits", "{}", "numeric"),
    "updated_at": _Sort("updated_at", "{}", "timestamptz"),
}
_SEARCHED = ("code", "title", "description")
_NUMBER = re.compile(r"[0-9]{1,3}\.[0-9]")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?\+00")


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
    parameters: dict[str, Any] = {"limit": query.limit}
    if query.q:
        parameters["q"] = query.q
    if query.code:
        parameters["code"] = query.code
    if query.cursor is not None:
        position = _checked(decode_cursor(query.cursor, query.sort))
        parameters["key"] = position.key
        if not _SORTS[query.sort.removeprefix("-")].unique:
            parameters["id"] = position.id
    statement = _page(query.sort, bool(query.q), bool(query.code), query.cursor is not None)
    items, more, key, last_id = connection.execute(statement, parameters).one()
    while len(items) > MOST_CHARACTERS:
        parameters["limit"] = max(1, parameters["limit"] * MOST_CHARACTERS // len(items))
        items, more, key, last_id = connection.execute(statement, parameters).one()
    return Page(items, encode_cursor(Position(query.sort, key, last_id)) if more else None)


def course_conditions(*, searches: bool, by_code: bool) -> list[str]:
    """Return the conditions of the list's filters, with the binds `q` and `code`."""
    conditions = []
    if searches:
        # strpos knows no wildcards, so that none needs an escape
        found = (f"strpos(lower({column}), lower(:q)) > 0" for column in _SEARCHED)
        conditions.append(f"({' OR '.join(found)})")
    if by_code:
        conditions.append("lower(code) = lower(:code)")
    return conditions


@cache
def _page(sort: str, searches: bool, by_code: bool, resumes: bool) -> TextClause:
    """Return the statement of a page: one row with the items as one string, whether there are
    more, and the key and id of the last item."""
    by = _SORTS[sort.removeprefix("-")]
    direction, beyond = ("DESC", "<") if sort.startswith("-") else ("ASC", ">")
    key, order = by.expression.format(by.column), f"{by.expression.format(by.column)} {direction}"
    here = f"CAST(:key AS {by.key_type})"
    if not by.unique:
        key, order = f"({key}, id)", f"{order}, id {direction}"
        here = f"({here}, CAST(:id AS bigint))"
    conditions = course_conditions(searches=searches, by_code=by_code)
    if resumes:
        conditions.append(f"{key} {beyond} {here}")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return text(
        f"""
        SELECT '[' || coalesce(array_to_string(items[1 : :limit], ','), '') || ']',
               cardinality(items) > :limit,
               CAST({by.expression.format("keys[:limit]")} AS text),
               ids[:limit]
          FROM (SELECT array_agg(row_to_json(shown)::text) AS items,
                       array_agg(courses.{by.column}) AS keys,
                       array_agg(courses.id) AS ids
                  FROM (SELECT * FROM courses {where} ORDER BY {order} LIMIT :limit + 1) courses
                 CROSS JOIN LATERAL (SELECT {COURSE_FIELDS}) shown) page
        """  # noqa: S608
    )


def _checked(position: Position) -> Position:
    """Refuse a key that Postgres would not have written for its column."""
    column = position.sort.removeprefix("-")
    if column == "credits" and not _NUMBER.fullmatch(position.key):
        raise InvalidCursor
    if column == "updated_at":
        try:
            datetime.fromisoformat(position.key)
        except ValueError as malformed:
            raise InvalidCursor from malformed
        # Python reads more than Postgres does, such as week dates
        if not _TIME.fullmatch(position.key):
            raise InvalidCursor
    return position

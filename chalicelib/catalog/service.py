"""What is done with courses. The caller's role is checked at the edge, whose course it is here."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller
from chalicelib.audit import service as audit
from chalicelib.catalog.errors import BY_CONSTRAINT
from chalicelib.catalog.queries import COURSE_JSON, Course, find_course
from chalicelib.catalog.schemas import CourseChanges, CourseIn
from chalicelib.core.errors import found
from chalicelib.core.violations import refused_as

_INSERT = text(
    f"""
    INSERT INTO courses (code, title, description, credits)
    VALUES (:code, :title, :description, :credits)
    RETURNING id, version, {COURSE_JSON}
    """  # noqa: S608
)
# A change that changes nothing makes no new version.
_UPDATE = text(
    f"""
    UPDATE courses
       SET code = wanted.code, title = wanted.title, description = wanted.description,
           credits = wanted.credits, updated_at = now(), version = version + 1
      FROM (SELECT coalesce(:code, code) AS code, coalesce(:title, title) AS title,
                   coalesce(:description, description) AS description,
                   coalesce(CAST(:credits AS numeric), credits) AS credits
              FROM courses WHERE id = :id) wanted
     WHERE id = :id
       AND (courses.code, courses.title, courses.description, courses.credits)
           IS DISTINCT FROM (wanted.code, wanted.title, wanted.description, wanted.credits)
    RETURNING id, version, {COURSE_JSON}
    """  # noqa: S608
)
_DELETE = text("DELETE FROM courses WHERE id = :id")

_AUDITED_FIELDS = ("code", "title", "credits", "description")
_LONGEST_AUDITED = 128


def get_course_for(connection: Connection, _caller: Caller, course_id: int) -> Course:
    """Return a course; whoever is signed in may read all of them.

    Raises:
        NotFound: there is none of that id.
    """
    return found(find_course(connection, course_id))


def lock_course_for(connection: Connection, _caller: Caller, course_id: int) -> Course:
    """Return a course that nobody else changes until this transaction ends.

    Raises:
        NotFound: there is none of that id.
    """
    return found(find_course(connection, course_id, lock=True))


def create_course(connection: Connection, caller: Caller, course: CourseIn) -> Course:
    """Add a course.

    Raises:
        CourseCodeTaken: another has the code, in whatever case.
    """
    with refused_as(BY_CONSTRAINT):
        created = Course(*connection.execute(_INSERT, course.model_dump()).one())
    after = _brief(json.loads(created.json))
    audit.add(connection, caller, "course_created", "course", created.id, after=after)
    return created


def change_course(
    connection: Connection, caller: Caller, course: Course, changes: CourseChanges
) -> Course:
    """Change the named fields of a locked course.

    Raises:
        CourseCodeTaken: another has the new code.
    """
    named = dict.fromkeys(CourseChanges.model_fields) | changes.model_dump(exclude_unset=True)
    with refused_as(BY_CONSTRAINT):
        row = connection.execute(_UPDATE, named | {"id": course.id}).one_or_none()
    if row is None:
        return course
    changed = Course(*row)
    old, new = json.loads(course.json), json.loads(changed.json)
    differing = [name for name in _AUDITED_FIELDS if old[name] != new[name]]
    audit.add(
        connection,
        caller,
        "course_updated",
        "course",
        course.id,
        before=_brief(old, differing),
        after=_brief(new, differing),
    )
    return changed


def delete_course(connection: Connection, caller: Caller, course: Course) -> None:
    """Remove a locked course.

    Raises:
        CourseInUse: it has sections.
    """
    with refused_as(BY_CONSTRAINT):
        connection.execute(_DELETE, {"id": course.id})
    before = _brief(json.loads(course.json))
    audit.add(connection, caller, "course_deleted", "course", course.id, before=before)


def _brief(facts: dict[str, Any], names: Collection[str] = _AUDITED_FIELDS) -> dict[str, Any]:
    """Return what is kept of a course in the audit log."""
    cut = facts | {"description": facts["description"][:_LONGEST_AUDITED]}
    return {name: cut[name] for name in names}

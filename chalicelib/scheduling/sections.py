"""What is done with sections. The caller's role is checked at the edge, whose section it is here.

A section is locked before anything of it changes. Then its course and term are, against removal
and change, so that no meeting slips past the grid of its term; last, its teacher and its rooms are
against being booked by others.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import STAFF, Caller
from chalicelib.audit import service as audit
from chalicelib.core.errors import FieldError, Forbidden, Invalid, found
from chalicelib.core.pagination import Page
from chalicelib.core.violations import refused_as
from chalicelib.scheduling import queries
from chalicelib.scheduling.conflicts import (
    Clash,
    find_clashes,
    find_conflicts,
    find_warnings,
    lock_bookings,
)
from chalicelib.scheduling.errors import BY_CONSTRAINT, InvalidTransition, ScheduleConflict
from chalicelib.scheduling.meetings import Meeting, format_meetings, meeting_errors, ordered
from chalicelib.scheduling.queries import Section
from chalicelib.scheduling.rules import Status, may_become
from chalicelib.scheduling.schemas import SectionChanges, SectionIn, SectionQuery
from chalicelib.scheduling.waitlist import promote_from_waitlist

_INSERT = text(
    """
    INSERT INTO sections (course_id, term_id, section_code, teacher_id, capacity, status)
    VALUES (:course_id, :term_id, :section_code, :teacher_id, :capacity, :status)
    RETURNING id
    """
)
_UPDATE = text(
    """
    UPDATE sections
       SET course_id = :course_id, term_id = :term_id, section_code = :section_code,
           teacher_id = :teacher_id, capacity = :capacity, status = :status,
           updated_at = now(), version = version + 1
     WHERE id = :id
    """
)
_DELETE = text("DELETE FROM sections WHERE id = :id")
_INSERT_MEETINGS = text(
    """
    INSERT INTO meetings (section_id, number, weekday, first_period, last_period, weeks, room)
    SELECT :id, number, weekday, first_period, last_period, weeks, room
      FROM json_to_recordset(CAST(:meetings AS json))
        AS new (number smallint, weekday smallint, first_period smallint, last_period smallint,
                weeks smallint[], room text)
    """
)
_DELETE_MEETINGS = text("DELETE FROM meetings WHERE section_id = :id")
_BOOKS = ("term", "teacher_id", "status", "meetings")
_NOT_A_TEACHERS = ("course_id", "term", "teacher_id")
_LONGEST_AUDITED = 500
_MOST_AUDITED = 100


class Facts(NamedTuple):
    """What of a section can be changed, in the form in which it is asked for."""

    course_id: int
    term: str
    section_code: str
    teacher_id: int | None
    capacity: int
    status: Status
    meetings: list[Meeting]

    @classmethod
    def of(cls, section: Section) -> Facts:
        """Return those of a section that exists."""
        shown = section.shown
        return cls(
            course_id=shown["course"]["id"],
            term=shown["term"],
            section_code=shown["section_code"],
            teacher_id=shown["teacher"] and shown["teacher"]["id"],
            capacity=shown["capacity"],
            status=shown["status"],
            meetings=[Meeting(**m | {"weeks": tuple(m["weeks"])}) for m in shown["meetings"]],
        )

    @classmethod
    def asked(cls, section: SectionIn | SectionChanges, before: Facts | None = None) -> Facts:
        """Return those that a body asks for; what it does not name stays as before."""
        named = {name: getattr(section, name) for name in section.model_fields_set}
        if "meetings" in named:
            named["meetings"] = ordered(m.meeting for m in section.meetings)
        if before is None:
            defaults = SectionIn.model_fields
            named = {
                n: defaults[n].get_default(call_default_factory=True) for n in defaults
            } | named
            return cls(**named)
        if "term" in named and named["term"].lower() == before.term.lower():
            named["term"] = before.term
        return before._replace(**named)


def list_sections_for(connection: Connection, caller: Caller, query: SectionQuery) -> Page:
    """Return a page of the sections that the caller may see.

    Raises:
        InvalidCursor: the cursor is not one of this list and sort.
    """
    return queries.list_sections(connection, query, student=_student(caller))


def get_section_for(connection: Connection, caller: Caller, section_id: int) -> Section:
    """Return a section: to a student one that is published, or archived with the student in it; to
    others any.

    Raises:
        NotFound: there is none of that id, or not for the caller.
    """
    return found(queries.find_section(connection, section_id, student=_student(caller)))


def lock_section_for(connection: Connection, caller: Caller, section_id: int) -> Section:
    """Return a section that the caller, no student, may edit and nobody else changes for now.

    Raises:
        NotFound: there is none of that id.
        Forbidden: the caller is a teacher, and somebody else teaches it.
    """
    section = found(queries.lock_section(connection, section_id))
    check_editor(section, caller)
    return section


def create_section(
    connection: Connection, caller: Caller, section: SectionIn, *, allow_conflicts: bool
) -> Section:
    """Add a section.

    Raises:
        Invalid: there is no such course, term or teacher, or meetings do not fit into the term.
        SectionCodeTaken: the course has another with the code in the term.
        ScheduleConflict: its teacher or a room is taken, and that is not allowed.
    """
    facts = Facts.asked(section)
    references = _lock_references(connection, facts)
    with refused_as(BY_CONSTRAINT):
        written = _columns(facts, references)
        section_id: int = connection.execute(_INSERT, written).scalar_one()
    _insert_meetings(connection, section_id, facts.meetings)
    created = _written(connection, section_id)
    after = _brief(Facts.of(created))
    audit.add(connection, caller, "section_created", "section", section_id, after=after)
    _check_conflicts(connection, caller, section_id, set(), allowed=allow_conflicts)
    return created


def change_section(
    connection: Connection,
    caller: Caller,
    section: Section,
    changes: SectionChanges,
    *,
    allow_conflicts: bool,
) -> Section:
    """Change the named fields of a locked section, and fill seats that this brings.

    Clashes that it had before, because they were allowed, do not stand in the way.

    Raises:
        Forbidden: a teacher would move it to another course, term or teacher, or bring it back.
        InvalidTransition: the status does not follow the present one.
        Invalid, SectionCodeTaken, ScheduleConflict: as `create_section`.
    """
    before = Facts.of(section)
    wanted = Facts.asked(changes, before)
    # A change that changes nothing makes no new version.
    if wanted == before:
        return section
    _check_allowed(caller, before, wanted)
    differing = [name for name in Facts._fields if getattr(before, name) != getattr(wanted, name)]
    books = not set(_BOOKS).isdisjoint(differing)
    clashed = find_clashes(connection, section.id) if books else set()
    references = _lock_references(connection, wanted, before)
    with refused_as(BY_CONSTRAINT):
        connection.execute(_UPDATE, _columns(wanted, references) | {"id": section.id})
    if wanted.meetings != before.meetings:
        connection.execute(_DELETE_MEETINGS, {"id": section.id})
        _insert_meetings(connection, section.id, wanted.meetings)
    promote_from_waitlist(connection, caller, section.id)
    changed = _written(connection, section.id)
    audit.add(
        connection,
        caller,
        "section_updated",
        "section",
        section.id,
        before=_brief(before, differing),
        after=_brief(Facts.of(changed), differing),
    )
    if books:
        _check_conflicts(connection, caller, section.id, clashed, allowed=allow_conflicts)
    return changed


def delete_section(connection: Connection, caller: Caller, section: Section) -> None:
    """Remove a locked section.

    Raises:
        SectionInUse: students are enrolled or waiting.
    """
    with refused_as(BY_CONSTRAINT):
        connection.execute(_DELETE, {"id": section.id})
    before = _brief(Facts.of(section))
    audit.add(connection, caller, "section_deleted", "section", section.id, before=before)


def check_editor(section: Section, caller: Caller) -> None:
    """Refuse a teacher whose section it is not.

    Raises:
        Forbidden: the caller is a teacher, and somebody else teaches it.
    """
    if caller.role == "teacher" and Facts.of(section).teacher_id != caller.id:
        raise Forbidden("Somebody else teaches this section.")


def get_conflicts_for(connection: Connection, caller: Caller, section_id: int) -> str:
    """Return the clashes of a section that the caller may edit, and the warnings, as JSON text.

    Raises:
        NotFound, Forbidden: as `lock_section_for`.
    """
    section = get_section_for(connection, caller, section_id)
    check_editor(section, caller)
    conflicts = find_conflicts(connection, section_id)
    warnings = find_warnings(connection, section_id).items
    return f'{{"items":{conflicts.items},"total":{conflicts.total},"warnings":{warnings}}}'


def _check_conflicts(
    connection: Connection,
    caller: Caller,
    section_id: int,
    before: set[Clash],
    *,
    allowed: bool,
) -> None:
    """Refuse clashes that a section did not have before, or write down who allowed them."""
    lock_bookings(connection, section_id)
    created = find_clashes(connection, section_id) - before
    if not created:
        return
    if not allowed or caller.role not in STAFF:
        told = [
            conflict
            for conflict in find_conflicts(connection, section_id).told
            if created
            & {
                (conflict["kind"], conflict["section"]["id"], date.fromisoformat(day))
                for day in conflict["dates"]
            }
        ]
        raise ScheduleConflict(told)
    sections = sorted({other for _, other, _ in created})
    audit.add(
        connection,
        caller,
        "schedule_conflict_allowed",
        "section",
        section_id,
        after={"clashes": len(created), "sections": sections[:_MOST_AUDITED]},
    )


def _student(caller: Caller) -> int | None:
    return caller.id if caller.role == "student" else None


def _check_allowed(caller: Caller, before: Facts, wanted: Facts) -> None:
    if not may_become(before.status, wanted.status):
        raise InvalidTransition
    if caller.role != "teacher":
        return
    if any(getattr(before, name) != getattr(wanted, name) for name in _NOT_A_TEACHERS):
        raise Forbidden("Only a registrar moves a section to another course, term or teacher.")
    if before.status == "archived" and wanted.status != "archived":
        raise Forbidden("Only a registrar brings a section back from the archive.")


def _lock_references(
    connection: Connection, facts: Facts, before: Facts | None = None
) -> queries.References:
    """Return what a section is to hang on; a teacher who stays need not be active any more."""
    found = queries.lock_references(connection, facts.course_id, facts.term, facts.teacher_id)
    if before is not None and facts.teacher_id == before.teacher_id:
        found = found._replace(teacher_id=facts.teacher_id)
    errors = [
        FieldError(field, "not_one_of", message)
        for field, value, message in (
            ("course_id", found.course_id, "There is no such course."),
            ("term", found.term_id, "There is no such term."),
            (
                "teacher_id",
                found.teacher_id or facts.teacher_id is None,
                "There is no such teacher.",
            ),
        )
        if not value
    ]
    if found.term_id is not None and facts.meetings:
        grid = queries.get_grid(connection, found.term_id)
        errors += meeting_errors(facts.meetings, grid.last_week, grid.periods)
    if errors:
        raise Invalid(errors=errors)
    return found


def _columns(facts: Facts, references: queries.References) -> dict[str, Any]:
    columns = facts._asdict() | references._asdict()
    return {name: columns[name] for name in columns if name not in ("term", "meetings")}


def _insert_meetings(connection: Connection, section_id: int, meetings: list[Meeting]) -> None:
    if meetings:
        rows = [{"number": n, **m._asdict()} for n, m in enumerate(meetings, start=1)]
        connection.execute(_INSERT_MEETINGS, {"id": section_id, "meetings": json.dumps(rows)})


def _written(connection: Connection, section_id: int) -> Section:
    section = queries.find_section(connection, section_id)
    if section is None:
        raise LookupError(f"section {section_id} was written and is not there")
    return section


def _brief(facts: Facts, names: Collection[str] = Facts._fields) -> Mapping[str, Any]:
    """Return what is kept of a section in the audit log; meetings as text."""
    as_text = format_meetings(facts.meetings, 0)[:_LONGEST_AUDITED]
    kept = facts._asdict() | {"meetings": as_text}
    return {name: kept[name] for name in names}

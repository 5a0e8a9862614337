"""What can be wrong with terms, sections, when they meet and who is in them."""

from __future__ import annotations

from typing import Any, ClassVar

from chalicelib.core.errors import Conflict, FieldError, Forbidden
from chalicelib.scheduling.schemas import ConflictOut


class TermCodeTaken(Conflict):
    code = "term_code_taken"
    title = "Term code taken"
    detail = "Another term has this code; upper and lower case do not make a difference."


class TermInUse(Conflict):
    code = "term_in_use"
    title = "Term in use"
    detail = "Sections of the term stand in the way."


class SectionCodeTaken(Conflict):
    code = "section_code_taken"
    title = "Section code taken"
    detail = "The course has another section with this code in the term, in whatever case."


class InvalidTransition(Conflict):
    code = "invalid_transition"
    title = "Not the next status"
    detail = "A section goes from draft to published to archived, and from there back to published."


class ScheduleConflict(Conflict):
    code = "schedule_conflict"
    title = "Schedule conflict"
    detail = "The teacher or a room is taken at that time; `conflicts` lists where."
    member_models: ClassVar = {"conflicts": ConflictOut}

    def __init__(self, conflicts: list[dict[str, Any]]) -> None:
        errors = [_error_of(conflict) for conflict in conflicts]
        super().__init__(errors=errors, members={"conflicts": conflicts})


class SectionInUse(Conflict):
    code = "section_in_use"
    title = "Section in use"
    detail = "Students are enrolled or waiting; withdraw them first, or archive the section."


class SectionArchived(Conflict):
    code = "section_archived"
    title = "Section archived"
    detail = "Nobody is enrolled in an archived section."


class AlreadyEnrolled(Conflict):
    code = "already_enrolled"
    title = "Already enrolled"
    detail = "The student is enrolled in this section or waits for it."


class SelfEnrolmentClosed(Forbidden):
    code = "self_enrolment_closed"
    title = "Self-enrolment closed"
    detail = "Students do not enrol or withdraw themselves here; ask the registrar."


BY_CONSTRAINT = {
    "terms_code_key": TermCodeTaken,
    "sections_term_id_fkey": TermInUse,
    "sections_code_key": SectionCodeTaken,
    "enrollments_section_id_fkey": SectionInUse,
    "enrollments_section_id_user_id_key": AlreadyEnrolled,
}


def _error_of(conflict: dict[str, Any]) -> FieldError:
    other, days = conflict["section"], conflict["dates"]
    more = f" and {len(days) - 1} more days" if len(days) > 1 else ""
    return FieldError(
        "teacher_id" if conflict["kind"] == "teacher" else "meetings",
        f"{conflict['kind']}_taken",
        f"Taken by {other['course']['code']} {other['section_code']} on {days[0]}{more}.",
    )

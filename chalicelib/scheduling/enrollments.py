"""Who is in a section: enrolling, withdrawing, rosters. Registrars do it for others, students for
themselves where SELF_ENROLMENT says so; teachers read the rosters of their sections.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller
from chalicelib.audit import service as audit
from chalicelib.core.errors import FieldError, Forbidden, Invalid, found
from chalicelib.core.listing import Listing, Sort, contains
from chalicelib.core.pagination import Page
from chalicelib.core.settings import get_settings
from chalicelib.core.violations import refused_as
from chalicelib.scheduling.errors import BY_CONSTRAINT, SectionArchived, SelfEnrolmentClosed
from chalicelib.scheduling.schemas import EnrollmentQuery
from chalicelib.scheduling.sections import check_editor, get_section_for
from chalicelib.scheduling.waitlist import lock_seats, promote_from_waitlist

# Places are counted over the whole section before a filter can leave anybody out.
_WITH_PLACES = """
    (SELECT enrollments.*, username, full_name,
            CASE status WHEN 'waitlisted'
                 THEN row_number() OVER (PARTITION BY section_id, status ORDER BY enrollments.id)
            END AS position
       FROM enrollments JOIN users ON users.id = user_id) enrollments
"""
_FIELDS = """
    json_build_object('id', user_id, 'username', username, 'full_name', full_name) AS "user",
    status, position,
    to_char(enrolled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS enrolled_at
"""
_ENROLLMENTS = Listing(
    table="enrollments",
    source=_WITH_PLACES,
    fields=_FIELDS,
    sorts={
        "place": Sort("status", "{}", "text"),
        "name": Sort("full_name", "lower({})", "text"),
    },
    conditions={
        "section": "section_id = :section",
        "student": "user_id = :student",
        "status": "status = :status",
        "q": contains("username", "full_name"),
    },
)
_ENROLLMENT = text(
    f"""
    SELECT (SELECT row_to_json(enrollment)::text FROM (SELECT {_FIELDS}) enrollment), status
      FROM {_WITH_PLACES} WHERE section_id = :section_id AND user_id = :user_id
    """  # noqa: S608
)
# Under the lock the counts of the section hold.
_INSERT = text(
    """
    INSERT INTO enrollments (section_id, user_id, status, enrolled_at)
    SELECT sections.id, users.id,
           CASE WHEN enrolled < capacity THEN 'enrolled' ELSE 'waitlisted' END,
           statement_timestamp()
      FROM sections, users
     WHERE sections.id = :section_id AND users.id = :user_id AND role = 'student' AND active
    """
)
_DELETE = text(
    "DELETE FROM enrollments WHERE section_id = :section_id AND user_id = :user_id RETURNING status"
)


def list_enrollments_for(
    connection: Connection, caller: Caller, section_id: int, query: EnrollmentQuery
) -> Page:
    """Return a page of a roster; a student finds nobody else on it.

    Raises:
        NotFound: there is no such section, or not for the caller.
        Forbidden: the caller is a teacher, and somebody else teaches it.
        InvalidCursor: the cursor is not one of this list and sort.
    """
    section = get_section_for(connection, caller, section_id)
    check_editor(section, caller)
    return _ENROLLMENTS.page(
        connection,
        query,
        sort=query.sort,
        section=section_id,
        student=caller.id if caller.role == "student" else None,
        status=query.status,
        q=query.q,
    )


def enroll(connection: Connection, caller: Caller, section_id: int, user_id: int) -> str:
    """Give a student a seat, or the last place in line where none is free; return it as JSON text.

    Raises:
        NotFound: there is no such section, or not for the caller.
        Forbidden, SelfEnrolmentClosed: the caller may not, or not for that user.
        SectionArchived: it takes nobody any more.
        Invalid: that user is no active student.
        AlreadyEnrolled: the student is in it or in its line.
    """
    _lock_seats_for(connection, caller, section_id, user_id)
    who = {"section_id": section_id, "user_id": user_id}
    with refused_as(BY_CONSTRAINT):
        added = connection.execute(_INSERT, who).rowcount
    if not added:
        raise Invalid(errors=[FieldError("user_id", "not_one_of", "There is no such student.")])
    json, status = connection.execute(_ENROLLMENT, who).one()
    after = {"user_id": user_id, "status": status}
    audit.add(connection, caller, "enrollment_created", "section", section_id, after=after)
    return str(json)


def withdraw(connection: Connection, caller: Caller, section_id: int, user_id: int) -> None:
    """Take a student out of a section or its line; the first in line gets a seat that is left.

    Raises:
        NotFound: there is no such section or the student is not in it.
        Forbidden, SelfEnrolmentClosed, SectionArchived: as `enroll`.
    """
    _lock_seats_for(connection, caller, section_id, user_id)
    who = {"section_id": section_id, "user_id": user_id}
    status = found(connection.execute(_DELETE, who).scalar_one_or_none())
    before = {"user_id": user_id, "status": status}
    audit.add(connection, caller, "enrollment_deleted", "section", section_id, before=before)
    promote_from_waitlist(connection, caller, section_id)


def _lock_seats_for(connection: Connection, caller: Caller, section_id: int, user_id: int) -> None:
    status = found(lock_seats(connection, section_id))
    if caller.role == "student":
        if status != "published":
            get_section_for(connection, caller, section_id)
        if user_id != caller.id:
            raise Forbidden("You may enrol and withdraw yourself only.")
        if not get_settings().self_enrolment:
            raise SelfEnrolmentClosed
    if status == "archived":
        raise SectionArchived

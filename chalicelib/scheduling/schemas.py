"""Sections, seats and weeks as they come in and go out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from chalicelib.accounts.schemas import UserRef
from chalicelib.core.pagination import PageQuery
from chalicelib.scheduling.meetings import (
    LAST_PERIOD,
    LAST_WEEK,
    LONGEST_ROOM,
    MOST_MEETINGS,
    Meeting,
)
from chalicelib.scheduling.rules import Status, monday_of_week
from chalicelib.scheduling.term_schemas import NO_CONTROLS, TermCode

_LARGEST_ID = 2**63 - 1


def _week(value: str) -> str:
    try:
        monday_of_week(value)
    except ValueError:
        raise PydanticCustomError("invalid_value", "A week is such as 2026-W36") from None
    return value


Id = Annotated[int, Field(ge=1, le=_LARGEST_ID)]
Number = Annotated[int, Field(ge=1, le=LAST_PERIOD)]
SectionCode = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=32, pattern=NO_CONTROLS),
    Field(description="Unique in course and term, whatever the case.", examples=["01"]),
]
Capacity = Annotated[int, Field(ge=0, le=100_000)]
# No semicolon, which stands between meetings where they are text.
Room = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=LONGEST_ROOM, pattern=r"^[^\x00-\x1f\x7f-\x9f;]*$"
    ),
    Field(examples=["A101"]),
]


class MeetingIn(BaseModel):
    """When and where a section comes together."""

    model_config = ConfigDict(extra="forbid")

    weekday: Annotated[int, Field(ge=1, le=7, description="1 is Monday.")]
    first_period: Number
    last_period: Number
    weeks: Annotated[
        list[Annotated[int, Field(ge=1, le=LAST_WEEK)]],
        Field(min_length=1, max_length=LAST_WEEK, description="Weeks of the term, from 1."),
    ]
    room: Room = ""

    @property
    def meeting(self) -> Meeting:
        """Return it as the rules know it."""
        weeks = tuple(sorted(set(self.weeks)))
        return Meeting(self.weekday, self.first_period, self.last_period, weeks, self.room)


Meetings = Annotated[list[MeetingIn], Field(max_length=MOST_MEETINGS)]


class SectionIn(BaseModel):
    """A new section of a course in a term."""

    model_config = ConfigDict(extra="forbid")

    course_id: Id
    term: TermCode
    section_code: SectionCode
    teacher_id: Id | None = None
    capacity: Capacity = 50
    status: Status = "draft"
    meetings: Meetings = Field(default_factory=list)


_UNCHANGED: Any = None


class SectionChanges(BaseModel):
    """What is to change in a section; what is not named stays. Meetings are replaced as a whole."""

    model_config = ConfigDict(extra="forbid")

    course_id: Id = _UNCHANGED
    term: TermCode = _UNCHANGED
    section_code: SectionCode = _UNCHANGED
    teacher_id: Id | None = _UNCHANGED
    capacity: Capacity = _UNCHANGED
    status: Status = _UNCHANGED
    meetings: Meetings = _UNCHANGED


class CourseRef(BaseModel):
    """A course in brief."""

    id: int
    code: str
    title: str


class MeetingOut(BaseModel):
    """When and where a section comes together."""

    weekday: int = Field(description="1 is Monday.")
    first_period: int
    last_period: int
    weeks: list[int] = Field(description="Weeks of the term, rising.")
    room: str


class SectionOut(BaseModel):
    """A section."""

    id: int
    course: CourseRef
    section_code: str
    term: str = Field(description="Code of the term.")
    teacher: UserRef | None
    capacity: int
    status: Status
    enrolled: int
    waitlisted: int
    meetings: list[MeetingOut]


class SectionPage(BaseModel):
    """One page of sections."""

    items: list[SectionOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class SectionQuery(PageQuery):
    """Filters of the list of sections."""

    q: Annotated[
        str,
        StringConstraints(max_length=200),
        Field(description="Any part of course code or title, section code or teacher's name."),
    ] = ""
    course: Annotated[int | None, Field(ge=1, le=_LARGEST_ID, description="Id of a course.")] = None
    term: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=200),
        Field(description="The whole code of a term, in any case."),
    ] = ""
    teacher: Annotated[int | None, Field(ge=1, le=_LARGEST_ID, description="Id of a user.")] = None
    status: Status | None = None
    sort: Literal["course", "-course", "id", "-id"] = "course"


class SectionSaveQuery(BaseModel):
    """How a section is saved."""

    allow_conflicts: Annotated[
        bool,
        Field(
            description="Save it although the teacher or a room is taken; only a registrar's or"
            " manager's counts, and it is written to the audit log."
        ),
    ] = False


class SectionRef(BaseModel):
    """A section in brief."""

    id: int
    course: CourseRef
    section_code: str
    term: str = Field(description="Code of the term.")


class ConflictOut(BaseModel):
    """A teacher or a room that two sections want at the same time."""

    kind: Literal["teacher", "room"]
    section: SectionRef = Field(description="The other one.")
    meeting: MeetingOut
    other_meeting: MeetingOut
    dates: list[date] = Field(description="Days on which the own meeting clashes, rising.")


class WarningOut(BaseModel):
    """Students who are enrolled in two sections that meet at the same time."""

    section: SectionRef = Field(description="The other one.")
    meeting: MeetingOut
    other_meeting: MeetingOut
    dates: list[date] = Field(description="Days on which the own meeting clashes, rising.")
    students: int = Field(description="How many are enrolled in both.")


class ConflictsOut(BaseModel):
    """The clashes of a section."""

    items: list[ConflictOut] = Field(description="By date, the first hundred.")
    total: int = Field(description="How many there are in all.")
    warnings: list[WarningOut] = Field(description="By date, the first hundred.")


EnrollmentStatus = Literal["enrolled", "waitlisted"]


class EnrollmentIn(BaseModel):
    """A student for a section."""

    model_config = ConfigDict(extra="forbid")

    user_id: Id


class EnrollmentOut(BaseModel):
    """A student in a section, or in the line for it."""

    user: UserRef
    status: EnrollmentStatus
    position: int | None = Field(description="Place in line, from 1; null for the enrolled.")
    enrolled_at: datetime = Field(description="Since when the student is enrolled, or waits.")


class EnrollmentPage(BaseModel):
    """One page of a roster."""

    items: list[EnrollmentOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class EnrollmentQuery(PageQuery):
    """Filters of a roster."""

    q: Annotated[
        str,
        StringConstraints(max_length=200),
        Field(description="Any part of username or full name, in any case."),
    ] = ""
    status: EnrollmentStatus | None = None
    sort: Annotated[
        Literal["place", "name", "-name"],
        Field(description="`place`: the enrolled by arrival, then the line."),
    ] = "place"


class TimetableQuery(BaseModel):
    """Whose week, and which."""

    week: Annotated[
        str | None,
        AfterValidator(lambda week: week if week is None else _week(week)),
        Field(description="An ISO week such as `2026-W36`; the present one (UTC) if left out."),
    ] = None
    user: Annotated[
        int | None,
        Field(ge=1, le=_LARGEST_ID, description="Id of a user; only registrars see others' weeks."),
    ] = None


class TimetableMeetingOut(BaseModel):
    """A meeting on its day."""

    section: SectionRef
    first_period: int
    last_period: int
    starts_at: datetime
    ends_at: datetime
    room: str


class DayOut(BaseModel):
    """A day of a week."""

    date: date
    weekday: int = Field(description="1 is Monday.")
    meetings: list[TimetableMeetingOut] = Field(description="By time.")


class TimetableOut(BaseModel):
    """The week of a teacher or a student."""

    term: str | None = Field(
        description="Code of the term that the week is in: of several one that has meetings here,"
        " else the latest; null outside all terms."
    )
    week: str = Field(examples=["2026-W36"])
    week_number: int | None = Field(description="Of the term, from 1.")
    days: list[DayOut] = Field(description="Monday to Sunday.")


class FeedOut(BaseModel):
    """Where a calendar reads the timetable of its owner."""

    url: str = Field(description="Secret: whoever knows it reads the timetable.")

"""Terms and sections as they come in and go out."""

from __future__ import annotations

import re
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
from chalicelib.scheduling.rules import FIRST_DAY, LAST_DAY, Period, Status, monday_of_week

_LARGEST_ID = 2**63 - 1
_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def _clock(value: str) -> str:
    if not _CLOCK.fullmatch(value):
        raise PydanticCustomError("invalid_value", "A time is HH:MM, from 00:00 to 23:59")
    return value


def _week(value: str) -> str:
    try:
        monday_of_week(value)
    except ValueError:
        raise PydanticCustomError("invalid_value", "A week is such as 2026-W36") from None
    return value


TermCode = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=32, pattern=_NO_CONTROLS),
    Field(
        description="Unique whatever the case; what names the term everywhere else.",
        examples=["2026-autumn"],
    ),
]
TermName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=_NO_CONTROLS),
    Field(examples=["Autumn 2026"]),
]
Day = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY)]
Timezone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    Field(description="Name of the IANA database.", examples=["Asia/Shanghai"]),
]
Clock = Annotated[str, AfterValidator(_clock), Field(description="Local time, `HH:MM`.")]


class PeriodIn(BaseModel):
    """A period of the day, in local time of the term's time zone."""

    model_config = ConfigDict(extra="forbid")

    number: Annotated[int, Field(ge=1, le=LAST_PERIOD)]
    starts_at: Clock = Field(examples=["08:00"])
    ends_at: Clock = Field(examples=["08:45"])

    @property
    def period(self) -> Period:
        """Return it as the rules know it."""
        return Period(self.number, self.starts_at, self.ends_at)


Periods = Annotated[
    list[PeriodIn],
    Field(max_length=50, description="One after the other, their numbers rising."),
]


class TermIn(BaseModel):
    """A new term."""

    model_config = ConfigDict(extra="forbid")

    code: TermCode
    name: TermName
    starts_on: Day = Field(description="Its ISO week is week 1.")
    ends_on: Day = Field(description="Its ISO week is the last one; at most 400 days later.")
    timezone: Timezone = "UTC"
    periods: Periods = Field(default_factory=list)


_UNCHANGED: Any = None


class TermChanges(BaseModel):
    """What is to change in a term; what is not named stays. Periods are replaced as a whole."""

    model_config = ConfigDict(extra="forbid")

    code: TermCode = _UNCHANGED
    name: TermName = _UNCHANGED
    starts_on: Day = _UNCHANGED
    ends_on: Day = _UNCHANGED
    timezone: Timezone = _UNCHANGED
    periods: Periods = _UNCHANGED


class PeriodOut(BaseModel):
    """A period of the day, in local time of the term's time zone."""

    number: int
    starts_at: str = Field(examples=["08:00"])
    ends_at: str = Field(examples=["08:45"])


class TermOut(BaseModel):
    """A term."""

    id: int
    code: str
    name: str
    starts_on: date = Field(description="Its ISO week is week 1.")
    ends_on: date
    timezone: str
    periods: list[PeriodOut]


class TermPage(BaseModel):
    """One page of terms."""

    items: list[TermOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class TermQuery(PageQuery):
    """Filters of the list of terms."""

    q: Annotated[
        str,
        StringConstraints(max_length=200),
        Field(description="Any part of code or name, in any case."),
    ] = ""
    sort: Literal["starts_on", "-starts_on", "code", "-code"] = "-starts_on"


Id = Annotated[int, Field(ge=1, le=_LARGEST_ID)]
Number = Annotated[int, Field(ge=1, le=LAST_PERIOD)]
SectionCode = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=32, pattern=_NO_CONTROLS),
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

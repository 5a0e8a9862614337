"""Terms as they come in and go out."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from chalicelib.core.pagination import PageQuery
from chalicelib.scheduling.meetings import LAST_PERIOD
from chalicelib.scheduling.rules import FIRST_DAY, LAST_DAY, Period

NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def _clock(value: str) -> str:
    if not _CLOCK.fullmatch(value):
        raise PydanticCustomError("invalid_value", "A time is HH:MM, from 00:00 to 23:59")
    return value


TermCode = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=32, pattern=NO_CONTROLS),
    Field(
        description="Unique whatever the case; what names the term everywhere else.",
        examples=["2026-autumn"],
    ),
]
TermName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=NO_CONTROLS),
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

"""What makes a term right, and how a section goes on: pure rules, without any I/O.

Week 1 of a term is the ISO week of its first day, its last week that of its last day. Whole weeks
count: a Monday of week 1 belongs to the term that starts on the Tuesday.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple

from chalicelib.core.errors import FieldError

Status = Literal["draft", "published", "archived"]

FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(2999, 12, 31)
LONGEST_TERM_DAYS = 400
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})", re.ASCII)
_NEXT: dict[Status, tuple[Status, ...]] = {
    "draft": ("published",),
    "published": ("archived",),
    "archived": ("published",),
}


class Period(NamedTuple):
    """A period of the day: local times such as `08:00`, which sort as they follow each other."""

    number: int
    starts_at: str
    ends_at: str


def monday_of(day: date) -> date:
    """Return the Monday of the ISO week of a day."""
    return day - timedelta(days=day.weekday())


def week_of(day: date) -> str:
    """Return the ISO week of a day, such as `2026-W36`."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


def monday_of_week(week: str) -> date:
    """Return the Monday of an ISO week such as `2026-W36`.

    Raises:
        ValueError: it is not written so, its year has no such week, or it is beyond all terms.
    """
    found = _WEEK.fullmatch(week)
    if found is None:
        raise ValueError(week)
    monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
    if not FIRST_DAY <= monday <= LAST_DAY:
        raise ValueError(week)
    return monday


def term_errors(starts_on: date, ends_on: date, periods: Sequence[Period]) -> list[FieldError]:
    """Return what is wrong with the dates and the periods of a term."""
    return [*_length_errors(starts_on, ends_on), *_period_errors(periods)]


def _length_errors(starts_on: date, ends_on: date) -> list[FieldError]:
    if ends_on < starts_on:
        return [FieldError("ends_on", "out_of_range", "A term ends on or after its first day.")]
    if (ends_on - starts_on).days > LONGEST_TERM_DAYS:
        return [FieldError("ends_on", "out_of_range", "A term has at most 401 days.")]
    return []


def _period_errors(periods: Sequence[Period]) -> list[FieldError]:
    errors = [
        FieldError(f"periods.{index}.ends_at", "out_of_range", "A period ends after it starts.")
        for index, period in enumerate(periods)
        if period.ends_at <= period.starts_at
    ]
    for index, (before, after) in enumerate(pairwise(periods), start=1):
        if after.number <= before.number:
            errors.append(
                FieldError(f"periods.{index}.number", "out_of_range", "The numbers rise.")
            )
        if after.starts_at < before.ends_at:
            errors.append(
                FieldError(
                    f"periods.{index}.starts_at",
                    "out_of_range",
                    "A period starts when the one before it has ended.",
                )
            )
    return errors


def may_become(status: Status, wanted: Status) -> bool:
    """Tell whether a section of that status may get the wanted one, or has it."""
    return wanted == status or wanted in _NEXT[status]

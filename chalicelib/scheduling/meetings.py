"""Meetings: when a section comes together, in weeks and periods of its term, and where. Pure.

As text a meeting is `WEEKDAY:FIRST-LAST:WEEKS[@ROOM]`, several are joined by `;`. WEEKS is a list
such as `1-8,10`, or `odd`, `even`, `all` of the weeks of the term: `1:1-2:1-16@A101;3:3-4:odd`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from chalicelib.core.errors import FieldError

LAST_WEEK = 60
LAST_PERIOD = 99
MOST_MEETINGS = 50
LONGEST_ROOM = 64


class Meeting(NamedTuple):
    """A meeting; `weekday` is 1 (Monday) to 7, `weeks` rise, `room` may be empty."""

    weekday: int
    first_period: int
    last_period: int
    weeks: tuple[int, ...]
    room: str = ""


def ordered(meetings: Iterable[Meeting]) -> list[Meeting]:
    """Return meetings in the order of the week."""
    return sorted(
        meetings, key=lambda m: (m.weekday, m.first_period, m.last_period, m.room, m.weeks)
    )


def meeting_errors(
    meetings: Sequence[Meeting], last_week: int, periods: Collection[int]
) -> list[FieldError]:
    """Return where meetings do not fit into a term of that many weeks and those periods."""
    errors = []
    for index, meeting in enumerate(meetings):
        at = f"meetings.{index}"
        for name in ("first_period", "last_period"):
            if getattr(meeting, name) not in periods:
                errors.append(
                    FieldError(f"{at}.{name}", "not_one_of", "The term has no such period.")
                )
        if meeting.last_period < meeting.first_period:
            errors.append(
                FieldError(
                    f"{at}.last_period", "out_of_range", "The last period is not before the first."
                )
            )
        if meeting.weeks[-1] > last_week:
            errors.append(
                FieldError(
                    f"{at}.weeks", "out_of_range", f"The last week of the term is {last_week}."
                )
            )
    return errors


def format_meetings(meetings: Iterable[Meeting], last_week: int) -> str:
    """Return the text of meetings, as `parse_meetings` of migration 0007 reads it."""
    return ";".join(_formatted(meeting, last_week) for meeting in meetings)


def _named_weeks(last_week: int) -> dict[str, tuple[int, ...]]:
    return {
        "all": tuple(range(1, last_week + 1)),
        "odd": tuple(range(1, last_week + 1, 2)),
        "even": tuple(range(2, last_week + 1, 2)),
    }


def _formatted(meeting: Meeting, last_week: int) -> str:
    weekday, first, last, weeks, room = meeting
    named = {known: name for name, known in reversed(_named_weeks(last_week).items())}
    shown = named.get(weeks) or ",".join(_ranges(weeks))
    return f"{weekday}:{first}-{last}:{shown}{'@' if room else ''}{room}"


def _ranges(weeks: Sequence[int]) -> Iterable[str]:
    start = before = weeks[0]
    for week in (*weeks[1:], 0):
        if week != before + 1:
            yield str(start) if start == before else f"{start}-{before}"
            start = week
        before = week

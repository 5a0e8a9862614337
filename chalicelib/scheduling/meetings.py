"""Meetings: when a section comes together, in weeks and periods of its term, and where. Pure.

As text a meeting is `WEEKDAY:FIRST-LAST:WEEKS[@ROOM]`, several are joined by `;`. WEEKS is a list
such as `1-8,10`, or `odd`, `even`, `all` of the weeks of the term: `1:1-2:1-16@A101;3:3-4:odd`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from chalicelib.core.errors import FieldError

LAST_WEEK = 60
LAST_PERIOD = 99
MOST_MEETINGS = 50
LONGEST_ROOM = 64

_MEETING = re.compile(
    r"\s*([0-9]+)\s*:\s*([0-9]+)\s*-\s*([0-9]+)\s*:([^@]*)(?:@(.*))?", re.DOTALL | re.ASCII
)
_WEEKS = re.compile(r"\s*([0-9]{1,4})\s*(?:-\s*([0-9]{1,4})\s*)?", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_NUMBER = 4


class Meeting(NamedTuple):
    """A meeting; `weekday` is 1 (Monday) to 7, `weeks` rise, `room` may be empty."""

    weekday: int
    first_period: int
    last_period: int
    weeks: tuple[int, ...]
    room: str = ""


class UnreadableMeetings(ValueError):
    """A text that is not one of meetings; the message says which part and why, for people."""


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


def parse_meetings(text: str, last_week: int) -> list[Meeting]:
    """Return the meetings that a text stands for, in the order of the week.

    `last_week` is that of the term: what `odd`, `even` and `all` reach to, and no week is beyond.

    Raises:
        UnreadableMeetings: it does not have the form, or a number is out of all range. Whether the
            term has the periods is not asked here.
    """
    if not text.strip():
        return []
    parts = text.split(";")
    if len(parts) > MOST_MEETINGS:
        raise UnreadableMeetings(f"More than {MOST_MEETINGS} meetings.")
    return ordered(_parsed(part, last_week) for part in parts)


def format_meetings(meetings: Iterable[Meeting], last_week: int) -> str:
    """Return the text of meetings, from which `parse_meetings` makes the same again."""
    return ";".join(_formatted(meeting, last_week) for meeting in meetings)


def _parsed(part: str, last_week: int) -> Meeting:
    found = _MEETING.fullmatch(part)
    if found is None or any(len(found[n]) > _LONGEST_NUMBER for n in (1, 2, 3)):
        raise UnreadableMeetings(f"“{part.strip()[:80]}” is not WEEKDAY:FIRST-LAST:WEEKS[@ROOM].")
    weekday, first, last = int(found[1]), int(found[2]), int(found[3])
    if not 1 <= weekday <= 7:
        raise UnreadableMeetings(f"{weekday} is no weekday; they are 1 (Monday) to 7.")
    if not 1 <= first <= last <= LAST_PERIOD:
        raise UnreadableMeetings(f"{first}-{last} are no periods.")
    room = (found[5] or "").strip()
    if len(room) > LONGEST_ROOM:
        raise UnreadableMeetings(f"A room has at most {LONGEST_ROOM} characters.")
    if _CONTROLS.search(room):
        raise UnreadableMeetings("A room holds no control characters.")
    return Meeting(weekday, first, last, _parsed_weeks(found[4].strip(), last_week), room)


def _parsed_weeks(text: str, last_week: int) -> tuple[int, ...]:
    if named := _named_weeks(last_week).get(text.lower()):
        return named
    weeks: set[int] = set()
    for part in text.split(","):
        found = _WEEKS.fullmatch(part)
        if found is None:
            raise UnreadableMeetings(f"“{text[:80]}” are no weeks, such as 1-8,10 or odd.")
        first, last = int(found[1]), int(found[2] or found[1])
        if not 1 <= first <= last <= last_week:
            raise UnreadableMeetings(f"Weeks are 1 to {last_week} in this term.")
        weeks.update(range(first, last + 1))
    return tuple(sorted(weeks))


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

"""Meetings read from text, for tests: what the SQL that reads files is held against."""

from __future__ import annotations

import re

from chalicelib.scheduling.meetings import (
    LAST_PERIOD,
    LONGEST_ROOM,
    MOST_MEETINGS,
    Meeting,
    ordered,
)

_MEETING = re.compile(
    r"\s*([0-9]+)\s*:\s*([0-9]+)\s*-\s*([0-9]+)\s*:([^@]*)(?:@(.*))?", re.DOTALL | re.ASCII
)
_WEEKS = re.compile(r"\s*([0-9]{1,4})\s*(?:-\s*([0-9]{1,4})\s*)?", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_NUMBER = 4


class UnreadableMeetings(ValueError):
    """A text that is not one of meetings; the message says which part and why, for people."""


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
    odd, even = range(1, last_week + 1, 2), range(2, last_week + 1, 2)
    named = {"all": range(1, last_week + 1), "odd": odd, "even": even}.get(text.lower())
    if named:
        return tuple(named)
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

"""The events of a feed as iCalendar text (RFC 5545). Pure.

An event is one occurrence, with its own start and end in the time zone of the term:
docs/decisions/0015-one-event-an-occurrence.md says why. The library is imported when a calendar is
written, so that it costs no other request its 60 ms at a cold start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from icalendar import Calendar, Event

_PRODUCT = "-//Rollcall//Timetable//EN"
_REFRESH = timedelta(hours=1)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Occurrence(NamedTuple):
    """A meeting on its day, or one that is off; moments are seconds of Unix time."""

    section: int
    number: int
    week: int
    starts: int
    ends: int
    timezone: str
    room: str
    cancelled: bool


def write_calendar(events: str) -> str:
    """Return the calendar of the events that a feed has as JSON text."""
    from icalendar import Calendar

    feed = json.loads(events)
    sections: Mapping[str, Mapping[str, Any]] = feed["sections"] or {}
    occurrences = [Occurrence(*event) for event in feed["events"] or ()]
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    for name in ("name", "x-wr-calname"):
        calendar.add(name, "Rollcall")
    # Not METHOD: what is published with it needs an organizer (RFC 5546, 3.2.1).
    calendar.add("refresh-interval", _REFRESH, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    zones = {name: _zone(name) for name in {event.timezone for event in occurrences}}
    _add_timezones(calendar, zones, occurrences)
    for event in occurrences:
        section = sections[str(event.section)]
        calendar.add_component(_event(feed["name"], section, event, zones[event.timezone]))
    return calendar.to_ical().decode()


def _event(feed: str, section: Mapping[str, Any], occurrence: Occurrence, zone: tzinfo) -> Event:
    from icalendar import Event

    event = Event()
    event.add("uid", f"{occurrence.section}-{occurrence.number}-{occurrence.week}@{feed}")
    # Without METHOD it is when the event was last revised (RFC 5545, 3.8.7.2), not when it is read:
    # the same events are the same text.
    revised = datetime.fromtimestamp(section["revised_at"], UTC)
    event.add("dtstamp", revised)
    event.add("last-modified", revised)
    event.add("sequence", section["sequence"])
    event.add("dtstart", _local(occurrence.starts, zone))
    # An end in the hour that clocks skip may come before a start in it; an event has none then.
    if occurrence.ends > occurrence.starts:
        event.add("dtend", _local(occurrence.ends, zone))
    event.add("summary", _line(section["summary"]))
    if occurrence.room:
        event.add("location", _line(occurrence.room))
    if section["teacher"]:
        event.add("description", _line(section["teacher"]))
    event.add("status", "CANCELLED" if occurrence.cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if occurrence.cancelled else "OPAQUE")
    return event


def _local(moment: int, zone: tzinfo) -> datetime:
    """Return a moment in a zone, but in UTC where the clocks show its time twice: RFC 5545 reads
    such a time as the first of the two, whichever was meant.
    """
    local = datetime.fromtimestamp(moment, zone)
    return local.astimezone(UTC) if local.fold else local


def _zone(name: str) -> tzinfo:
    """Return a zone; UTC where only Postgres knows it, which makes the same moments."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
    return UTC if name in ("UTC", "Etc/UTC") else zone


def _add_timezones(
    calendar: Calendar, zones: Mapping[str, tzinfo], occurrences: Sequence[Occurrence]
) -> None:
    from icalendar import Timezone

    for name in sorted(zones):
        if zones[name] is UTC:
            continue
        moments = [m for o in occurrences if o.timezone == name for m in (o.starts, o.ends)]
        # Whole years, and a day more on either side for zones that are ahead or behind.
        first = datetime.fromtimestamp(min(moments), UTC).year
        last = datetime.fromtimestamp(max(moments), UTC).year
        calendar.add_component(
            Timezone.from_tzid(
                name, first_date=date(first - 1, 12, 30), last_date=date(last + 1, 1, 2)
            )
        )
    if not occurrences:
        # A calendar has one component at least (RFC 5545, 3.6).
        calendar.add_component(Timezone.from_tzinfo(UTC, "UTC", date(1970, 1, 1), date(1970, 1, 2)))


def _line(text: str) -> str:
    return _CONTROLS.sub(" ", text)

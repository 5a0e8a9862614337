"""When a `rate(…)` or `cron(…)` of EventBridge Scheduler is due next.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html has the grammar; `W` and
`#`, which no template here uses, are refused.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((.+)\)")
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {
    name: number
    for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)
}
_HORIZON_DAYS = 366 * 5


class ScheduleError(Exception):
    """An expression that is not a schedule; the text holds it."""


@dataclass(frozen=True)
class Rate:
    """Every so often, from the start of the local cloud on."""

    period: timedelta

    def after(self, moment: datetime) -> datetime:
        """Return the next time after an earlier one."""
        return moment + self.period


@dataclass(frozen=True)
class Cron:
    """At the times that fit every field, in a time zone."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime:
        """Return the next time after a moment.

        Raises:
            ScheduleError: there is none in the next years.
        """
        local = moment.astimezone(self.zone)
        for offset in range(_HORIZON_DAYS):
            day = local.date() + timedelta(days=offset)
            if not self._fits(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    due = datetime.combine(day, time(hour, minute), self.zone).astimezone(UTC)
                    if due > moment:
                        return due
        raise ScheduleError("the schedule is never due")

    def _fits(self, day: date) -> bool:
        last = calendar.monthrange(day.year, day.month)[1]
        return (
            day.year in self.years
            and day.month in self.months
            and day.isoweekday() % 7 + 1 in self.weekdays
            and (day.day in self.days or (self.last_day and day.day == last))
        )


def parse(expression: str, timezone: str = "UTC") -> Rate | Cron:
    """Return the schedule of an expression.

    Raises:
        ScheduleError: it is not one.
    """
    if rate := _RATE.fullmatch(expression):
        number, unit = rate.groups()
        if int(number) == 0:
            raise ScheduleError(f"{expression}: a rate is at least 1")
        return Rate(timedelta(**{f"{unit}s": int(number)}))
    cron = _CRON.fullmatch(expression)
    fields = cron.group(1).split() if cron else []
    if len(fields) != 6:
        raise ScheduleError(f"{expression} is neither rate(…) nor cron(…) with six fields")
    minutes, hours, days, months, weekdays, years = fields
    try:
        return Cron(
            _values(minutes, 0, 59),
            _values(hours, 0, 23),
            frozenset() if days == "L" else _values(days, 1, 31),
            days == "L",
            _values(months, 1, 12, _MONTHS),
            _values(weekdays, 1, 7, _WEEKDAYS),
            _values(years, 1970, 2199),
            ZoneInfo(timezone),
        )
    except (ValueError, KeyError) as error:
        raise ScheduleError(f"{expression}: {error}") from error


def _values(
    field: str, least: int, most: int, names: dict[str, int] | None = None
) -> frozenset[int]:
    values: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span in {"*", "?"}:
            low, high = least, most
        else:
            low = _number(first, names)
            high = _number(last, names) if dash else (most if step else low)
        if not least <= low <= high <= most:
            raise ValueError(f"{part} is not between {least} and {most}")
        values.update(range(low, high + 1, int(step) if step else 1))
    return frozenset(values)


def _number(text: str, names: dict[str, int] | None) -> int:
    return names[text.upper()] if names and text.upper() in names else int(text)

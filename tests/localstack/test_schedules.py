"""When schedules are due: the examples of EventBridge Scheduler's documentation, and its traps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import schedules

FRIDAY = datetime(2026, 11, 20, 13, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "period"),
    [
        ("rate(1 minute)", timedelta(minutes=1)),
        ("rate(5 minutes)", timedelta(minutes=5)),
        ("rate(2 hours)", timedelta(hours=2)),
        ("rate(7 days)", timedelta(days=7)),
    ],
)
def test_a_rate_is_due_after_its_period(expression: str, period: timedelta) -> None:
    assert schedules.parse(expression).after(FRIDAY) == FRIDAY + period


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("cron(30 2 * * ? *)", datetime(2026, 11, 21, 2, 30, tzinfo=UTC)),
        ("cron(0/15 * * * ? *)", datetime(2026, 11, 20, 13, 15, tzinfo=UTC)),
        ("cron(5 13 * * ? *)", datetime(2026, 11, 21, 13, 5, tzinfo=UTC)),
        ("cron(6 13 * * ? *)", datetime(2026, 11, 20, 13, 6, tzinfo=UTC)),
        ("cron(0 8 ? * MON-FRI *)", datetime(2026, 11, 23, 8, 0, tzinfo=UTC)),
        ("cron(0 8 ? * 1 *)", datetime(2026, 11, 22, 8, 0, tzinfo=UTC)),
        ("cron(0 0 1,15 * ? *)", datetime(2026, 12, 1, 0, 0, tzinfo=UTC)),
        ("cron(0 0 L * ? *)", datetime(2026, 11, 30, 0, 0, tzinfo=UTC)),
        ("cron(0 0 29 FEB ? *)", datetime(2028, 2, 29, 0, 0, tzinfo=UTC)),
    ],
)
def test_a_cron_is_due_at_the_next_fitting_minute(expression: str, due: datetime) -> None:
    assert schedules.parse(expression).after(FRIDAY) == due


def test_a_cron_keeps_the_wall_clock_of_its_zone_over_the_change_of_time() -> None:
    daily = schedules.parse("cron(0 8 * * ? *)", "Europe/Berlin")
    summer = daily.after(datetime(2026, 10, 24, 0, 0, tzinfo=UTC))
    winter = daily.after(datetime(2026, 10, 25, 12, 0, tzinfo=UTC))
    assert (summer.hour, winter.hour) == (6, 7)


@pytest.mark.parametrize(
    "expression",
    [
        "every minute",
        "rate(0 minutes)",
        "cron(* * *)",
        "cron(61 * * * ? *)",
        "cron(0 8 ? * NOD *)",
        "cron(0 8 3W * ? *)",
        "cron(0 8 ? * 2#1 *)",
    ],
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(schedules.ScheduleError):
        schedules.parse(expression)


def test_a_cron_that_is_never_due_says_so() -> None:
    with pytest.raises(schedules.ScheduleError, match="never due"):
        schedules.parse("cron(0 0 31 FEB ? *)").after(FRIDAY)

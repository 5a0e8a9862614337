"""The rules of terms and of the status of a section."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from chalicelib.scheduling.queries import LAST_WEEK
from chalicelib.scheduling.rules import Status, may_become

_ADD_TERM = text(
    "INSERT INTO terms (code, name, timezone, starts_on, ends_on)"
    f" VALUES ('T', 'T', 'UTC', :starts_on, :ends_on) RETURNING {LAST_WEEK}"
)


@pytest.fixture
def weeks_in_term(clean_database: None, owner: Connection) -> Callable[[date, date], int]:
    def weeks(starts_on: date, ends_on: date) -> int:
        dates = {"starts_on": starts_on, "ends_on": ends_on}
        last_week: int = owner.execute(_ADD_TERM, dates).scalar_one()
        owner.rollback()
        return last_week

    return weeks


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "weeks"),
    [
        (date(2026, 9, 7), date(2026, 9, 13), 1),
        (date(2026, 9, 13), date(2026, 9, 14), 2),
        (date(2026, 9, 1), date(2026, 12, 18), 16),
        (date(2026, 12, 28), date(2027, 1, 4), 2),
    ],
)
def test_weeks_are_iso_weeks(
    weeks_in_term: Callable[[date, date], int], starts_on: date, ends_on: date, weeks: int
) -> None:
    assert weeks_in_term(starts_on, ends_on) == weeks


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(starts_on=st.dates(date(1970, 1, 1), date(2999, 1, 1)), days=st.integers(0, 400))
def test_a_term_has_at_most_as_many_weeks_as_meetings_can_name(
    weeks_in_term: Callable[[date, date], int], starts_on: date, days: int
) -> None:
    ends_on = starts_on + timedelta(days=days)
    counted = {(starts_on + timedelta(days=day)).isocalendar()[:2] for day in range(days + 1)}
    assert weeks_in_term(starts_on, ends_on) == len(counted) <= 60


def test_a_section_goes_forth_and_from_the_archive_back() -> None:
    statuses: tuple[Status, ...] = ("draft", "published", "archived")
    ways = {(a, b) for a in statuses for b in statuses if a != b and may_become(a, b)}
    assert ways == {("draft", "published"), ("published", "archived"), ("archived", "published")}
    assert all(may_become(status, status) for status in statuses)

"""Clashes held against an oracle that compares every moment of every meeting with every other."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from chalicelib.core import database
from chalicelib.scheduling.conflicts import MOST_TOLD, find_clashes, find_conflicts
from tests.scheduling.school import Meeting, Section, Term, clashes, write

pytestmark = pytest.mark.usefixtures("clean_database")

MORNING = {n: (time(7 + n), time(7 + n, 45)) for n in range(1, 13)}
# The same hours in other numbers, and one period that lasts as long as two.
AFTERNOON = {n: (time(11 + n), time(11 + n, 50)) for n in range(1, 11)} | {
    11: (time(22), time(23, 59))
}
AUTUMN = Term("autumn", date(2026, 9, 1), "Europe/Berlin", MORNING)
# Starts within the autumn, so that its week 1 is the eighth there.
LATE = Term("late", date(2026, 10, 22), "Europe/Berlin", AFTERNOON)
TOKYO = Term("tokyo", date(2026, 9, 9), "Asia/Tokyo", AFTERNOON)
SAMOA = Term("samoa", date(2026, 9, 7), "Pacific/Pago_Pago", MORNING)
KIRIBATI = Term("kiribati", date(2026, 9, 7), "Pacific/Kiritimati", MORNING)

weeks = st.sampled_from(
    [tuple(range(1, 17)), tuple(range(1, 17, 2)), tuple(range(2, 17, 2)), (1,), (8, 16)]
)


@st.composite
def sections(draw: st.DrawFn) -> Section:
    term = draw(st.sampled_from([AUTUMN, LATE, TOKYO, SAMOA, KIRIBATI]))
    meetings = []
    for _ in range(draw(st.integers(0, 3))):
        first, last = sorted(draw(st.tuples(*[st.sampled_from(sorted(term.periods))] * 2)))
        weekday = draw(st.integers(1, 7))
        room = draw(st.sampled_from(["", "A1", "B2"]))
        meetings.append(Meeting(weekday, first, last, draw(weeks), room))
    teacher = draw(st.sampled_from([None, "tea", "tee"]))
    status = draw(st.sampled_from(["draft", "published", "published", "archived"]))
    return Section(term, teacher, tuple(meetings), status)


def found(section_id: int, ids: list[int]) -> set[tuple[str, int, date]]:
    with database.lone_read() as connection:
        return {
            (kind, ids.index(other), day)
            for kind, other, day in find_clashes(connection, section_id)
        }


def empty(owner: Connection) -> None:
    for table in ("meetings", "sections", "courses", "terms", "users"):
        owner.execute(text(f"DELETE FROM {table}"))
    owner.commit()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(sections(), min_size=2, max_size=6, unique_by=id))
def test_they_are_those_of_the_oracle(owner: Connection, some: list[Section]) -> None:
    empty(owner)
    ids = write(owner, some)
    for section, section_id in zip(some, ids, strict=True):
        assert found(section_id, ids) == clashes(section, some)


@pytest.mark.parametrize(
    ("mine", "its", "days"),
    [
        (Meeting(1, 1, 2, (1, 2, 3)), Meeting(1, 2, 3, (2, 4)), ["2026-09-07"]),
        (Meeting(1, 1, 2, (1, 3, 5)), Meeting(1, 1, 2, (2, 4, 6)), []),
        (Meeting(1, 1, 2, (1, 2)), Meeting(1, 3, 4, (1, 2)), []),
        (Meeting(1, 1, 2, (1, 2)), Meeting(2, 1, 2, (1, 2)), []),
    ],
)
def test_odd_and_even_weeks_do_not_meet(
    owner: Connection, mine: Meeting, its: Meeting, days: list[str]
) -> None:
    some = [Section(AUTUMN, "tea", (mine,)), Section(AUTUMN, "tea", (its,))]
    ids = write(owner, some)
    expected = {("teacher", 1, date.fromisoformat(day)) for day in days}
    assert found(ids[0], ids) == expected == clashes(some[0], some)


def test_terms_meet_by_the_calendar_and_not_by_the_number_of_a_week(owner: Connection) -> None:
    # Thursday 22 October is week 8 of the one and week 1 of the other; 13:00 is period 6 and 2.
    mine = Section(AUTUMN, None, (Meeting(4, 6, 6, (1, 8), "A1"),))
    its = Section(LATE, None, (Meeting(4, 2, 2, (1, 8), "A1"),))
    ids = write(owner, [mine, its])
    assert found(ids[0], ids) == {("room", 1, date(2026, 10, 22))}


def test_days_differ_where_time_zones_do(owner: Connection) -> None:
    # Monday 19:00 in Samoa is Tuesday 20:00 in Kiribati, 25 hours ahead.
    mine = Section(SAMOA, "tea", (Meeting(1, 12, 12, (1,)),))
    its = Section(KIRIBATI, "tea", (Meeting(2, 12, 12, (1,)),))
    ids = write(owner, [mine, its])
    assert found(ids[0], ids) == clashes(mine, [mine, its]) == set()
    late = Section(SAMOA, "tea", (Meeting(1, 11, 11, (1,)),))
    empty(owner)
    ids = write(owner, [late, its])
    assert found(ids[0], ids) == clashes(late, [late, its]) == {("teacher", 1, date(2026, 9, 7))}


def test_only_the_first_are_told_but_all_are_counted(owner: Connection) -> None:
    crowd = [Section(AUTUMN, None, (Meeting(1, 1, 1, (n % 16 + 1,), "A1"),)) for n in range(130)]
    mine = Section(AUTUMN, None, (Meeting(1, 1, 1, tuple(range(1, 17)), "A1"),))
    ids = write(owner, [mine, *crowd])
    with database.lone_read() as connection:
        conflicts = find_conflicts(connection, ids[0])
    assert conflicts.total == 130
    days = [conflict["dates"] for conflict in conflicts.told]
    assert len(days) == MOST_TOLD
    assert days == sorted(days)


DATA = Path(os.environ.get("ROLLCALL_TEST_DATA", Path(__file__).parents[3] / "shared/data"))
SCHOOL = DATA / "sjtu_2025_fall"
# The university's own grid is of no matter to a comparison within one term.
SHANGHAI = {n: (time(7 + n), time(7 + n, 45)) for n in range(1, 16)}


@pytest.mark.skipif(not SCHOOL.is_dir(), reason="the real data is not here")
def test_the_clashes_of_a_real_school_are_found(owner: Connection) -> None:
    def rows(name: str) -> list[dict[str, str]]:
        with (SCHOOL / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    term = Term("2025-2026-1", date(2025, 9, 15), "Asia/Shanghai", SHANGHAI)
    meetings: dict[tuple[str, str], list[Meeting]] = defaultdict(list)
    for row in rows("meetings.csv"):
        first, last = int(row["first_period"]), int(row["last_period"])
        held = tuple(sorted({int(week) for week in row["weeks"].split()}))
        meetings[row["course_code"], row["section_code"]].append(
            Meeting(int(row["weekday"]), first, last, held, row["room"])
        )
    some = [
        Section(
            term,
            row["teacher"] or None,
            tuple(meetings[row["course_code"], row["section_code"]]),
            row["status"],
            row["course_code"],
            row["section_code"],
        )
        for row in rows("sections.csv")
    ]
    ids = write(owner, some)
    assert sum(len(section.meetings) for section in some) == 3336
    expected: dict[int, set[tuple[str, int, date]]] = by_slots(some)
    assert sum(len(clash) for clash in expected.values()) > 1000
    # a fifth of them: to ask for each takes the suite half a minute
    some_of_them = range(0, len(ids), 5)
    assert [found(ids[n], ids) for n in some_of_them] == [expected[n] for n in some_of_them]


def by_slots(some: list[Section]) -> dict[int, set[tuple[str, int, date]]]:
    """Return the clashes of all sections of one term: whoever stands in the same slot of the same
    teacher or room. Quick enough for thousands, and another way than the oracle's.
    """
    slots: dict[tuple[str, str, date, int], set[int]] = defaultdict(set)
    for index, section in enumerate(some):
        monday = section.term.starts_on
        for meeting in section.meetings:
            for week in meeting.weeks:
                day = monday + timedelta(weeks=week - 1, days=meeting.weekday - 1)
                for period in range(meeting.first_period, meeting.last_period + 1):
                    if section.teacher:
                        slots["teacher", section.teacher, day, period].add(index)
                    if meeting.room:
                        slots["room", meeting.room, day, period].add(index)
    clashing: dict[int, set[tuple[str, int, date]]] = {n: set() for n in range(len(some))}
    for (kind, _, day, _), there in slots.items():
        for index in there:
            clashing[index] |= {(kind, other, day) for other in there if other != index}
    return clashing

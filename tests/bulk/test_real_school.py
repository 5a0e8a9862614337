"""The autumn of a real university by the file: teachers, courses, sections with when they meet."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.bulk.desk import Desk, Ended, csv_file, uploaded
from tests.scheduling.school import Meeting, Section, Term
from tests.scheduling.test_conflicts import SCHOOL, SHANGHAI, by_slots

pytestmark = pytest.mark.skipif(not SCHOOL.is_dir(), reason="the real data is not here")

AUTUMN = Term("2025-2026-1", date(2025, 9, 15), "Asia/Shanghai", SHANGHAI)
COLUMNS = ("course_code", "term", "section_code", "teacher", "capacity", "status", "meetings")
TOLD = re.compile(
    r"The (teacher|room) is taken by (\S+ \S+ \S+) on (\S+?)(?: and (\d+) more days)?\."
)

Row = dict[str, str]


def rows(name: str) -> list[Row]:
    with (SCHOOL / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def desk(desk: Desk, owner: Connection) -> Desk:
    desk.write("UPDATE users SET role = 'manager'")
    desk.caller = desk.caller._replace(role="manager")
    desk.write(
        "INSERT INTO terms (code, name, starts_on, ends_on, timezone, period_starts, period_ends)"
        " VALUES (:code, 'Autumn', :starts_on, :ends_on, :timezone,"
        " CAST(:starts AS time[]), CAST(:ends AS time[]))",
        code=AUTUMN.code,
        starts_on=AUTUMN.starts_on,
        ends_on=AUTUMN.ends_on,
        timezone=AUTUMN.timezone,
        starts=[str(starts) for starts, _ in SHANGHAI.values()],
        ends=[str(ends) for _, ends in SHANGHAI.values()],
    )
    return desk


def bring_in(desk: Desk, kind: str, content: bytes) -> Ended:
    task_id = desk.upload(content, kind=kind)
    assert desk.deliver(uploaded(task_id)) == []
    return desk.task(task_id)


def test_a_whole_term_goes_in_and_its_clashes_are_found(desk: Desk) -> None:
    sections, meetings = rows("sections.csv"), rows("meetings.csv")
    teachers = sorted({row["teacher"] for row in sections})
    people = csv_file(
        [(name, f"{name}@school.example", "teacher") for name in teachers],
        ("username", "email", "role"),
    )
    assert bring_in(desk, "users", people).counts == (len(teachers), 0, 0, 0)
    courses = bring_in(desk, "courses", (SCHOOL / "courses.csv").read_bytes())
    assert courses.counts == (len(rows("courses.csv")), 0, 0, 0)

    texts: dict[tuple[str, str], list[str]] = defaultdict(list)
    held: dict[tuple[str, str], list[Meeting]] = defaultdict(list)
    for row in meetings:
        key = row["course_code"], row["section_code"]
        weekday, first, last = (int(row[n]) for n in ("weekday", "first_period", "last_period"))
        room = f"@{row['room']}" if row["room"] else ""
        texts[key].append(f"{weekday}:{first}-{last}:{','.join(row['weeks'].split())}{room}")
        weeks = tuple(sorted({int(week) for week in row["weeks"].split()}))
        held[key].append(Meeting(weekday, first, last, weeks, row["room"]))
    told = [
        {**row, "meetings": ";".join(texts[row["course_code"], row["section_code"]])}
        for row in sections
    ]
    ended = bring_in(
        desk, "sections", csv_file([[row[n] for n in COLUMNS] for row in told], COLUMNS)
    )
    assert ended.counts == (len(sections), 0, 0, 0)

    (totals,) = desk.read(
        "SELECT (SELECT sum(capacity) FROM sections), (SELECT count(*) FROM meetings),"
        " (SELECT sum(cardinality(weeks) * (last_period - first_period + 1)) FROM meetings)"
    )
    assert tuple(totals) == (
        sum(int(row["capacity"] or 50) for row in sections),
        len(meetings),
        sum(
            len(meeting.weeks) * (meeting.last_period - meeting.first_period + 1)
            for several in held.values()
            for meeting in several
        ),
    )

    some = [
        Section(AUTUMN, row["teacher"], tuple(held[row["course_code"], row["section_code"]]))
        for row in sections
    ]
    names = [" ".join(row[n] for n in COLUMNS[:3]) for row in sections]
    expected = {
        (index + 2, kind, names[other], min(days), len(days))
        for index, clashes in by_slots(some).items()
        for (kind, other), days in days_of(clashes).items()
    }
    assert len(expected) > 1000
    assert ended.result["warnings"] == len(expected)
    assert found(desk.report(ended)) == expected

    desk.kind = "sections"
    again = desk.import_(desk.export())
    assert again.counts == (0, 0, len(sections), 0)


def days_of(clashes: set[tuple[str, int, date]]) -> dict[tuple[str, int], set[date]]:
    days: dict[tuple[str, int], set[date]] = defaultdict(set)
    for kind, other, day in clashes:
        days[kind, other].add(day)
    return days


def found(report: list[Row]) -> set[tuple[Any, ...]]:
    return {
        (int(row["line"]), kind, other, date.fromisoformat(first), int(more or 0) + 1)
        for row in report
        for kind, other, first, more in TOLD.findall(row["error"])
    }

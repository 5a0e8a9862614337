"""A small school in the database, and its clashes worked out by hand: every meeting of every
section spread into moments, every pair of them compared. Nothing here asks chalicelib how."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class Term:
    code: str
    starts_on: date
    timezone: str
    periods: dict[int, tuple[time, time]]
    weeks: int = 16

    @property
    def ends_on(self) -> date:
        return self.starts_on + timedelta(weeks=self.weeks - 1)


@dataclass(frozen=True)
class Meeting:
    weekday: int
    first_period: int
    last_period: int
    weeks: tuple[int, ...]
    room: str = ""


@dataclass(frozen=True)
class Section:
    term: Term
    teacher: str | None
    meetings: tuple[Meeting, ...]
    status: str = "published"
    course: str = "C"
    code: str = field(default="01", compare=False)


Moment = tuple[date, datetime, datetime]


def moments(term: Term, meeting: Meeting) -> list[Moment]:
    """Return the days of a meeting, and from when to when it lasts."""
    year, week, _ = term.starts_on.isocalendar()
    monday = date.fromisocalendar(year, week, 1)
    zone = ZoneInfo(term.timezone)
    held = []
    for number in meeting.weeks:
        day = monday + timedelta(weeks=number - 1, days=meeting.weekday - 1)
        starts = datetime.combine(day, term.periods[meeting.first_period][0], zone)
        ends = datetime.combine(day, term.periods[meeting.last_period][1], zone)
        held.append((day, starts.astimezone(UTC), ends.astimezone(UTC)))
    return held


def clashes(section: Section, others: list[Section]) -> set[tuple[str, int, date]]:
    """Return each clash as its kind, the index of the other section and the own day."""
    found: set[tuple[str, int, date]] = set()
    if section.status == "archived":
        return found
    for index, other in enumerate(others):
        if other is section or other.status == "archived":
            continue
        for own in section.meetings:
            for its in other.meetings:
                kinds = set()
                if section.teacher is not None and section.teacher == other.teacher:
                    kinds.add("teacher")
                if own.room and own.room == its.room:
                    kinds.add("room")
                if not kinds:
                    continue
                for day, starts, ends in moments(section.term, own):
                    if any(s < ends and starts < e for _, s, e in moments(other.term, its)):
                        found |= {(kind, index, day) for kind in kinds}
    return found


def write(owner: Connection, sections: list[Section]) -> list[int]:
    """Write the sections, with whatever they need, and return their ids in the same order."""
    terms = {term.code: term for term in (section.term for section in sections)}
    for term in terms.values():
        numbers = range(1, max(term.periods) + 1)
        owner.execute(
            text(
                "INSERT INTO terms (code, name, starts_on, ends_on, timezone, period_starts,"
                " period_ends) VALUES (:code, 't', :starts_on, :ends_on, :timezone,"
                " CAST(:starts AS time[]), CAST(:ends AS time[]))"
            ),
            {
                "code": term.code,
                "starts_on": term.starts_on,
                "ends_on": term.ends_on,
                "timezone": term.timezone,
                "starts": [str(term.periods[n][0]) if n in term.periods else None for n in numbers],
                "ends": [str(term.periods[n][1]) if n in term.periods else None for n in numbers],
            },
        )
    rows = [
        {
            "course": section.course,
            "term": section.term.code,
            "code": f"{section.code}-{number}",
            "teacher": section.teacher,
            "status": section.status,
            "meetings": [vars(meeting) for meeting in section.meetings],
        }
        for number, section in enumerate(sections)
    ]
    everything: dict[str, Any] = {"rows": json.dumps(rows)}
    for statement in (
        "INSERT INTO users (username, email, full_name, role)"
        " SELECT DISTINCT teacher, teacher || '@school.example', '', 'teacher' FROM new"
        "  WHERE teacher IS NOT NULL",
        "INSERT INTO courses (code, title) SELECT DISTINCT course, 't' FROM new",
        "INSERT INTO sections (course_id, term_id, section_code, teacher_id, status)"
        " SELECT courses.id, terms.id, new.code, users.id, status FROM new"
        "   JOIN courses ON courses.code = course JOIN terms ON terms.code = term"
        "   LEFT JOIN users ON username = teacher ORDER BY new.number",
        "INSERT INTO meetings (section_id, number, weekday, first_period, last_period, weeks, room)"
        " SELECT sections.id, m.number, m.weekday, m.first_period, m.last_period, m.weeks, m.room"
        "   FROM new JOIN sections ON section_code = new.code"
        "   JOIN courses ON courses.id = course_id AND courses.code = course"
        "   CROSS JOIN LATERAL ROWS FROM (json_to_recordset(new.meetings) AS (weekday smallint,"
        "     first_period smallint, last_period smallint, weeks smallint[], room text))"
        "     WITH ORDINALITY AS m (weekday, first_period, last_period, weeks, room, number)",
    ):
        owner.execute(
            text(
                "WITH new AS MATERIALIZED (SELECT * FROM ROWS FROM (json_to_recordset("
                "CAST(:rows AS json)) AS (course text, term text, code text, teacher text,"
                " status text, meetings json)) WITH ORDINALITY AS"
                f" new (course, term, code, teacher, status, meetings, number)) {statement}"
            ),
            everything,
        )
    ids = owner.execute(text("SELECT id FROM sections ORDER BY id")).scalars().all()
    owner.commit()
    return list(ids)[-len(sections) :]

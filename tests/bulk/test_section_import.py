"""Sections by the file, with when they meet: what a row must be, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from chalicelib.bulk.errors import PlanStale
from chalicelib.core import logs
from chalicelib.scheduling.meetings import format_meetings
from tests.bulk.desk import Desk, Ended, csv_file, parsed
from tests.bulk.test_plans import plan_rows
from tests.outbox.queues import Queues
from tests.scheduling.meeting_reader import UnreadableMeetings, parse_meetings

HEADER = ("course_code", "term", "section_code", "teacher", "capacity", "status", "meetings")
KEY = HEADER[:3]
ONE = ("CS101", "autumn", "01", "ben", "30", "published", "1:1-2:all@A101")
TWO = ("CS101", "autumn", "02", "", "50", "draft", "")
REQUEST = "a-request-of-rosa"


@pytest.fixture
def desk(desk_queues: Queues, clean_database: None, owner: Connection) -> Iterator[Desk]:
    """Rosa's desk, with two courses, a term of 16 weeks and 6 periods, and its people."""
    with logs.correlated(REQUEST):
        desk = Desk(owner, desk_queues, kind="sections")
        furnish(desk)
        yield desk


def furnish(desk: Desk) -> None:
    desk.write("INSERT INTO courses (code, title) VALUES ('CS101', 'Computing'), ('MA1', 'Maths')")
    desk.write(
        "INSERT INTO terms (code, name, starts_on, ends_on, timezone, period_starts, period_ends)"
        " SELECT 'autumn', 'Autumn', '2026-09-01', '2026-12-20', 'Asia/Shanghai',"
        " array_agg(make_time(n + 7, 0, 0) ORDER BY n),"
        " array_agg(make_time(n + 7, 45, 0) ORDER BY n) FROM generate_series(1, 6) n"
    )
    desk.write(
        "INSERT INTO users (username, email, role, active)"
        " SELECT name, name || '@rollcall.example', role, name <> 'gone' FROM (VALUES"
        " ('ben', 'teacher'), ('tilda', 'teacher'), ('gone', 'teacher'), ('chloe', 'student'),"
        " ('dai', 'student'), ('max', 'student')) people (name, role)"
    )


def file(*rows: Any, header: Any = HEADER) -> bytes:
    return csv_file(rows, header)


def exported(desk: Desk, **filters: Any) -> list[tuple[str, ...]]:
    return [tuple(row.values()) for row in parsed(desk.export(**filters))]


def codes(desk: Desk, *rows: Any, header: Any = HEADER) -> list[str]:
    """Import rows of which the last one fails alone, and return what is wrong with it."""
    ended = desk.import_(file(*rows, header=header))
    assert ended.counts[3] == 1, ended
    (row,) = (row for row in desk.report(ended) if row["severity"] == "error")
    assert int(row["line"]) == len(rows) + 1
    return row["error_code"].split(";")


def meetings(desk: Desk, code: str = "01") -> list[tuple[Any, ...]]:
    rows = desk.read(
        "SELECT number, weekday, first_period, last_period, weeks, room"
        " FROM meetings JOIN sections ON section_id = id WHERE section_code = :code ORDER BY 1",
        code=code,
    )
    return [tuple(row) for row in rows]


def test_sections_go_in_and_a_second_time_nothing_changes(desk: Desk) -> None:
    content = file(ONE, TWO)
    assert desk.import_(content).counts == (2, 0, 0, 0)
    assert exported(desk) == [ONE, TWO]
    assert meetings(desk) == [(1, 1, 1, 2, list(range(1, 17)), "A101")]
    before = desk.read("SELECT id, version, updated_at FROM sections ORDER BY id")
    assert desk.import_(content).counts == (0, 0, 2, 0)
    assert desk.import_(desk.export()).counts == (0, 0, 2, 0)
    assert desk.read("SELECT id, version, updated_at FROM sections ORDER BY id") == before


def test_a_key_is_found_in_any_case_and_keeps_its_spelling(desk: Desk) -> None:
    desk.import_(file(["CS101", "autumn", "a", "ben"], header=[*KEY, "teacher"]))
    ended = desk.import_(file(["cs101", " AUTUMN ", "A", "tilda"], header=[*KEY, "teacher"]))
    assert ended.counts == (0, 1, 0, 0)
    assert exported(desk) == [("CS101", "autumn", "a", "tilda", "50", "draft", "")]


def test_what_a_file_does_not_say_stays(desk: Desk) -> None:
    desk.import_(file(ONE))
    assert desk.import_(file(ONE[:3], header=KEY)).counts == (0, 0, 1, 0)
    only_status = file([*ONE[:3], "archived"], header=[*KEY, "status"])
    assert desk.import_(only_status).counts == (0, 1, 0, 0)
    assert exported(desk) == [(*ONE[:5], "archived", ONE[6])]


def test_what_is_empty_has_a_meaning(desk: Desk) -> None:
    desk.import_(file(ONE))
    assert desk.import_(file([*ONE[:3], "", "", "", ""])).counts == (0, 1, 0, 0)
    assert exported(desk) == [(*ONE[:3], "", "50", "published", "")]
    assert meetings(desk) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({0: ""}, "required"),
        ({0: "XX1"}, "unknown_course"),
        ({1: ""}, "required"),
        ({1: "spring"}, "unknown_term"),
        ({2: ""}, "required"),
        ({2: "x" * 33}, "too_long"),
        ({2: "a\x1fb"}, "invalid_character"),
        ({3: "nobody"}, "unknown_teacher"),
        ({3: "gone"}, "unknown_teacher"),
        ({3: "dai"}, "unknown_teacher"),
        ({3: "rosa"}, "unknown_teacher"),
        ({4: "many"}, "invalid_number"),
        ({4: "2.5"}, "invalid_number"),
        ({4: "-1"}, "out_of_range"),
        ({4: "100001"}, "out_of_range"),
        ({4: "999999999999999999"}, "out_of_range"),
        ({5: "open"}, "not_one_of"),
        ({6: "monday"}, "invalid_meetings"),
    ],
)
def test_what_a_row_must_be(desk: Desk, change: dict[int, str], code: str) -> None:
    row = list(TWO)
    for at, cell in change.items():
        row[at] = cell
    assert codes(desk, ONE, row) == [code]
    assert exported(desk) == [ONE]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("1:1-2", "“1:1-2” is not WEEKDAY:FIRST-LAST:WEEKS[@ROOM]."),
        ("1:1-2:all;", "“” is not WEEKDAY:FIRST-LAST:WEEKS[@ROOM]."),
        ("1:1-2:all;9:1-2:odd", "9 is no weekday; they are 1 (Monday) to 7."),
        ("1:2-1:all", "2-1 are no periods of this term."),
        ("1:6-7:all", "6-7 are no periods of this term."),
        ("1:0-1:all", "0-1 are no periods of this term."),
        ("1:1-1:some", "“some” are no weeks, such as 1-8,10 or odd."),
        ("1:1-1:", "“” are no weeks, such as 1-8,10 or odd."),
        ("1:1-1:1-17", "Weeks are 1 to 16 in this term."),
        ("1:1-1:8-1", "Weeks are 1 to 16 in this term."),
        ("1:1-1:0", "Weeks are 1 to 16 in this term."),
        ("1:1-1:all@" + "x" * 65, "A room has at most 64 characters."),
        ("1:1-1:all@a\tb", "A room holds no control characters."),
        (";".join(["1:1-1:all"] * 51), "More than 50 meetings."),
    ],
)
def test_what_is_wrong_with_meetings_is_told(desk: Desk, said: str, told: str) -> None:
    ended = desk.import_(file([*TWO[:6], said]))
    (row,) = desk.report(ended)
    assert (row["error_code"], row["error"]) == ("invalid_meetings", f"meetings: {told}")


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("draft", "published", True),
        ("published", "archived", True),
        ("archived", "published", True),
        ("draft", "archived", False),
        ("published", "draft", False),
        ("archived", "draft", False),
    ],
)
def test_a_status_goes_on_as_ever(desk: Desk, before: str, after: str, allowed: bool) -> None:
    desk.import_(file([*ONE[:5], before, ""]))
    row = [*ONE[:5], after, ""]
    if allowed:
        assert desk.import_(file(row)).counts == (0, 1, 0, 0)
    else:
        assert codes(desk, row) == ["invalid_transition"]


def test_a_teacher_who_is_not_active_any_more_may_stay(desk: Desk) -> None:
    desk.import_(file(ONE))
    desk.write("UPDATE users SET active = false WHERE username = 'ben'")
    assert desk.import_(desk.export()).counts == (0, 0, 1, 0)
    assert codes(desk, [*TWO[:3], "ben", "", "", ""]) == ["unknown_teacher"]


def test_of_one_key_the_first_counts(desk: Desk) -> None:
    assert codes(desk, ONE, ["cs101", "Autumn", *ONE[2:]]) == ["duplicate_in_file"]


def test_meetings_are_replaced_as_a_whole_and_kept_in_the_order_of_the_week(desk: Desk) -> None:
    desk.import_(file([*ONE[:6], "5:3-3:16,1-2@B;2:1-1:EVEN;1:5-6: 1 - 3 , 2 @ A 1 "]))
    assert exported(desk)[0][6] == "1:5-6:1-3@A 1;2:1-1:even;5:3-3:1-2,16@B"
    assert desk.import_(file([*ONE[:6], "2:1-1:even@C"])).counts == (0, 1, 0, 0)
    assert meetings(desk) == [(1, 2, 1, 1, [2, 4, 6, 8, 10, 12, 14, 16], "C")]
    assert desk.import_(file([*ONE[:6], "2:1-1:2,4,6,8,10-10,12,14,16@C"])).counts == (0, 0, 1, 0)


_numbers = st.integers(0, 8).map(str)
_piece = st.one_of(_numbers, st.builds("{}-{}".format, _numbers, _numbers), st.just(" 2 - 4 "))
_meeting = st.builds(
    "{}:{}-{}:{}{}".format,
    _numbers,
    _numbers,
    _numbers,
    st.one_of(
        st.sampled_from(["all", "Odd", " even ", "", "x"]),
        st.lists(_piece, max_size=4).map(",".join),
    ),
    st.sampled_from(["", "@", "@A 1", "@东上院202", "@a@b"]),
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    said=st.one_of(st.lists(_meeting, max_size=3).map(";".join), st.text(":-;,@0123 ao\n")),
    last_week=st.integers(1, 8),
)
def test_sql_reads_and_writes_meetings_as_python_does(
    owner: Connection, said: str, last_week: int
) -> None:
    try:
        read = parse_meetings(said, last_week)
    except UnreadableMeetings:
        read = None
    # A grid with every period that Python's form allows.
    found, problem = owner.execute(
        text(
            "SELECT format_meetings(meetings, :last), problem FROM parse_meetings(:said, :last,"
            " array_fill(CAST('08:00' AS time), ARRAY[99]))"
        ),
        {"said": said, "last": last_week},
    ).one()
    if read is None:
        assert problem is not None
    else:
        assert (found, problem) == (format_meetings(read, last_week), None)


class TestClashes:
    def warned(self, desk: Desk, ended: Ended) -> list[tuple[int, str, str]]:
        rows = desk.report(ended)
        assert {(row["severity"], row["error_code"].split(";")[0]) for row in rows} == {
            ("warning", "schedule_conflict")
        }
        return [(int(row["line"]), row["section_code"], row["error"]) for row in rows]

    def test_within_a_file_are_warnings_on_both_rows(self, desk: Desk) -> None:
        other = ["MA1", "autumn", "01", "ben", "", "", "1:2-3:odd@A101"]
        ended = desk.import_(file(ONE, other, TWO))
        assert (ended.counts, ended.result["warnings"]) == ((3, 0, 0, 0), 4)
        told = "{}: The {} is taken by {} on 2026-08-31 and 7 more days."
        assert self.warned(desk, ended) == [
            (
                line,
                "01",
                " ".join(
                    told.format(f, k, whom)
                    for f, k in [("meetings", "room"), ("teacher", "teacher")]
                ),
            )
            for line, whom in [(2, "MA1 autumn 01"), (3, "CS101 autumn 01")]
        ]

    def test_with_the_table_are_warnings_too(self, desk: Desk) -> None:
        desk.import_(file(ONE))
        other = ["MA1", "autumn", "01", "", "", "", "1:2-3:3@A101"]
        ended = desk.import_(file(other))
        assert self.warned(desk, ended) == [
            (2, "01", "meetings: The room is taken by CS101 autumn 01 on 2026-09-14.")
        ]

    def test_are_those_of_the_data_as_it_will_be(self, desk: Desk) -> None:
        desk.import_(file(ONE))
        moved = [*ONE[:6], "2:1-2:all@A101"]
        other = ["MA1", "autumn", "01", "ben", "", "", ONE[6]]
        assert not desk.import_(file(moved, other)).result["error_report"]
        # and a file that says nothing of meetings or teachers still has those of the table
        back = file([*ONE[:3], ONE[6]], header=[*KEY, "meetings"])
        assert desk.import_(back, "plan").result["warnings"] == 2

    def test_are_none_with_the_archive_or_rows_that_fail(self, desk: Desk) -> None:
        desk.import_(file([*ONE[:5], "archived", ONE[6]]))
        bad = [*TWO[:3], "ben", "x", "", ONE[6]]
        ended = desk.import_(file(["MA1", "autumn", "01", "ben", "", "", ONE[6]], bad))
        assert (ended.counts, ended.result["warnings"]) == ((1, 0, 0, 1), 0)


class TestSeats:
    def enrol(self, desk: Desk) -> None:
        desk.import_(file([*ONE[:4], "1", *ONE[5:]]))
        desk.write(
            "INSERT INTO enrollments (section_id, user_id, status)"
            " SELECT sections.id, users.id, CASE username WHEN 'chloe' THEN 'enrolled'"
            " ELSE 'waitlisted' END FROM sections, users WHERE role = 'student' ORDER BY username"
        )

    def seats(self, desk: Desk) -> tuple[list[str], int, int]:
        rows = desk.read(
            "SELECT username FROM enrollments JOIN users ON users.id = user_id"
            " WHERE status = 'enrolled' ORDER BY 1"
        )
        counts = desk.read("SELECT enrolled, waitlisted FROM sections")[0]
        return ([row.username for row in rows], *counts)

    def test_that_a_file_adds_go_to_the_first_in_line(self, desk: Desk) -> None:
        self.enrol(desk)
        assert desk.import_(file([*ONE[:4], "2", *ONE[5:]])).counts == (0, 1, 0, 0)
        assert self.seats(desk) == (["chloe", "dai"], 2, 1)
        (event,) = desk.read("SELECT * FROM audit_events WHERE action = 'enrollment_promoted'")
        assert (event.after["count"], event.actor_id) == (1, desk.caller.id)
        assert event.request_id == REQUEST

    def test_that_a_file_takes_away_throw_nobody_out(self, desk: Desk) -> None:
        self.enrol(desk)
        desk.import_(file([*ONE[:4], "0", *ONE[5:]]))
        assert self.seats(desk) == (["chloe"], 1, 2)

    def test_of_the_archive_go_to_nobody(self, desk: Desk) -> None:
        self.enrol(desk)
        desk.import_(file([*ONE[:4], "3", "archived", ONE[6]]))
        assert self.seats(desk) == (["chloe"], 1, 2)


class TestPlans:
    @pytest.fixture
    def plan(self, desk: Desk) -> Ended:
        desk.import_(file(ONE))
        return desk.import_(
            file(
                [*ONE[:3], "tilda", "30", "archived", "1:1-2:odd@A101"],
                ["MA1", "autumn", "01", "ben", "", "", "2:1-1:all"],
                ["MA1", "autumn", "02", "ben", "", "", "2:1-1:1"],
            ),
            "plan",
        )

    def test_a_plan_tells_each_row(self, desk: Desk, plan: Ended) -> None:
        one, two, three = plan_rows(desk, plan)
        assert one["changes"] == {
            "teacher": {"from": "ben", "to": "tilda"},
            "status": {"from": "published", "to": "archived"},
            "meetings": {"from": "1:1-2:all@A101", "to": "1:1-2:odd@A101"},
        }
        assert two["changes"] == {
            "teacher": {"from": None, "to": "ben"},
            "capacity": {"from": None, "to": 50},
            "status": {"from": None, "to": "draft"},
            "meetings": {"from": None, "to": "2:1-1:all"},
        }
        assert [e["severity"] for row in (two, three) for e in row["errors"]] == ["warning"] * 2
        assert exported(desk) == [ONE]

    def test_applied_it_does_what_it_said(self, desk: Desk, plan: Ended) -> None:
        applied = desk.apply(plan)
        assert (applied.counts, applied.result["warnings"]) == (plan.counts, 2)
        assert desk.problems(applied) == desk.problems(plan)
        assert [(row[0], row[2], row[3], row[6]) for row in exported(desk)] == [
            ("CS101", "01", "tilda", "1:1-2:odd@A101"),
            ("MA1", "01", "ben", "2:1-1:all"),
            ("MA1", "02", "ben", "2:1-1:1"),
        ]

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE sections SET capacity = 3, version = version + 1",
            "INSERT INTO sections (course_id, term_id, section_code)"
            " SELECT courses.id, terms.id, '02' FROM courses, terms WHERE courses.code = 'MA1'",
        ],
    )
    def test_what_it_touches_must_not_have_changed(
        self, desk: Desk, plan: Ended, change: str
    ) -> None:
        desk.write(change)
        with pytest.raises(PlanStale):
            desk.apply(plan)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"q": "comp"}, ["01", "02"]),
        ({"q": "ben"}, ["01"]),
        ({"term": "AUTUMN", "status": "draft"}, ["02"]),
        ({"term": "spring"}, []),
    ],
)
def test_the_filters_of_an_export_are_the_lists(
    desk: Desk, filters: dict[str, Any], found: list[str]
) -> None:
    desk.import_(file(ONE, TWO))
    assert [row[2] for row in exported(desk, **filters)] == found
    (course,) = desk.read("SELECT id FROM courses WHERE code = 'MA1'")
    assert exported(desk, course=course.id) == []
    (ben,) = desk.read("SELECT id FROM users WHERE username = 'ben'")
    assert [row[2] for row in exported(desk, teacher=ben.id)] == ["01"]

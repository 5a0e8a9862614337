"""Enrolments by the file: who gets a seat, who waits and where, and who stays as they are."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import Connection

from chalicelib.accounts.rules import Caller
from chalicelib.bulk import service
from chalicelib.bulk.errors import PlanStale
from chalicelib.core import database
from chalicelib.core.errors import Forbidden
from tests.bulk.desk import Desk, Ended, csv_file, parsed, uploaded
from tests.bulk.test_import_races import Meanwhile
from tests.bulk.test_plans import plan_rows
from tests.bulk.test_section_import import furnish
from tests.outbox.queues import Queues

HEADER = ("course_code", "term", "section_code", "username", "status")
KEY = ("CS101", "autumn", "01")


@pytest.fixture
def desk(desk_queues: Queues, clean_database: None, owner: Connection) -> Desk:
    """Rosa's desk, with a section of two seats, an archived one, and students a, b, c …"""
    desk = Desk(owner, desk_queues, kind="enrollments")
    furnish(desk)
    desk.write(
        "INSERT INTO sections (course_id, term_id, section_code, capacity, status)"
        " SELECT courses.id, terms.id, section, 2, status FROM courses, terms, (VALUES"
        " ('01', 'published'), ('02', 'draft'), ('old', 'archived')) new (section, status)"
        " WHERE courses.code = 'CS101'"
    )
    desk.write(
        "INSERT INTO users (username, email, role) SELECT 's' || n, n || '@school.example',"
        " 'student' FROM generate_series(1, 8) n"
    )
    return desk


def file(*rows: Any, header: Any = HEADER) -> bytes:
    return csv_file(rows, header)


def row(username: str, status: str = "", section: str = "01") -> tuple[str, ...]:
    return (*KEY[:2], section, username, status)


def roster(desk: Desk, section: str = "01") -> list[tuple[str, str]]:
    """Return who has a seat and who waits, by place; the counts of the section agree."""
    rows = desk.read(
        "SELECT username, enrollments.status, enrolled, waitlisted FROM enrollments"
        " JOIN users ON users.id = user_id JOIN sections ON sections.id = section_id"
        " WHERE section_code = :section ORDER BY enrollments.status, enrollments.id",
        section=section,
    )
    found = [(each.username, each.status) for each in rows]
    for each in rows:
        counted = [sum(s == status for _, s in found) for status in ("enrolled", "waitlisted")]
        assert counted == [each.enrolled, each.waitlisted]
    return found


def in_order(*names: str, seats: int = 2) -> list[tuple[str, str]]:
    return [
        (name, "enrolled" if place < seats else "waitlisted") for place, name in enumerate(names)
    ]


def test_who_comes_first_has_a_seat_and_the_others_wait_in_the_order_of_the_file(
    desk: Desk,
) -> None:
    content = file(row("s5"), row("s1", "Enrolled "), row("s3"), row("s2"), row("S4"))
    ended = desk.import_(content)
    assert (ended.counts, ended.result["waitlisted"]) == ((5, 0, 0, 0), 3)
    assert roster(desk) == in_order("s5", "s1", "s3", "s2", "s4")
    again = desk.import_(content)
    assert (again.counts, again.result["waitlisted"]) == ((0, 0, 5, 0), 0)


def test_they_wait_behind_those_who_wait_already(desk: Desk) -> None:
    desk.import_(file(row("s1"), row("s2"), row("s3")))
    ended = desk.import_(file(row("s4"), row("s3"), row("s5")))
    assert (ended.counts, ended.result["waitlisted"]) == ((2, 0, 1, 0), 2)
    assert roster(desk) == in_order("s1", "s2", "s3", "s4", "s5")


def test_each_section_has_its_own_seats(desk: Desk) -> None:
    ended = desk.import_(
        file(*(row(f"s{n}", "", section) for n in range(1, 5) for section in ("01", "02")))
    )
    assert ended.result["waitlisted"] == 4
    assert roster(desk) == roster(desk, "02") == in_order("s1", "s2", "s3", "s4")


def test_rows_that_fail_and_rows_that_are_there_take_no_seat(desk: Desk) -> None:
    desk.import_(file(row("s1")))
    ended = desk.import_(
        file(row("nobody"), row("s1"), row("s2", "perhaps"), row("s3"), row("s3"), row("s4"))
    )
    assert (ended.counts, ended.result["waitlisted"]) == ((2, 0, 1, 3), 1)
    assert roster(desk) == in_order("s1", "s3", "s4")


def test_who_is_to_wait_waits_though_a_seat_is_free(desk: Desk) -> None:
    ended = desk.import_(file(row("s1", "WAITLISTED"), row("s2"), row("s3"), row("s4")))
    assert ended.result["waitlisted"] == 2
    assert roster(desk) == [
        ("s2", "enrolled"),
        ("s3", "enrolled"),
        ("s1", "waitlisted"),
        ("s4", "waitlisted"),
    ]


def test_whoever_is_there_stays_as_they_are(desk: Desk) -> None:
    desk.import_(file(row("s1"), row("s2"), row("s3")))
    before = desk.read("SELECT id, status, enrolled_at FROM enrollments ORDER BY id")
    ended = desk.import_(file(row("s3", "enrolled"), row("s1", "waitlisted")))
    assert ended.counts == (0, 0, 2, 0)
    assert desk.read("SELECT id, status, enrolled_at FROM enrollments ORDER BY id") == before


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (("", *KEY[1:], "s2", ""), "required"),
        ((KEY[0], "", KEY[2], "s2", ""), "required"),
        ((*KEY[:2], "", "s2", ""), "required"),
        ((*KEY, "", ""), "required"),
        (("XX1", *KEY[1:], "s2", ""), "unknown_section"),
        ((KEY[0], "spring", KEY[2], "s2", ""), "unknown_section"),
        (("MA1", *KEY[1:], "s2", ""), "unknown_section"),
        (row("s2", "", "old"), "section_archived"),
        (row("nobody"), "unknown_user"),
        (row("ben"), "unknown_user"),
        (row("s8"), "unknown_user"),
        (row("s2", "withdrawn"), "not_one_of"),
        (row("S1"), "duplicate_in_file"),
    ],
)
def test_what_a_row_must_be(desk: Desk, bad: tuple[str, ...], code: str) -> None:
    desk.write("UPDATE users SET active = false WHERE username = 's8'")
    ended = desk.import_(file(row("s1"), bad))
    assert ended.counts == (1, 0, 0, 1)
    assert desk.problems(ended) == [(3, code)]


def test_a_student_who_left_and_a_section_in_the_archive_go_out_and_in_unchanged(
    desk: Desk,
) -> None:
    desk.import_(file(row("s1"), row("s2"), row("s3")))
    desk.write("UPDATE users SET active = false WHERE username = 's1'")
    desk.write("UPDATE sections SET status = 'archived' WHERE section_code = '01'")
    assert desk.import_(desk.export()).counts == (0, 0, 3, 0)


def test_an_export_has_a_line_in_its_order_and_makes_it_again(desk: Desk) -> None:
    desk.import_(file(row("s7"), row("s2"), row("s6"), row("s3")))
    content = desk.export()
    assert [tuple(each.values())[3:] for each in parsed(content)] == roster(desk)
    desk.write("DELETE FROM enrollments")
    ended = desk.import_(content)
    assert (ended.counts, ended.result["waitlisted"]) == ((4, 0, 0, 0), 2)
    assert roster(desk) == in_order("s7", "s2", "s6", "s3")


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"q": "S3"}, ["s3"]),
        ({"status": "waitlisted"}, ["s3"]),
        ({"term": "AUTUMN", "status": "enrolled"}, ["s1", "s2"]),
        ({"term": "spring"}, []),
        ({"course": -1}, []),
        ({"teacher": -1}, []),
    ],
)
def test_an_export_is_filtered(desk: Desk, filters: dict[str, Any], names: list[str]) -> None:
    desk.import_(file(row("s1"), row("s2"), row("s3")))
    assert [each["username"] for each in parsed(desk.export(**filters))] == names


class TestPlans:
    @pytest.fixture
    def plan(self, desk: Desk) -> Ended:
        desk.import_(file(row("s1")))
        return desk.import_(file(row("s1"), row("s2"), row("s3"), row("nobody")), "plan")

    def test_a_plan_tells_who_would_wait_and_does_what_it_said(
        self, desk: Desk, plan: Ended
    ) -> None:
        assert (plan.counts, plan.result["waitlisted"]) == ((2, 0, 1, 1), 1)
        assert [each["changes"] for each in plan_rows(desk, plan)] == [
            {},
            {"status": {"from": None, "to": "enrolled"}},
            {"status": {"from": None, "to": "waitlisted"}},
            {},
        ]
        assert roster(desk) == in_order("s1")
        applied = desk.apply(plan)
        assert (applied.counts, applied.result["waitlisted"]) == (plan.counts, 1)
        assert roster(desk) == in_order("s1", "s2", "s3")

    def test_who_came_meanwhile_makes_it_stale(self, desk: Desk, plan: Ended) -> None:
        desk.import_(file(row("s2")))
        with pytest.raises(PlanStale):
            desk.apply(plan)

    def test_a_seat_that_is_gone_makes_it_stale(self, desk: Desk, plan: Ended) -> None:
        desk.import_(file(row("s7")))
        assert desk.apply(plan).code == "plan_stale"
        assert roster(desk) == in_order("s1", "s7")


class TestBesideOthers:
    def test_a_seat_that_is_taken_meanwhile_is_not_given_twice(self, desk: Desk) -> None:
        """Somebody enrols under the section's lock, and commits while the import waits for it."""
        task_id = desk.upload(file(row("s1"), row("s2")))
        desk.owner.exec_driver_sql(
            "INSERT INTO enrollments (section_id, user_id, status) SELECT sections.id, users.id,"
            " 'enrolled' FROM sections, users WHERE section_code = '01' AND username = 's7'"
        )
        meanwhile = Meanwhile(desk, task_id)
        meanwhile.until_it_waits()
        ended = meanwhile.ended()
        assert (ended.counts, ended.result["waitlisted"]) == ((2, 0, 0, 0), 1)
        assert roster(desk) == in_order("s7", "s1", "s2")

    def test_two_files_at_once_fill_each_seat_once(self, desk: Desk) -> None:
        tasks = [
            desk.upload(file(*(row(f"s{n}") for n in names)))
            for names in (range(1, 5), range(5, 9))
        ]
        threads = [threading.Thread(target=desk.deliver, args=(uploaded(t),)) for t in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sum(desk.task(task).result["waitlisted"] for task in tasks) == 6
        assert [status for _, status in roster(desk)] == ["enrolled"] * 2 + ["waitlisted"] * 6


def test_registrars_and_managers_may(desk: Desk) -> None:
    for caller in (Caller(1, "ben", "teacher"), Caller(2, "dai", "student")):
        for kind in ("sections", "enrollments"):
            with database.transaction() as connection:
                with pytest.raises(Forbidden):
                    service.start_import(connection, caller, kind, "x.csv", "apply")
                with pytest.raises(Forbidden):
                    service.start_export(connection, caller, kind, {})


def test_twenty_thousand_enrolments_in_one_import(desk: Desk) -> None:
    desk.write(
        "INSERT INTO sections (course_id, term_id, section_code, capacity)"
        " SELECT courses.id, terms.id, 'many' || n, 150 FROM courses, terms,"
        " generate_series(1, 100) n WHERE courses.code = 'MA1'"
    )
    desk.write(
        "INSERT INTO users (username, email, role) SELECT 'many' || n, n || '@many.example',"
        " 'student' FROM generate_series(1, 200) n"
    )
    rows = [
        ("MA1", "autumn", f"many{section}", f"many{student}", "")
        for student in range(1, 201)
        for section in range(1, 101)
    ]
    ended = desk.import_(file(*rows))
    assert (ended.counts, ended.result["waitlisted"]) == ((20_000, 0, 0, 0), 5_000)
    counts = desk.read(
        "SELECT DISTINCT enrolled, waitlisted FROM sections WHERE section_code LIKE 'many%'"
    )
    assert [tuple(each) for each in counts] == [(150, 50)]
    assert roster(desk, "many7") == in_order(*(f"many{n}" for n in range(1, 201)), seats=150)
    assert desk.import_(file(*rows)).counts == (0, 0, 20_000, 0)

"""Imports beside others who write the same courses: no lost update, no row counted twice."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

import pytest

from chalicelib.bulk import service
from chalicelib.core import database
from tests.bulk.desk import Desk, Ended, csv_file, uploaded


class Meanwhile:
    """An import that is held up by what the owner's open transaction has locked."""

    def __init__(self, desk: Desk, task_id: uuid.UUID) -> None:
        self._desk = desk
        self._task_id = task_id
        message = {"task_id": str(task_id)}
        self._thread = threading.Thread(target=desk.deliver, args=(message,))

    def until_it_waits(self) -> None:
        self._thread.start()
        for _ in range(500):
            waiting = self._desk.owner.exec_driver_sql(
                "SELECT 1 FROM pg_stat_activity"
                " WHERE usename = 'rollcall_app' AND wait_event_type = 'Lock'"
            ).all()
            if waiting:
                return
            time.sleep(0.01)
        raise AssertionError("the import waits for nobody")

    def ended(self) -> Ended:
        self._desk.owner.commit()
        self._thread.join(20)
        return self._desk.task(self._task_id)


@pytest.fixture
def beside(desk: Desk) -> Callable[[str, list[list[str]]], Ended]:
    """Run an import while another transaction has written, and commit that one meanwhile."""

    def run(change: str, rows: list[list[str]]) -> Ended:
        task_id = desk.upload(csv_file(rows))
        desk.owner.exec_driver_sql(change)
        meanwhile = Meanwhile(desk, task_id)
        meanwhile.until_it_waits()
        return meanwhile.ended()

    return run


def test_a_course_that_somebody_adds_meanwhile_is_updated(
    desk: Desk, beside: Callable[[str, list[list[str]]], Ended]
) -> None:
    ended = beside(
        "INSERT INTO courses (code, title, credits) VALUES ('d1', 'Theirs', 7)",
        [["D1", "Ours", "new", ""], ["E1", "Other", "", ""]],
    )
    assert ended.counts == (1, 1, 0, 0)
    assert desk.courses() == [("d1", "Ours", "new", "7.0"), ("E1", "Other", "", "3.0")]
    assert desk.versions() == {"d1": 2, "E1": 1}


def test_a_field_that_the_file_leaves_alone_keeps_what_somebody_writes_meanwhile(
    desk: Desk, beside: Callable[[str, list[list[str]]], Ended]
) -> None:
    desk.import_(csv_file([["A1", "Alpha", "a", "1"]]))
    ended = beside(
        "UPDATE courses SET credits = 9, description = 'theirs', version = version + 1",
        [["A1", "Ours", "a", ""]],
    )
    assert ended.counts == (0, 1, 0, 0)
    assert desk.courses() == [("A1", "Ours", "a", "9.0")]
    assert desk.versions() == {"A1": 3}


def test_a_course_that_somebody_deletes_meanwhile_was_updated_before(
    desk: Desk, beside: Callable[[str, list[list[str]]], Ended]
) -> None:
    desk.import_(csv_file([["A1", "Alpha", "a", "1"]]))
    ended = beside("DELETE FROM courses", [["A1", "Ours", "a", "1"], ["B1", "x", "", ""]])
    assert ended.counts == (1, 1, 0, 0)
    assert [course[0] for course in desk.courses()] == ["B1"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE courses SET credits = 9, version = version + 1",
        "DELETE FROM courses",
        "INSERT INTO courses (code, title) VALUES ('b1', 'Theirs')",
    ],
)
def test_a_plan_whose_data_changes_while_it_is_applied_changes_nothing(
    desk: Desk, change: str
) -> None:
    desk.import_(csv_file([["A1", "Alpha", "a", "1"]]))
    plan = desk.import_(csv_file([["A1", "Ours", "a", "1"], ["B1", "x", "", ""]]), "plan")
    with database.transaction() as connection:
        task_id = service.apply_plan(connection, desk.caller, plan.id, plan.result["plan_hash"])
    desk.owner.exec_driver_sql(change)
    meanwhile = Meanwhile(desk, task_id)
    meanwhile.until_it_waits()
    assert meanwhile.ended().code == "plan_stale"
    assert "Ours" not in [course[1] for course in desk.courses()]


def test_two_imports_of_one_kind_go_one_after_the_other(desk: Desk) -> None:
    rows = [[f"A{n}", f"Title {n}", "", "3"] for n in range(3_000)]
    tasks = [desk.upload(csv_file(order)) for order in (rows, rows[::-1])]
    threads = [threading.Thread(target=desk.deliver, args=(uploaded(t),)) for t in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    counts = sorted(desk.task(task).counts for task in tasks)
    assert counts == [(0, 0, 3_000, 0), (3_000, 0, 0, 0)]

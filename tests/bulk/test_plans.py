"""A plan shows what an import would do, changes nothing, and is applied once, as it was shown."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from chalicelib.bulk import queries, service
from chalicelib.bulk.errors import NotAPlan, PlanApplied, PlanMismatch, PlanStale, TaskUnfinished
from chalicelib.bulk.schemas import PlanQuery
from chalicelib.core import database
from tests.bulk.desk import Desk, Ended, csv_file

CATALOGUE = [["A1", "Alpha", "a", "1"], ["B1", "Beta", "b", "2"], ["C1", "Gamma", "c", "3"]]
CHANGES = [
    ["a1", "Alpha", "a", ""],
    ["B1", "Beta plus", "b", "2.5"],
    ["D1", "Delta", "", ""],
    ["D1", "Delta again", "", ""],
    ["", "Nameless", "", "3"],
]


def plan_rows(desk: Desk, plan: Ended, **query: Any) -> list[dict[str, Any]]:
    import json

    with database.transaction() as connection:
        page = service.list_plan_for(connection, desk.caller, plan.id, PlanQuery(**query))
    rows: list[dict[str, Any]] = json.loads(page.items)
    return rows


@pytest.fixture
def plan(desk: Desk) -> Ended:
    desk.import_(csv_file(CATALOGUE))
    return desk.import_(csv_file(CHANGES), "plan")


def test_a_plan_tells_each_row_and_changes_nothing(desk: Desk, plan: Ended) -> None:
    assert plan.counts == (1, 1, 1, 2)
    assert plan.result["error_report"]
    assert [course[0] for course in desk.courses()] == ["A1", "B1", "C1"]
    unchanged, updated, created, repeated, nameless = plan_rows(desk, plan)
    assert unchanged == {
        "line": 2,
        "key": "a1",
        "outcome": "unchanged",
        "changes": {},
        "errors": [],
    }
    assert updated["changes"] == {
        "title": {"from": "Beta", "to": "Beta plus"},
        "credits": {"from": 2.0, "to": 2.5},
    }
    assert created["changes"] == {
        "title": {"from": None, "to": "Delta"},
        "description": {"from": None, "to": ""},
        "credits": {"from": None, "to": 3.0},
    }
    assert repeated["errors"][0]["code"] == "duplicate_in_file"
    assert nameless["errors"] == [
        {
            "field": "code",
            "code": "required",
            "message": "A code is needed.",
            "severity": "error",
        }
    ]
    assert desk.problems(plan) == [(5, "duplicate_in_file"), (6, "required")]


def test_a_plan_is_read_page_by_page_and_by_outcome(desk: Desk, plan: Ended) -> None:
    assert [row["line"] for row in plan_rows(desk, plan, outcome="failed")] == [5, 6]
    lines, cursor = [], None
    while True:
        with database.transaction() as connection:
            page = queries.list_plan(
                connection,
                desk.read("SELECT number FROM tasks WHERE id = :id", id=plan.id)[0][0],
                PlanQuery(limit=2, cursor=cursor),
            )
        lines.append(page.items.count('"line"'))
        cursor = page.next
        if cursor is None:
            break
    assert lines == [2, 2, 1]


def test_applied_it_does_what_it_said(desk: Desk, plan: Ended) -> None:
    applied = desk.apply(plan)
    assert applied.state == "SUCCESS"
    assert applied.counts == plan.counts
    assert desk.problems(applied) == desk.problems(plan)
    assert desk.courses() == [
        ("A1", "Alpha", "a", "1.0"),
        ("B1", "Beta plus", "b", "2.5"),
        ("C1", "Gamma", "c", "3.0"),
        ("D1", "Delta", "", "3.0"),
    ]
    assert desk.versions() == {"A1": 1, "B1": 2, "C1": 1, "D1": 1}


def test_a_plan_is_applied_once(desk: Desk, plan: Ended) -> None:
    desk.apply(plan)
    with pytest.raises(PlanApplied):
        desk.apply(plan)


def test_of_two_who_apply_at_once_one_does(desk: Desk, plan: Ended) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def apply() -> None:
        start.wait()
        try:
            with database.transaction() as connection:
                service.apply_plan(connection, desk.caller, plan.id, plan.result["plan_hash"])
            outcomes.append("applied")
        except PlanApplied:
            outcomes.append("refused")

    threads = [threading.Thread(target=apply) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["applied", "refused"]
    assert len(desk.read("SELECT 1 FROM tasks WHERE plan_of = :id", id=plan.id)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE courses SET credits = 9, version = version + 1 WHERE code = 'B1'",
        "DELETE FROM courses WHERE code = 'B1'",
        "INSERT INTO courses (code, title) VALUES ('d1', 'Somebody else''s')",
    ],
)
def test_what_it_touches_must_not_have_changed(desk: Desk, plan: Ended, change: str) -> None:
    desk.write(change)
    before = desk.courses()
    with pytest.raises(PlanStale):
        desk.apply(plan)
    assert desk.courses() == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE courses SET credits = 9, version = version + 1 WHERE code = 'B1'",
        "DELETE FROM courses WHERE code = 'B1'",
        "INSERT INTO courses (code, title) VALUES ('d1', 'Somebody else''s')",
    ],
)
def test_a_change_before_the_function_comes_to_it_fails_the_task(
    desk: Desk, plan: Ended, change: str
) -> None:
    with database.transaction() as connection:
        task_id = service.apply_plan(connection, desk.caller, plan.id, plan.result["plan_hash"])
    desk.write(change)
    before = desk.courses()
    assert desk.deliver({"task_id": str(task_id)}) == []
    assert desk.task(task_id).code == "plan_stale"
    assert desk.courses() == before


def test_what_it_does_not_touch_may_have_changed_and_stays_so(desk: Desk, plan: Ended) -> None:
    desk.write("UPDATE courses SET title = 'Changed', version = version + 1 WHERE code = 'A1'")
    desk.write("DELETE FROM courses WHERE code = 'C1'")
    applied = desk.apply(plan)
    assert applied.counts == plan.counts
    assert desk.courses()[0][1] == "Changed"


def test_a_failed_apply_leaves_the_plan_free(desk: Desk, plan: Ended) -> None:
    with database.transaction() as connection:
        task_id = service.apply_plan(connection, desk.caller, plan.id, plan.result["plan_hash"])
    desk.write(
        "UPDATE tasks SET state = 'FAILURE', finished_at = now(), error = '{}' WHERE id = :id",
        id=task_id,
    )
    assert desk.apply(plan).counts == plan.counts


def test_only_a_finished_plan_is_applied(desk: Desk, plan: Ended) -> None:
    applied = desk.import_(csv_file(CATALOGUE))
    waiting = desk.upload(csv_file(CATALOGUE), "plan")
    with database.transaction() as connection:
        with pytest.raises(NotAPlan):
            service.apply_plan(connection, desk.caller, applied.id, "x")
        with pytest.raises(TaskUnfinished):
            service.apply_plan(connection, desk.caller, waiting, "x")
        with pytest.raises(PlanMismatch):
            service.apply_plan(connection, desk.caller, plan.id, "x")


def test_the_same_plan_has_the_same_hash_and_another_one_another(desk: Desk, plan: Ended) -> None:
    same = desk.import_(csv_file(CHANGES), "plan")
    other = desk.import_(csv_file([*CHANGES[:2], ["D1", "Other", "", ""], *CHANGES[3:]]), "plan")
    assert same.result["plan_hash"] == plan.result["plan_hash"] != other.result["plan_hash"]

"""The worker of an import dies at every statement in turn; the same message then ends it, once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from chalicelib.bulk import service
from chalicelib.core import database
from tests.bulk.desk import Desk, bucket_and_queues, csv_file, uploaded
from tests.faults.dying import GIVEN_BACK, asleep, code_of
from tests.faults.import_kills import delivered, kill_at_each_statement, start
from tests.outbox.queues import Queues

ROWS = [[f"A{n:02}", f"Title {n}" if n % 10 else "", "about", "3"] for n in range(50)]
BEFORE = [["A01", "Old title", "about", "3"], ["A02", "Title 2", "about", "3"]]
EXPECTED = (43, 1, 1, 5)


@pytest.fixture(scope="module")
def desk_queues() -> Iterator[Queues]:
    with bucket_and_queues() as queues:
        yield queues


@pytest.fixture
def desk(desk_queues: Queues, clean_database: None, owner: Connection) -> Desk:
    return Desk(owner, desk_queues)


def _start_over(desk: Desk) -> uuid.UUID:
    desk.write("DELETE FROM task_rows")
    desk.write("DELETE FROM tasks")
    desk.write("DELETE FROM courses")
    desk.import_(csv_file(BEFORE))
    return desk.upload(csv_file(ROWS))


def _ended_once(desk: Desk, task_id: uuid.UUID) -> None:
    task = desk.task(task_id)
    assert task.state == "SUCCESS"
    assert task.counts == EXPECTED
    assert (task.done, task.total) == (50, 50)
    assert [line for line, _ in desk.problems(task)] == [2, 12, 22, 32, 42]
    versions = desk.versions()
    assert len(versions) == 45
    assert versions.pop("A01") == 2
    assert set(versions.values()) == {1}
    # Died between its end and its tidying up, a task leaves staged rows to the daily sweep.
    with database.transaction() as connection:
        assert service.delete_old_tasks(connection, 10) == []
    assert desk.read("SELECT 1 FROM import_rows") == []


def test_killed_at_any_statement_it_ends_once(desk: Desk) -> None:
    points = kill_at_each_statement(desk, _start_over, _ended_once)
    # claim, pin, three stages with two COPYs in some, judge, report, end, tidy: all were points
    assert points > 30


def test_two_workers_with_the_same_message_end_it_once(desk: Desk) -> None:
    for _ in range(3):
        task_id = _start_over(desk)
        workers = [start(task_id) for _ in range(3)]
        assert {code_of(worker) for worker in workers} <= {0, GIVEN_BACK}
        assert delivered(desk, task_id)
        _ended_once(desk, task_id)


def test_a_worker_that_wakes_up_late_is_without_effect(desk: Desk) -> None:
    task_id = _start_over(desk)
    sleeper = start(task_id)
    while desk.task(task_id).done == 0 and sleeper.is_alive():
        time.sleep(0.001)
    with asleep(sleeper):
        asleep_at = desk.task(task_id).state
        # Asleep inside a step it holds its row until the server gives its transaction up.
        while desk.deliver(uploaded(task_id)):
            desk.write(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'rollcall_app' AND state = 'idle in transaction'"
            )
        ended = desk.task(task_id)
        desk.write("UPDATE courses SET title = 'Changed since' WHERE code = 'A05'")
    assert code_of(sleeper) in ((0,) if asleep_at == "SUCCESS" else (0, GIVEN_BACK))
    assert desk.task(task_id) == ended
    assert desk.read("SELECT title FROM courses WHERE code = 'A05'") == [("Changed since",)]
    assert ended.counts == EXPECTED


@pytest.mark.parametrize("wait_seconds", [0.0, 0.05, 0.1, 0.2])
def test_connections_that_break_end_in_one_result(desk: Desk, wait_seconds: float) -> None:
    """What a killed pooler or a restarted Postgres looks like from the function."""
    task_id = _start_over(desk)
    worker = start(task_id)
    while desk.task(task_id).attempt == 0 and worker.is_alive():
        time.sleep(0.001)
    time.sleep(wait_seconds)
    desk.owner.execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rollcall_app'"
        )
    )
    desk.owner.commit()
    assert code_of(worker) in (0, GIVEN_BACK)
    assert delivered(desk, task_id)
    _ended_once(desk, task_id)

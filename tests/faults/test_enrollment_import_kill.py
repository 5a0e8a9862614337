"""The worker of an import of enrolments dies at every statement in turn: no seat is given twice, no
place in line is lost, and nobody is written down twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.bulk.desk import Desk, bucket_and_queues
from tests.bulk.test_enrollment_import import desk, file, in_order, roster, row
from tests.faults.import_kills import kill_at_each_statement
from tests.outbox.queues import Queues

__all__ = ["desk"]


@pytest.fixture(scope="module")
def desk_queues() -> Iterator[Queues]:
    with bucket_and_queues() as queues:
        yield queues


def _start_over(desk: Desk) -> uuid.UUID:
    for table in ("task_rows", "tasks", "enrollments"):
        desk.write(f"DELETE FROM {table}")
    desk.write("TRUNCATE audit_events")
    return desk.upload(file(row("s3"), row("s1"), row("nobody"), row("s2"), row("s1")))


def _ended_once(desk: Desk, task_id: uuid.UUID) -> None:
    task = desk.task(task_id)
    assert task.counts == (3, 0, 0, 2)
    assert task.result["waitlisted"] == 1
    assert desk.problems(task) == [(4, "unknown_user"), (6, "duplicate_in_file")]
    assert roster(desk) == in_order("s3", "s1", "s2")
    applied = desk.read("SELECT 1 FROM audit_events WHERE action = 'import_applied'")
    assert len(applied) == 1


def test_killed_at_any_statement_it_ends_once(desk: Desk) -> None:
    points = kill_at_each_statement(desk, _start_over, _ended_once)
    # claim, pin, stage, lock, judge, seat, write down, report, end, tidy: all were points
    assert points > 20

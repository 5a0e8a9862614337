"""The worker of an import of users dies at every statement in turn: nobody is added, invited or
written down twice, and nobody is left out.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tests.bulk.desk import Desk, bucket_and_queues, csv_file
from tests.faults.import_kills import kill_at_each_statement
from tests.outbox.queues import Queues

HEADER = ("username", "email", "role", "active")
ROWS = [
    ["ben", "ben@rollcall.example", "registrar", "yes"],
    *([f"student{n}", f"s{n}@rollcall.example", "", ""] for n in range(5)),
    ["amara", "amara@rollcall.example", "student", "no"],
]


@pytest.fixture(scope="module")
def desk_queues() -> Iterator[Queues]:
    with bucket_and_queues() as queues:
        yield queues


@pytest.fixture
def desk(desk_queues: Queues, clean_database: None, owner: Connection) -> Desk:
    return Desk(owner, desk_queues, "amara", "manager", "users")


def _start_over(desk: Desk) -> uuid.UUID:
    for table in ("task_rows", "tasks", "mails", "outbox", "users WHERE username <> 'amara'"):
        desk.write(f"DELETE FROM {table}")
    desk.write("TRUNCATE audit_events")
    desk.write(
        "INSERT INTO users (username, email, role)"
        " VALUES ('ben', 'ben@rollcall.example', 'teacher')"
    )
    return desk.upload(csv_file(ROWS, HEADER), invite=True)


def _ended_once(desk: Desk, task_id: uuid.UUID) -> None:
    task = desk.task(task_id)
    assert task.counts == (5, 1, 0, 1)
    assert desk.problems(task) == [(8, "last_manager")]
    written = desk.read("SELECT action, count(*) FROM audit_events GROUP BY 1 ORDER BY 1")
    assert dict(tuple(row) for row in written) == {
        "authz_change": 1,
        "import_applied": 1,
        "import_started": 1,
        "user_created": 5,
    }
    mails = desk.read(
        "SELECT count(*), count(DISTINCT user_id),"
        " (SELECT count(*) FROM outbox WHERE queue = 'mail')"
        " FROM mails WHERE kind = 'invitation'"
    )
    assert tuple(mails[0]) == (5, 5, 5)
    assert desk.read("SELECT 1 FROM users WHERE username = 'ben' AND version = 2") != []


def test_killed_at_any_statement_it_ends_once(desk: Desk) -> None:
    points = kill_at_each_statement(desk, _start_over, _ended_once)
    # claim, pin, stage, judge, write down, report, end, tidy: all were points
    assert points > 20

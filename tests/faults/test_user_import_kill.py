"""The worker of an import of users dies at every statement in turn: nobody is added, invited or
written down twice, and nobody is left out.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tests.bulk.desk import Desk, bucket_and_queues, csv_file, uploaded
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


def _run(task_id: uuid.UUID, die_at: int) -> int:
    command = [sys.executable, "-m", "tests.bulk.import_process", json.dumps(uploaded(task_id))]
    process = subprocess.run([*command, str(die_at)], timeout=60, check=False, capture_output=True)
    assert process.returncode in (0, 3, -signal.SIGKILL), process.stderr.decode()
    return process.returncode


def _deliver(desk: Desk, task_id: uuid.UUID) -> None:
    """Deliver as a queue does: again, while it comes back."""
    for _ in range(20):
        if not desk.deliver(uploaded(task_id)):
            return
        time.sleep(0.05)
    pytest.fail("the message never was worked off")


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
    points = 0
    while True:
        points += 1
        task_id = _start_over(desk)
        code = _run(task_id, points)
        if code != -signal.SIGKILL:
            break
        _deliver(desk, task_id)
        _ended_once(desk, task_id)
    assert code == 0
    _ended_once(desk, task_id)
    # claim, pin, stage, judge, write down, report, end, tidy: all were points
    assert points > 20

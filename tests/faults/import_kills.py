"""The worker of an import as a process of its own, which dies at a statement; for kill sweeps."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from chalicelib.bulk import report, staging
from functions.import_rows.handler import handler
from tests.bulk.desk import Desk, uploaded
from tests.faults import dying
from tests.functions.events import Context, sqs_event


def start(task_id: uuid.UUID, die_at: int = 0) -> BaseProcess:
    """Begin to work a task's message off in small steps, so that a small file has every kind of
    step more than once. It exits with 0, or with GIVEN_BACK.
    """

    def work() -> None:
        staging.ROWS_A_STEP = 20
        staging._READ_BYTES = 500
        report._PAGE_ROWS = 5
        if die_at:
            dying.die_at(die_at)
        dying.exit_as(handler(sqs_event([uploaded(task_id)]), Context()))

    return dying.start(work)


def delivered(desk: Desk, task_id: uuid.UUID) -> bool:
    """Deliver as a queue does: again, while it comes back. Our own connection may be dead, too, and
    the server may not know yet that a worker is.
    """
    for _ in range(20):
        if not desk.deliver(uploaded(task_id)):
            return True
        time.sleep(0.05)
    return False


def kill_at_each_statement(
    desk: Desk,
    start_over: Callable[[Desk], uuid.UUID],
    ended_once: Callable[[Desk, uuid.UUID], None],
) -> int:
    """Kill the worker at its first statement, its second and so on, each time of a new task, until
    it lives to the end; the same message ends each task. Return how many it takes to get there.
    """
    points = 0
    while True:
        points += 1
        task_id = start_over(desk)
        code = dying.code_of(start(task_id, die_at=points))
        assert code in (0, dying.GIVEN_BACK, -signal.SIGKILL), "the worker failed"
        if code != -signal.SIGKILL:
            break
        assert delivered(desk, task_id), "the message never was worked off"
        ended_once(desk, task_id)
    assert code == 0
    ended_once(desk, task_id)
    return points

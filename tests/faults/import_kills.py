"""The worker of an import as a process of its own, which dies at a statement; for kill sweeps."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable

from tests.bulk.desk import Desk, uploaded


def command(task_id: uuid.UUID, *arguments: object) -> list[str]:
    """Return the command that works a task's message off."""
    start = [sys.executable, "-m", "tests.bulk.import_process", json.dumps(uploaded(task_id))]
    return [*start, *map(str, arguments)]


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
        code = _run(task_id, points)
        if code != -signal.SIGKILL:
            break
        assert delivered(desk, task_id), "the message never was worked off"
        ended_once(desk, task_id)
    assert code == 0
    ended_once(desk, task_id)
    return points


def _run(task_id: uuid.UUID, die_at: int) -> int:
    process = subprocess.run(command(task_id, die_at), timeout=60, check=False, capture_output=True)
    assert process.returncode in (0, 3, -signal.SIGKILL), process.stderr.decode()
    return process.returncode

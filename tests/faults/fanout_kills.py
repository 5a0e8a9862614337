"""Workers of announcements, which die at a statement or live to the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from tests.announcements.school import School, fan_out, small_chunks
from tests.faults import dying

CHUNK = 3


def start(work: Callable[[], object], die_at: int = 0) -> BaseProcess:
    """Begin work in a process of its own, which kills itself before its nth statement. Its chunks
    and batches are small.
    """

    def begin() -> None:
        small_chunks(CHUNK)
        if die_at:
            dying.die_at(die_at)
        work()

    return dying.start(begin)


def ended(worker: BaseProcess) -> bool:
    """Wait for a process; tell whether it lived to the end of its work."""
    code = dying.code_of(worker)
    assert code in (0, -signal.SIGKILL), "a worker failed"
    return code == 0


def await_rollback(school: School) -> None:
    """Wait until the server knows that a worker died: so long it keeps what that had locked."""
    for _ in range(200):
        busy = "SELECT 1 FROM pg_stat_activity WHERE usename = 'rollcall_app' AND state <> 'idle'"
        if not school.read(busy):
            return
        time.sleep(0.05)
    raise AssertionError("the server never gives a dead worker's transaction up")


def settle(school: School, announcement: int) -> None:
    """Work an announcement off as the queue and the sweeper would: again, while it is not done."""
    for _ in range(100):
        (row,) = school.read(
            "SELECT fanout_state = 'done' AND reminded_to IS NULL OR status <> 'published'"
            "  FROM announcements WHERE id = :id",
            id=announcement,
        )
        if row[0]:
            return
        fan_out(announcement)
    raise AssertionError("it never is done")

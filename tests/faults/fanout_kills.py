"""Workers of announcements as forks of the test, which die at a statement or live to the end."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable

from tests.announcements.school import School, fan_out, small_chunks
from tests.faults import dying

CHUNK = 3


def start(work: Callable[[], object], die_at: int = 0) -> int:
    """Begin work in a process of its own, which kills itself before its nth statement; return its
    pid. Its chunks and batches are small.
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        small_chunks(CHUNK)
        if die_at:
            dying.die_at(die_at)
        work()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def ended(pid: int) -> bool:
    """Wait for a process; tell whether it lived to the end of its work."""
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL), "a worker failed"
    return code == 0


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

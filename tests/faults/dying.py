"""How a process of a test dies: by its own hand, without a word, in the midst of its work.

It is a fork, since a new process would take a second to import what it needs. Its engine and its
clients are its own all the same.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

from sqlalchemy import event

from chalicelib.core import database

GIVEN_BACK = 3
_PATIENCE_SECONDS = 60


def start(work: Callable[[], object]) -> BaseProcess:
    """Begin work in a process of its own, which ends with it: with 0, or as the work exits."""
    worker = multiprocessing.get_context("fork").Process(target=work, daemon=True)
    worker.start()
    return worker


def code_of(worker: BaseProcess) -> int:
    """Wait for a process and return its exit code, which is -SIGKILL where it died."""
    worker.join(_PATIENCE_SECONDS)
    if worker.exitcode is None:
        worker.kill()
        raise AssertionError("a worker is stuck")
    return worker.exitcode


@contextmanager
def asleep(worker: BaseProcess) -> Iterator[None]:
    """Let a process sleep, and wake it."""
    assert worker.pid
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker.pid, signal.SIGCONT)


def exit_as(answer: dict[str, Any]) -> NoReturn:
    """End this process with what a function answered: 0, or GIVEN_BACK where a message failed."""
    sys.exit(GIVEN_BACK if answer["batchItemFailures"] else 0)


def die() -> None:
    """Kill this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(nth: int) -> None:
    """Kill this process at the nth statement of its engine that is about to be sent."""
    seen = 0

    def count(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == nth:
            die()

    engine = database.init()
    event.listen(engine, "before_cursor_execute", count)
    # COMMIT is a statement, too; SQLAlchemy tells of it before it is sent.
    event.listen(engine, "commit", count)

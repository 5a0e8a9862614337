"""How several parts are asked at once, each for so long, and what they said is remembered."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


def ask_all(questions: Mapping[str, Callable[[], T]], patience_seconds: float) -> dict[str, T]:
    """Ask everything side by side and return the answers by name.

    What raises, or has no answer in time, is left out and logged.
    """
    answers: dict[str, T] = {}

    def run(name: str, question: Callable[[], T]) -> None:
        try:
            answers[name] = question()
        except Exception as failure:
            log.warning("check_failed", extra={"check": name, "cause": type(failure).__name__})

    deadline = time.monotonic() + patience_seconds
    threads = [
        threading.Thread(
            target=contextvars.copy_context().run, args=(run, name, question), daemon=True
        )
        for name, question in questions.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    done = answers.copy()
    return {name: done[name] for name in questions if name in done}


class Remembered(Generic[T]):
    """What a look found, good for some seconds of the wall clock: a frozen environment ages too.

    Who comes while somebody looks waits for what that one finds.
    """

    def __init__(self, look: Callable[[], T], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._found: tuple[float, T] | None = None
        self._looking = threading.Lock()

    def get(self) -> T:
        """Return what the last look found, or look again where that is too old."""
        with self._looking:
            found = self._found
            if found is None or not 0 <= time.time() - found[0] < self._seconds:
                found = self._found = (time.time(), self._look())
            return found[1]

    def forget(self) -> None:
        """Let the next question look again."""
        self._found = None

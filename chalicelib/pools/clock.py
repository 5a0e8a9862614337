"""The time of a pool, passed in so that a test can let an hour go by."""

from __future__ import annotations

import time
from threading import Condition
from typing import Protocol


class Clock(Protocol):
    """Tells the time in seconds since some moment, and lets it pass."""

    def now(self) -> float: ...

    def wait(self, changed: Condition, seconds: float) -> None: ...


class MonotonicClock:
    """The time of this machine; no change of date moves it."""

    def now(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def wait(self, changed: Condition, seconds: float) -> None:
        """Wait until something in the pool changes, for `seconds` at most."""
        changed.wait(seconds)

"""Lines to nowhere: connections that know whether they are open, and a clock that tests set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Condition, Lock
from typing import Any

from chalicelib.pools.connections import Event, Limits, State, Wait
from chalicelib.pools.pool import KeyedPool

ALLOWED = {
    (None, State.CONNECTING),
    (State.CONNECTING, State.ACTIVE),
    (State.CONNECTING, State.ERROR),
    (State.CONNECTING, State.DISCONNECTED),
    (State.ACTIVE, State.IDLE),
    (State.ACTIVE, State.DISCONNECTED),
    (State.ACTIVE, State.ERROR),
    (State.IDLE, State.ACTIVE),
    (State.IDLE, State.DISCONNECTED),
}


class SetClock:
    """Stands still until it is set; whoever waits has waited at once."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def wait(self, _changed: Condition, seconds: float) -> None:
        self.seconds += seconds


class Line:
    """A connection to a key."""

    def __init__(self, key: str, opened_at: float) -> None:
        self.key = key
        self.opened_at = opened_at
        self.is_open = True
        self.is_dead = False
        self.fails_to_close = False
        self.is_used = False


class Exchange:
    """Opens and closes lines, and counts how many are open of each key, and were at most."""

    def __init__(self, clock: Any = None) -> None:
        self.clock = clock or SetClock()
        self.open: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.lines: list[Line] = []
        self.events: list[Event] = []
        self.waits: list[Wait] = []
        self.is_away = False
        self.events_fail = False
        self._lock = Lock()

    def pool(self, **limits: Any) -> KeyedPool[Line]:
        """Return a running pool of lines of this exchange."""
        pool = KeyedPool(
            is_valid=self.serves,
            close=self.close,
            limits=Limits(**limits),
            clock=self.clock,
            on_event=self.note,
        )
        pool.start()
        return pool

    def to(self, key: str) -> Callable[[], Line]:
        """Return what opens a line to a key."""

        def connect() -> Line:
            if self.is_away:
                raise ConnectionRefusedError(key)
            line = Line(key, self.clock.now())
            with self._lock:
                self.lines.append(line)
                self.open[key] += 1
                self.most[key] = max(self.most[key], self.open[key])
            return line

        return connect

    def serves(self, line: Line) -> bool:
        assert line.is_open
        if line.is_dead and line.opened_at % 2:
            raise BrokenPipeError
        return not line.is_dead

    def close(self, line: Line) -> None:
        assert line.is_open, "a line is closed once"
        line.is_open = False
        with self._lock:
            self.open[line.key] -= 1
        if line.fails_to_close:
            raise OSError

    def note(self, told: Event | Wait) -> None:
        if isinstance(told, Wait):
            self.waits.append(told)
        else:
            self.events.append(told)
        if self.events_fail:
            raise RuntimeError("of somebody else's making")

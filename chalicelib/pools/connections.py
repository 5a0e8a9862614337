"""A connection in a pool: its states, its time, and the turn in which somebody uses it.

    CONNECTING ──> ACTIVE <──> IDLE
        │            │           │
        └──> ERROR <─┴───────────┤        it does not connect, or is found dead
                     └──> DISCONNECTED    closed: idle or old, no longer wanted, given up

The last two are ends. A connection has its place in the pool until it is really closed.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from chalicelib.pools.figures import Counts

C = TypeVar("C")


class State(Enum):
    """What a connection is doing."""

    CONNECTING = "connecting"
    IDLE = "idle"
    ACTIVE = "active"
    DISCONNECTED = "disconnected"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a pool may hold, and for how long; all times in seconds."""

    connections_per_key: int = 3
    keys: int = 100
    idle_seconds: float = 300
    age_seconds: float = 3600
    wait_seconds: float = 10
    sweep_seconds: float = 60

    def __post_init__(self) -> None:
        if self.connections_per_key < 1 or self.keys < 1:
            raise ValueError("A pool holds at least one connection of one key.")
        if min(self.idle_seconds, self.age_seconds, self.wait_seconds, self.sweep_seconds) < 0:
            raise ValueError("A pool's times are not negative.")


@dataclass(eq=False)
class Pooled(Generic[C]):
    """A connection and what is known of it; only the pool writes here, under its lock."""

    key: str
    created_at: float
    connection: C | None = None
    state: State = State.CONNECTING
    used_at: float = 0.0
    uses: int = 0
    # Raised when it is handed out and when it comes back, so that a turn is over once.
    turn: int = 0
    # What is in use cannot be closed under its user: it is when it comes back.
    is_doomed: bool = False
    last_error: str = ""
    pid: int = field(default_factory=os.getpid)

    def is_expired(self, now: float, limits: Limits) -> bool:
        """Return whether it has been idle, or has lived, for long enough."""
        rested = self.state is State.IDLE and now - self.used_at >= limits.idle_seconds
        return rested or now - self.created_at >= limits.age_seconds


class Lease(NamedTuple, Generic[C]):
    """The use of a connection, from when it is handed out until it is returned or closed."""

    pooled: Pooled[C]
    connection: C
    turn: int


class Event(NamedTuple):
    """A connection went from one state to another; `before` is None where it is new."""

    key: str
    before: State | None
    after: State


class Wait(NamedTuple):
    """Somebody had to wait for a connection of a key, and got one or not."""

    key: str
    seconds: float
    was_in_vain: bool


class Shelf(Generic[C]):
    """The connections of one key; the least recently used idle one first, and who waits in line."""

    def __init__(self) -> None:
        self.idle: deque[Pooled[C]] = deque()
        self.taken: set[Pooled[C]] = set()
        self.line: deque[object] = deque()
        self.counts = Counts()

    @property
    def is_free(self) -> bool:
        """Whether nobody uses it or waits for it."""
        return not self.taken and not self.line

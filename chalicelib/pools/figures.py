"""What a pool counts, for all keys and for each: it knows keys, never what they stand for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Counts:
    """What happened since the pool, or the key, began."""

    created: int = 0
    reused: int = 0
    closed: int = 0
    connect_failures: int = 0
    found_dead: int = 0
    close_failures: int = 0
    timeouts: int = 0
    event_failures: int = 0


@dataclass
class Figures(Counts):
    """What happened so far, and what there is now; `closing` ones still have their place."""

    connecting: int = 0
    idle: int = 0
    active: int = 0
    closing: int = 0
    waiting: int = 0
    keys: int = 0

    @property
    def connections(self) -> int:
        """Return how many places are taken."""
        return self.connecting + self.idle + self.active + self.closing

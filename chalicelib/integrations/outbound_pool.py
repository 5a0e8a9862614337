"""Pools of connections to hosts outside, and their figures: how many there are, come and go.

What a connection is, and to where, its users know; figures are told by the name of a pool.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from chalicelib.core import figures
from chalicelib.pools.connections import Event, State, Wait
from chalicelib.pools.pool import KeyedPool

_BY_POOL = ("pool",)
_CONNECTIONS = figures.Gauge(
    "outbound_connections",
    "Connections to hosts outside, by what they are doing.",
    ("pool", "state"),
)
_OPENED = figures.Counter(
    "outbound_connections_opened_total",
    "Connections to hosts outside that came about.",
    _BY_POOL,
    dimensions=_BY_POOL,
)
_CLOSED = figures.Counter(
    "outbound_connections_closed_total",
    "Connections to hosts outside that ended; as an error, where they were found dead.",
    ("pool", "state"),
    dimensions=_BY_POOL,
)
_FAILURES = figures.Counter(
    "outbound_connect_failures_total",
    "Connections to hosts outside that did not come about.",
    _BY_POOL,
    dimensions=_BY_POOL,
)
_WAITS = figures.Histogram(
    "outbound_wait_seconds",
    "Waits for a connection where all of a host were in use.",
    _BY_POOL,
    dimensions=_BY_POOL,
)
_TIMEOUTS = figures.Counter(
    "outbound_timeouts_total",
    "Waits for a connection to a host that ended without one.",
    _BY_POOL,
    dimensions=_BY_POOL,
)

_ENDS = frozenset({State.DISCONNECTED, State.ERROR})

C = TypeVar("C")


def outbound_pool(
    name: str, *, is_valid: Callable[[C], bool], close: Callable[[C], object]
) -> KeyedPool[C]:
    """Return a running pool whose figures go by a name."""
    _WAITS.show((name,))
    _TIMEOUTS.show((name,))
    pool = KeyedPool(is_valid=is_valid, close=close, on_event=partial(_count, name))
    pool.start()
    return pool


def _count(pool: str, told: Event | Wait) -> None:
    if isinstance(told, Wait):
        _WAITS.observe(told.seconds, (pool,))
        if told.was_in_vain:
            _TIMEOUTS.add((pool,))
        return
    _, before, after = told
    if before is not None:
        _CONNECTIONS.add(-1, (pool, before.value))
    if after not in _ENDS:
        _CONNECTIONS.add(1, (pool, after.value))
    if (before, after) == (State.CONNECTING, State.ERROR):
        _FAILURES.add((pool,))
        return
    if before is State.CONNECTING:
        _OPENED.add((pool,))
    if after in _ENDS:
        _CLOSED.add((pool, after.value))

"""How the pool of this process is used: the one truth behind health, metrics, logs and alarms.

Kept by the pool's own events. `usage_ratio` is 100·checked_out/(pool_size+max_overflow), always.
"""

from __future__ import annotations

import logging
import os
import threading
from math import ceil, inf
from time import monotonic, perf_counter
from typing import Any, NamedTuple

from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection, QueuePool
from sqlalchemy.util.queue import Empty, Queue

from chalicelib.core import figures
from chalicelib.core.settings import Settings

log = logging.getLogger(__name__)

_IN_USE = figures.Gauge("db_pool_connections_in_use", "Connections that are checked out.")
_SIZE = figures.Gauge("db_pool_size", "Connections that the pools keep.")
_MOST = figures.Gauge("db_pool_max_connections", "Connections that the pools may open at most.")
_TIMEOUTS = figures.Counter(
    "db_pool_connection_timeouts_total", "Waits for a free connection that ended without one."
)
_WAITS = figures.Histogram("db_pool_wait_seconds", "Waits for a connection where none was free.")
_HOLDS = figures.Histogram("db_connection_hold_seconds", "From check-out to return.")

_NOTICE_PERCENT = 70
_ERROR_PERCENT = 90
_TOLD_AGAIN_SECONDS = 60.0


class PoolUse(NamedTuple):
    """How much of a pool is in use; `overflow` are the open connections beyond its size."""

    pool_size: int
    checked_out: int
    overflow: int
    max_overflow: int
    max_connections: int
    usage_ratio: float


def count_timeout() -> None:
    """Count a wait that ended without a connection; the pool has no event for it."""
    _TIMEOUTS.add()


class PoolWatch:
    """Keeps the figures of one pool, from `attach` until `end` or `abandon`."""

    def __init__(self, pool_size: int, max_overflow: int) -> None:
        self._pool_size = pool_size
        self._max_overflow = max_overflow
        self._most = pool_size + max_overflow
        self._open = 0
        self._opening = threading.Lock()
        # Who is out, and since when; its length is the one number behind all the others. Entered
        # and taken out in one step of the interpreter each, it needs no lock.
        self._since: dict[ConnectionPoolEntry, float] = {}
        self._process = os.getpid()
        # A function has one connection and is busy with it: that is no news. What is, that somebody
        # waits for it, is counted and logged where the wait ends.
        self._notice_at = ceil(self._most * _NOTICE_PERCENT / 100) if self._most > 1 else inf
        self._error_at = ceil(self._most * _ERROR_PERCENT / 100)
        self._told_at: dict[int, float] = {}

    @classmethod
    def of(cls, settings: Settings) -> PoolWatch:
        """Return the watch of a pool as the settings have it."""
        return cls(settings.db_pool_size, settings.db_max_overflow)

    def attach(self, pool: Pool) -> None:
        """Follow the events of a pool."""
        event.listen(pool, "connect", self._on_connect)
        event.listen(pool, "close", self._on_close)
        event.listen(pool, "checkout", self._on_checkout)
        event.listen(pool, "checkin", self._on_checkin)
        _SIZE.add(self._pool_size)
        _MOST.add(self._most)
        _WAITS.show()
        _TIMEOUTS.show()

    def end(self) -> None:
        """Count the pool no longer; what is in use still is, until it comes back."""
        # In a forked child the figures begin anew, and never held this pool.
        if self._process == os.getpid():
            _SIZE.add(-self._pool_size)
            _MOST.add(-self._most)

    def abandon(self) -> None:
        """Count neither the pool nor what was in use when everything was given up."""
        self.end()
        if self._process == os.getpid():
            _IN_USE.add(-len(self._since))
            self._since.clear()

    def use(self) -> PoolUse:
        """Return how the pool is used at this moment."""
        checked_out = len(self._since)
        return PoolUse(
            pool_size=self._pool_size,
            checked_out=checked_out,
            overflow=max(0, self._open - self._pool_size),
            max_overflow=self._max_overflow,
            max_connections=self._most,
            usage_ratio=100 * checked_out / self._most,
        )

    def _on_connect(self, _connection: Any, _entry: ConnectionPoolEntry) -> None:
        with self._opening:
            self._open += 1

    def _on_close(self, _connection: Any, _entry: ConnectionPoolEntry) -> None:
        with self._opening:
            self._open -= 1

    def _on_checkout(
        self, _connection: Any, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
    ) -> None:
        self._since[entry] = perf_counter()
        _IN_USE.add(1)
        if len(self._since) >= self._notice_at:
            self._tell()

    def _on_checkin(self, _connection: Any, entry: ConnectionPoolEntry) -> None:
        since = self._since.pop(entry, None)
        # An entry whose check-out failed comes back without having been out.
        if since is not None:
            _IN_USE.add(-1)
            _HOLDS.observe(perf_counter() - since)

    def _tell(self) -> None:
        use = self.use()
        is_critical = use.checked_out >= self._error_at
        level = logging.ERROR if is_critical else logging.INFO
        now = monotonic()
        if now - self._told_at.get(level, -inf) < _TOLD_AGAIN_SECONDS:
            return
        self._told_at[level] = now
        told = "db_pool_critical_usage" if is_critical else "db_pool_high_usage"
        log.log(level, told, extra=use._asdict())


class _WatchedQueue(Queue[ConnectionPoolEntry]):
    """Where free connections lie; times those waits that are any."""

    def get(self, block: bool = True, timeout: float | None = None) -> ConnectionPoolEntry:
        try:
            return super().get(block=False)
        except Empty:
            if not block:
                raise
        began = perf_counter()
        try:
            return super().get(block, timeout)
        finally:
            _WAITS.observe(perf_counter() - began)


class WatchedPool(QueuePool):
    """SQLAlchemy's pool, which counts waits, and closes at once what comes back after its end."""

    _queue_class = _WatchedQueue
    _has_ended = False

    def dispose(self) -> None:
        """Close what is free now, and what is in use when it comes back."""
        self._has_ended = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        if self._has_ended:
            record.close()
        else:
            super()._do_return_conn(record)


# SQLAlchemy names a pool's logger after its class, and has only its own quiet below warnings.
logging.getLogger(f"{__name__}.{WatchedPool.__name__}").setLevel(logging.WARNING)

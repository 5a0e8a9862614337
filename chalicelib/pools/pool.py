"""A pool of connections by key: few of each, reused, closed when idle or old.

It has no thread of its own, since none would survive a frozen environment: whoever takes or
returns a connection sweeps. Nothing of its users' (connect, validity check, close, events) is ever
called under its lock. A forked child begins with an empty pool and leaves its parent's sockets
alone.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Any, Generic, TypeVar, cast
from weakref import WeakSet

from chalicelib.pools.clock import Clock, MonotonicClock
from chalicelib.pools.connections import Event, Lease, Limits, Pooled, Shelf, State, Wait
from chalicelib.pools.errors import NoFreeConnection, NotInUse, PoolStopped, TooManyKeys
from chalicelib.pools.figures import Counts, Figures

log = logging.getLogger(__name__)

C = TypeVar("C")


class KeyedPool(Generic[C]):
    """Connections by key, shared between threads; see Limits for how many and how long.

    Args:
        is_valid: tells whether a connection still serves; an exception means no.
        close: ends a connection; what it raises is counted, and the connection is gone.
        on_event: told of every change of state and every wait, by the thread whose it is; what it
            raises is counted, the first time logged by its name.
    """

    def __init__(
        self,
        *,
        is_valid: Callable[[C], bool],
        close: Callable[[C], object],
        limits: Limits | None = None,
        clock: Clock | None = None,
        on_event: Callable[[Event | Wait], object] | None = None,
    ) -> None:
        self._is_valid = is_valid
        self._close_connection = close
        self._limits = limits or Limits()
        self._clock = clock or MonotonicClock()
        self._on_event = on_event or (lambda _: None)
        self._is_running = False
        self._begin_anew()
        _pools.add(self)

    def _begin_anew(self) -> None:
        self._changed = Condition()
        self._counts = Counts()
        # The least recently asked for first.
        self._shelves: OrderedDict[str, Shelf[C]] = OrderedDict()
        self._swept_at = self._clock.now()

    def start(self) -> None:
        """Hand out connections from now on; twice is once."""
        with self._changed:
            self._is_running = True

    def stop(self, wait_seconds: float = 0) -> int:
        """Hand out none any more, close what is idle, and what is in use when it comes back.

        Return how many are still in use after `wait_seconds`.
        """
        with self._changed:
            self._is_running = False
            keys = list(self._shelves)
            self._changed.notify_all()
        for key in keys:
            self.close_key(key)
        deadline = self._clock.now() + wait_seconds
        with self._changed:
            while (taken := self._taken()) and (left := deadline - self._clock.now()) > 0:
                self._clock.wait(self._changed, left)
            return taken

    @contextmanager
    def connection(self, key: str, connect: Callable[[], C]) -> Iterator[C]:
        """Lend a connection; after an exception it is closed.

        Raises:
            PoolStopped, TooManyKeys, NoFreeConnection: as `get`.
        """
        lease = self.get(key, connect)
        try:
            yield lease.connection
        except BaseException:
            self.close(lease)
            raise
        self.give_back(lease)

    def get(self, key: str, connect: Callable[[], C]) -> Lease[C]:
        """Return the use of an idle connection that still serves, or of a new one.

        Waits where all of the key are in use, first come, first served; what `connect` raises
        passes through.

        Raises:
            PoolStopped: it does not run.
            TooManyKeys: the key is new, and all places for keys are in use.
            NoFreeConnection: `wait_seconds` are over.
        """
        deadline = self._clock.now() + self._limits.wait_seconds
        self._sweep_now_and_then()
        while True:
            pooled = self._take(key, deadline)
            if pooled.state is State.CONNECTING:
                return self._connected(pooled, connect)
            if self._still_serves(pooled):
                return self._lease(pooled)

    def give_back(self, lease: Lease[C], *, keep: bool = True) -> None:
        """End a use; the connection waits for the next unless it is old, dead or not to be kept.

        Raises:
            NotInUse: that use is over.
        """
        pooled = self._end_turn(lease)
        if pooled is None:
            return
        if not keep:
            self._discard(pooled, State.DISCONNECTED)
        elif self._still_serves(pooled):
            with self._changed:
                stays = self._is_running and not pooled.is_doomed
                if stays:
                    shelf = self._shelves[pooled.key]
                    shelf.taken.remove(pooled)
                    shelf.idle.append(pooled)
                    pooled.used_at = self._clock.now()
                    pooled.state = State.IDLE
                    self._changed.notify_all()
            if stays:
                self._tell(Event(pooled.key, State.ACTIVE, State.IDLE))
            else:
                self._discard(pooled, State.DISCONNECTED)
        self._sweep_now_and_then()

    def close(self, lease: Lease[C]) -> None:
        """End a use, and the connection with it.

        Raises:
            NotInUse: that use is over.
        """
        self.give_back(lease, keep=False)

    def close_key(self, key: str) -> int:
        """Close all connections of a key and return how many; those in use follow when they come
        back, and serve nobody else.
        """
        with self._changed:
            shelf = self._shelves.get(key)
            if shelf is None:
                return 0
            for pooled in shelf.taken:
                pooled.is_doomed = True
            ending = self._clear(shelf, lambda _: True)
        self._discard_all(ending)
        return len(ending)

    def sweep(self) -> int:
        """Close what is idle or old, forget keys without connections; return how many closed."""
        with self._changed:
            now = self._swept_at = self._clock.now()
            ending = [
                pooled
                for shelf in self._shelves.values()
                for pooled in self._clear(shelf, lambda p: p.is_expired(now, self._limits))
            ]
        self._discard_all(ending)
        with self._changed:
            for key in [k for k, s in self._shelves.items() if s.is_free and not s.idle]:
                del self._shelves[key]
        return len(ending)

    def figures(self, key: str | None = None) -> Figures:
        """Return the figures of a key, or of the whole pool; an unknown key has none."""
        with self._changed:
            if key is None:
                chosen, counts = list(self._shelves.values()), self._counts
            else:
                chosen = [self._shelves[key]] if key in self._shelves else []
                counts = chosen[0].counts if chosen else Counts()
            states = Counter(pooled.state for shelf in chosen for pooled in shelf.taken)
            return Figures(
                **vars(counts),
                connecting=states[State.CONNECTING],
                idle=sum(len(shelf.idle) for shelf in chosen),
                active=states[State.ACTIVE],
                closing=states[State.DISCONNECTED] + states[State.ERROR],
                waiting=sum(len(shelf.line) for shelf in chosen),
                keys=len(chosen),
            )

    def keys(self) -> list[str]:
        """Return the keys that have figures of their own, the most recently used one last."""
        with self._changed:
            return list(self._shelves)

    def _take(self, key: str, deadline: float) -> Pooled[C]:
        """Return a connection that is ours: an idle one, or the place for a new one."""
        before: State | None = None
        shelf, ticket = self._join_line(key)
        began = self._clock.now()
        try:
            with self._changed:
                try:
                    has_waited = self._wait_for_turn(shelf, ticket, deadline)
                    if shelf.idle:
                        pooled = shelf.idle.popleft()
                        pooled.is_doomed = pooled.is_expired(self._clock.now(), self._limits)
                        before, pooled.state = State.IDLE, State.ACTIVE
                    else:
                        pooled = Pooled(key, self._clock.now())
                    shelf.taken.add(pooled)
                finally:
                    shelf.line.remove(ticket)
                    self._changed.notify_all()
        except NoFreeConnection:
            self._tell(Wait(key, self._clock.now() - began, was_in_vain=True))
            raise
        if has_waited:
            self._tell(Wait(key, self._clock.now() - began, was_in_vain=False))
        self._tell(Event(key, before, pooled.state))
        return pooled

    def _join_line(self, key: str) -> tuple[Shelf[C], object]:
        while True:
            with self._changed:
                if not self._is_running:
                    raise PoolStopped
                if key in self._shelves or len(self._shelves) < self._limits.keys:
                    shelf = self._shelves.setdefault(key, Shelf())
                    self._shelves.move_to_end(key)
                    # Whoever stands in line keeps the shelf from being cleared away.
                    ticket = object()
                    shelf.line.append(ticket)
                    return shelf, ticket
                unused = next((k for k, s in self._shelves.items() if s.is_free), None)
                if unused is None:
                    raise TooManyKeys
                ending = self._clear(self._shelves[unused], lambda _: True)
                if not ending:
                    del self._shelves[unused]
            self._discard_all(ending)

    def _wait_for_turn(self, shelf: Shelf[C], ticket: object, deadline: float) -> bool:
        has_waited = False
        while True:
            if not self._is_running:
                raise PoolStopped
            has_place = len(shelf.taken) + len(shelf.idle) < self._limits.connections_per_key
            if shelf.line[0] is ticket and (shelf.idle or has_place):
                return has_waited
            left = deadline - self._clock.now()
            if left <= 0:
                self._count(shelf, "timeouts")
                raise NoFreeConnection
            has_waited = True
            self._clock.wait(self._changed, left)

    def _connected(self, pooled: Pooled[C], connect: Callable[[], C]) -> Lease[C]:
        try:
            connection = connect()
        except BaseException as failure:
            pooled.last_error = type(failure).__name__
            self._let_go(pooled, State.ERROR, "connect_failures")
            self._tell(Event(pooled.key, State.CONNECTING, State.ERROR))
            raise
        with self._changed:
            pooled.connection = connection
            self._count(self._shelves[pooled.key], "created")
            is_running = self._is_running
            if is_running:
                pooled.state = State.ACTIVE
        if not is_running:
            self._discard(pooled, State.DISCONNECTED)
            raise PoolStopped
        self._tell(Event(pooled.key, State.CONNECTING, State.ACTIVE))
        return self._lease(pooled)

    def _lease(self, pooled: Pooled[C]) -> Lease[C]:
        with self._changed:
            if pooled.uses:
                self._count(self._shelves[pooled.key], "reused")
            pooled.uses += 1
            pooled.turn += 1
            return Lease(pooled, cast(C, pooled.connection), pooled.turn)

    def _end_turn(self, lease: Lease[C]) -> Pooled[C] | None:
        """Return the connection of a use that ends now; None where it is a parent process's."""
        pooled = lease.pooled
        if pooled.pid != os.getpid():
            return None
        with self._changed:
            if pooled.turn != lease.turn:
                raise NotInUse
            pooled.turn += 1
        return pooled

    def _still_serves(self, pooled: Pooled[C]) -> bool:
        """Return whether a connection that is ours can be used; close it where it cannot."""
        if pooled.is_doomed or pooled.is_expired(self._clock.now(), self._limits):
            self._discard(pooled, State.DISCONNECTED)
            return False
        try:
            if self._is_valid(cast(C, pooled.connection)):
                return True
        except Exception as failure:
            pooled.last_error = type(failure).__name__
        except BaseException:
            self._discard(pooled, State.ERROR)
            raise
        self._discard(pooled, State.ERROR)
        return False

    def _clear(self, shelf: Shelf[C], ends: Callable[[Pooled[C]], bool]) -> list[Pooled[C]]:
        """Take idle connections off a shelf to close them; they keep their places until then."""
        ending = [pooled for pooled in shelf.idle if ends(pooled)]
        for pooled in ending:
            shelf.idle.remove(pooled)
            shelf.taken.add(pooled)
            pooled.state = State.DISCONNECTED
        return ending

    def _discard_all(self, ending: Iterable[Pooled[C]]) -> None:
        for pooled in ending:
            self._discard(pooled, State.DISCONNECTED, before=State.IDLE)

    def _discard(self, pooled: Pooled[C], after: State, before: State | None = None) -> None:
        with self._changed:
            before, pooled.state = before or pooled.state, after
            connection, pooled.connection = pooled.connection, None
            shelf = self._shelves[pooled.key]
            if after is State.ERROR:
                self._count(shelf, "found_dead")
        outcome = "closed"
        try:
            if connection is not None:
                self._close_connection(connection)
        except Exception as failure:
            pooled.last_error = type(failure).__name__
            outcome = "close_failures"
        finally:
            self._let_go(pooled, after, outcome)
        self._tell(Event(pooled.key, before, after))

    def _let_go(self, pooled: Pooled[C], after: State, outcome: str) -> None:
        with self._changed:
            shelf = self._shelves[pooled.key]
            shelf.taken.remove(pooled)
            pooled.state = after
            self._count(shelf, outcome)
            self._changed.notify_all()

    def _sweep_now_and_then(self) -> None:
        if self._clock.now() - self._swept_at >= self._limits.sweep_seconds:
            self.sweep()

    def _taken(self) -> int:
        return sum(len(shelf.taken) for shelf in self._shelves.values())

    def _count(self, shelf: Shelf[C], what: str) -> None:
        for counts in (self._counts, shelf.counts):
            setattr(counts, what, getattr(counts, what) + 1)

    def _tell(self, told: Event | Wait) -> None:
        try:
            self._on_event(told)
        except Exception as failure:
            with self._changed:
                self._counts.event_failures += 1
                is_first = self._counts.event_failures == 1
            if is_first:
                log.warning("pool_event_failed", extra={"cause": type(failure).__name__})


_pools: WeakSet[KeyedPool[Any]] = WeakSet()


def _empty_in_child() -> None:
    for pool in list(_pools):
        # The lock may be held by a thread that there is not in the child; the sockets are shared.
        pool._begin_anew()


os.register_at_fork(after_in_child=_empty_in_child)

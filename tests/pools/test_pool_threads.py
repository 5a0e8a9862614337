"""32 threads on one pool: never more than three connections of a key, never two users of one, and
everybody gets on.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from chalicelib.pools.clock import MonotonicClock
from chalicelib.pools.errors import NoFreeConnection, PoolStopped, TooManyKeys
from tests.pools.lines import ALLOWED, Exchange, Line

THREADS = 32
KEYS = ("relay", "hook", "bot")
PATIENCE_SECONDS = 60


def run_all(work: Callable[[random.Random], None]) -> None:
    """Let all threads work at once; fail where one fails or does not come to its end."""
    failures: list[BaseException] = []
    together = threading.Barrier(THREADS)

    def run(seed: int) -> None:
        try:
            together.wait(PATIENCE_SECONDS)
            work(random.Random(seed))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    give_up = time.monotonic() + PATIENCE_SECONDS
    for thread in threads:
        thread.join(max(0.0, give_up - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), "a thread is stuck"
    assert failures == []


def use(line: Line) -> None:
    assert line.is_open
    assert not line.is_used, "two threads have one line"
    line.is_used = True
    time.sleep(0.0001)
    line.is_used = False


def test_32_threads_share_three_lines_of_each_key() -> None:
    exchange = Exchange(MonotonicClock())
    pool = exchange.pool(wait_seconds=PATIENCE_SECONDS)

    def work(chance: random.Random) -> None:
        for _ in range(60):
            key = chance.choice(KEYS)
            lease = pool.get(key, exchange.to(key))
            use(lease.connection)
            lease.connection.is_dead = chance.random() < 0.05
            pool.give_back(lease, keep=chance.random() < 0.9)

    run_all(work)
    assert set(exchange.most) == set(KEYS)
    assert max(exchange.most.values()) == 3
    figures = pool.figures()
    assert figures.created + figures.reused == THREADS * 60
    assert (figures.active, figures.waiting, figures.timeouts) == (0, 0, 0)
    assert sum(exchange.open.values()) == figures.idle
    assert {(event.before, event.after) for event in exchange.events} <= ALLOWED
    assert not any(wait.was_in_vain for wait in exchange.waits)


def test_keys_closed_and_pool_stopped_and_swept_meanwhile() -> None:
    exchange = Exchange(MonotonicClock())
    pool = exchange.pool(
        keys=2, idle_seconds=0.002, age_seconds=0.02, wait_seconds=0.05, sweep_seconds=0.001
    )

    def work(chance: random.Random) -> None:
        for _ in range(60):
            key = chance.choice(KEYS)
            match chance.randrange(12):
                case 0:
                    pool.close_key(key)
                case 1:
                    pool.stop(wait_seconds=0.001)
                    pool.start()
                case 2:
                    pool.sweep()
                case _:
                    try:
                        with pool.connection(key, exchange.to(key)) as line:
                            use(line)
                    except (NoFreeConnection, PoolStopped, TooManyKeys):
                        continue

    run_all(work)
    assert max(exchange.most.values()) <= 3
    pool.stop()
    figures = pool.figures()
    assert figures.connections == sum(exchange.open.values()) == 0
    assert figures.created == figures.closed > 0


def test_who_came_first_is_served_first() -> None:
    exchange = Exchange(MonotonicClock())
    pool = exchange.pool(connections_per_key=1, wait_seconds=PATIENCE_SECONDS)
    first = pool.get("relay", exchange.to("relay"))
    served: list[int] = []

    def wait(number: int) -> None:
        lease = pool.get("relay", exchange.to("relay"))
        served.append(number)
        pool.give_back(lease)

    threads = [threading.Thread(target=wait, args=(n,), daemon=True) for n in range(8)]
    for number, thread in enumerate(threads):
        thread.start()
        while pool.figures().waiting <= number:
            time.sleep(0.001)
    pool.give_back(first)
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert served == list(range(8))


def test_who_waits_is_told_that_the_pool_stops() -> None:
    exchange = Exchange(MonotonicClock())
    pool = exchange.pool(connections_per_key=1, wait_seconds=PATIENCE_SECONDS)
    lease = pool.get("relay", exchange.to("relay"))
    told: list[str] = []

    def wait() -> None:
        try:
            pool.get("relay", exchange.to("relay"))
        except PoolStopped:
            told.append("stopped")

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    while not pool.figures().waiting:
        time.sleep(0.001)
    assert pool.stop() == 1
    thread.join(PATIENCE_SECONDS)
    assert told == ["stopped"]
    pool.give_back(lease)
    assert not lease.connection.is_open

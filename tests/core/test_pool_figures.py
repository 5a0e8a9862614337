"""The figures of the pool, held against what threads know that hold its connections."""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine, text

from chalicelib.core import database, figures, pool_figures
from chalicelib.core.dialect import flight_of
from chalicelib.core.errors import PoolExhausted
from chalicelib.core.flight import FlightConnection
from chalicelib.core.pool_figures import PoolUse
from chalicelib.core.settings import reset_settings
from tests.core.conftest import as_application, server_of
from tests.counting import counted

pytestmark = pytest.mark.usefixtures("clean_database")

SELECT = text("SELECT 1")
UsePool = Callable[[int, int], None]


@pytest.fixture
def pool_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[UsePool]:
    """Give this process a pool of a size and an overflow."""

    def pool_of(size: int, overflow: int) -> None:
        database.close()
        monkeypatch.setenv("DB_POOL_SIZE", str(size))
        monkeypatch.setenv("DB_MAX_OVERFLOW", str(overflow))
        monkeypatch.setenv("DB_POOL_TIMEOUT_SECONDS", "0.3")
        reset_settings()

    yield pool_of
    database.close()
    monkeypatch.undo()
    reset_settings()


def hold(stack: ExitStack, connections: int) -> None:
    for _ in range(connections):
        stack.enter_context(database.lone_read()).execute(SELECT)


def test_each_connection_that_is_out_counts_and_the_overflow_is_what_is_beyond(
    pool_of: UsePool,
) -> None:
    pool_of(2, 2)
    assert database.pool_use() == PoolUse(2, 0, 0, 2, 4, 0.0)
    with ExitStack() as stack:
        hold(stack, 1)
        assert database.pool_use() == PoolUse(2, 1, 0, 2, 4, 25.0)
        hold(stack, 2)
        assert database.pool_use() == PoolUse(2, 3, 1, 2, 4, 75.0)
        assert counted("db_pool_connections_in_use") == 3
    assert database.pool_use() == PoolUse(2, 0, 0, 2, 4, 0.0)
    assert counted("db_pool_connections_in_use") == 0
    assert (counted("db_pool_size"), counted("db_pool_max_connections")) == (2, 4)


class Outside:
    """What the threads that hold connections know, without asking the pool."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moves = self._moving = self._held = 0

    def begin(self) -> None:
        with self._lock:
            self._moves += 1
            self._moving += 1

    def end(self, change: int) -> None:
        with self._lock:
            self._moving -= 1
            self._held += change

    def look(self) -> tuple[int, int] | None:
        """Return how many moves there were and how many are held; None while one is under way."""
        with self._lock:
            return None if self._moving else (self._moves, self._held)


def test_the_ratio_is_what_one_works_out_from_outside_in_a_thousand_samples_under_load(
    pool_of: UsePool,
) -> None:
    pool_of(3, 5)
    outside, ended = Outside(), threading.Event()

    def work(seed: int) -> None:
        chance = random.Random(seed)
        while not ended.is_set():
            with ExitStack() as stack:
                outside.begin()
                connection = stack.enter_context(database.lone_read())
                outside.end(+1)
                if chance.random() < 0.2:
                    connection.execute(SELECT)
                time.sleep(chance.uniform(0.001, 0.02))
                outside.begin()
            outside.end(-1)
            time.sleep(chance.uniform(0, 0.01))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    samples: list[tuple[int, PoolUse]] = []
    try:
        deadline = time.monotonic() + 120
        while len(samples) < 1000:
            assert time.monotonic() < deadline
            before = outside.look()
            use = database.pool_use()
            if before and before == outside.look():
                samples.append((before[1], use))
            time.sleep(0.001)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert [use.checked_out for _, use in samples] == [held for held, _ in samples]
    assert [use.usage_ratio for _, use in samples] == [100 * held / 8 for held, _ in samples]
    assert all(use.overflow <= use.max_overflow for _, use in samples)
    assert len({held for held, _ in samples}) > 3
    assert database.pool_use().checked_out == 0


def test_a_wait_counts_with_its_time_and_one_in_vain_as_a_timeout(pool_of: UsePool) -> None:
    pool_of(1, 0)
    waits, seconds = counted("db_pool_wait_seconds_bucket"), counted("db_pool_wait_seconds_sum")
    timeouts = counted("db_pool_connection_timeouts_total")
    with database.lone_read():
        began = time.monotonic()
        with pytest.raises(PoolExhausted), database.lone_read():
            pass
        waited = time.monotonic() - began
    assert counted("db_pool_connection_timeouts_total") == timeouts + 1
    assert counted("db_pool_wait_seconds_bucket") == waits + 1
    assert 0.26 < counted("db_pool_wait_seconds_sum") - seconds <= waited
    with database.lone_read():
        pass
    assert counted("db_pool_wait_seconds_bucket") == waits + 1


def test_how_long_a_connection_is_held_is_kept(pool_of: UsePool) -> None:
    pool_of(1, 0)
    holds = counted("db_connection_hold_seconds_bucket")
    seconds = counted("db_connection_hold_seconds_sum")
    with database.lone_read():
        time.sleep(0.1)
    assert counted("db_connection_hold_seconds_bucket") == holds + 1
    assert counted("db_connection_hold_seconds_sum") - seconds >= 0.1


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, int]]:
    return [
        (record.levelname, record.message, vars(record)["checked_out"])
        for record in caplog.records
        if record.message.startswith("db_pool_")
    ]


def test_a_pool_that_fills_up_says_so_once_a_minute(
    pool_of: UsePool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool_of(10, 0)
    notice = ("INFO", "db_pool_high_usage", 7)
    with caplog.at_level(logging.INFO), ExitStack() as stack:
        hold(stack, 6)
        assert told(caplog) == []
        hold(stack, 2)
        assert told(caplog) == [notice]
        hold(stack, 2)
        assert told(caplog) == [notice, ("ERROR", "db_pool_critical_usage", 9)]
        assert vars(caplog.records[-1])["usage_ratio"] == 90.0
    caplog.clear()
    with caplog.at_level(logging.INFO), ExitStack() as stack:
        hold(stack, 7)
        assert told(caplog) == []
    monkeypatch.setattr(pool_figures, "_TOLD_AGAIN_SECONDS", 0.0)
    with caplog.at_level(logging.INFO), ExitStack() as stack:
        hold(stack, 7)
    assert told(caplog) == [notice]


def test_a_pool_of_one_that_is_busy_is_no_news(
    pool_of: UsePool, caplog: pytest.LogCaptureFixture
) -> None:
    pool_of(1, 0)
    with caplog.at_level(logging.INFO), database.lone_read():
        assert database.pool_use().usage_ratio == 100.0
    assert told(caplog) == []


def test_a_forked_child_counts_from_nothing_and_its_parent_goes_on(pool_of: UsePool) -> None:
    pool_of(2, 0)
    reading, writing = os.pipe()
    with database.lone_read() as connection:
        connection.execute(SELECT)
        child = os.fork()
        if child == 0:
            inherited = counted("db_pool_connections_in_use"), counted("db_pool_size")
            with database.lone_read() as own:
                own.execute(SELECT)
                seen = database.pool_use().checked_out
            os.write(writing, f"{inherited} {seen} {counted('db_pool_size')}".encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert database.pool_use().checked_out == 1
        connection.execute(SELECT)
    assert os.read(reading, 100) == b"(0, 0) 1 2.0"
    assert counted("db_pool_connections_in_use") == 0
    os.close(reading)
    os.close(writing)


def test_after_a_reset_nothing_is_in_use_any_more(pool_of: UsePool) -> None:
    pool_of(2, 0)
    with database.lone_read() as connection:
        connection.execute(SELECT)
        flight = flight_of(connection)
        database.reset()
        assert (counted("db_pool_connections_in_use"), counted("db_pool_size")) == (0, 0)
        assert database.pool_use() == PoolUse(2, 0, 0, 0, 2, 0.0)
    assert counted("db_pool_connections_in_use") == 0
    flight.close()


def test_a_close_lets_work_end_and_closes_its_connection_then(pool_of: UsePool) -> None:
    pool_of(2, 0)
    with database.transaction() as connection:
        flight = flight_of(connection)
        connection.execute(SELECT)
        database.close()
        assert connection.execute(SELECT).scalar_one() == 1
        assert not flight.is_closed
    assert flight.is_closed
    assert counted("db_pool_connections_in_use") == 0
    assert counted("db_pool_size") == 0


def test_a_connection_that_lay_for_minutes_is_replaced_without_a_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with database.lone_read() as connection:
        connection.execute(SELECT)
        flight = flight_of(connection)
    flights: list[bytes] = []
    monkeypatch.setattr(flight, "_fly", lambda sent, _context: flights.append(sent))
    flight.used_at -= 301
    with database.lone_read() as connection:
        assert connection.execute(SELECT).scalar_one() == 1
        assert flight_of(connection) is not flight
    assert (flights, flight.is_closed) == ([], True)


def test_a_peer_that_is_silent_costs_two_seconds_and_not_more() -> None:
    flight = FlightConnection(**as_application(), **server_of("POOLER_URL"))
    ours, silent = socket.socketpair()
    flight._usock.close()
    flight._usock, flight._sock = ours, ours.makefile("rwb")
    flight.used_at -= 60
    started = time.monotonic()
    assert not flight.answers(5.0, 300.0)
    assert 1.5 < time.monotonic() - started < 4
    assert flight.is_closed
    silent.close()


def test_a_thawed_connection_whose_server_is_gone_costs_no_error(owner_engine: Engine) -> None:
    with database.lone_read() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        flight = flight_of(connection)
    with owner_engine.connect() as owner:
        owner.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    flight.used_at -= 60
    with database.lone_read() as connection:
        assert connection.execute(SELECT).scalar_one() == 1


def test_errors_count_by_the_class_of_their_sqlstate() -> None:
    before = counted("db_errors_total", sqlstate_class="22")
    with pytest.raises(Exception, match="division"), database.lone_read() as connection:
        connection.execute(text("SELECT 1 / 0"))
    assert counted("db_errors_total", sqlstate_class="22") == before + 1


def test_what_is_counted_is_declared_once() -> None:
    names = [figure.name for figure in figures.all_figures()]
    assert sorted(names) == sorted(set(names))

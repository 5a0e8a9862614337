"""The pooler killed, the backend killed, no server to be had: a 503, and well again afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from chalicelib.core import copying, database
from chalicelib.core.dialect import flight_of
from chalicelib.core.errors import DatabaseAway, PoolExhausted
from chalicelib.core.settings import reset_settings
from tests.counting import counted
from tests.faults.pooler_drill import DrillPooler, free_port

ONE = text("SELECT CAST(:n AS int)")
TIMEOUTS = "db_pool_connection_timeouts_total"
SLEEP = text("SELECT pg_sleep(:seconds)")
# A commit that lasts: the constraint trigger runs when everything else is done.
SETUP = """
DROP TABLE IF EXISTS drill_commits;
CREATE TABLE drill_commits (id integer);
CREATE OR REPLACE FUNCTION drill_linger() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER drill_linger AFTER INSERT ON drill_commits
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION drill_linger();
"""


@pytest.fixture
def behind(
    clean_database: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., DrillPooler]]:
    """Give the application a pooler of its own, with limits."""
    poolers: list[DrillPooler] = []

    def start(**limits: int) -> DrillPooler:
        pooler = DrillPooler(**limits).start()
        poolers.append(pooler)
        monkeypatch.setenv("DB_PORT", str(pooler.port))
        database.close()
        reset_settings()
        return pooler

    yield start
    database.close()
    for pooler in poolers:
        pooler.remove()
    monkeypatch.undo()
    reset_settings()


def works() -> bool:
    with database.lone_read() as connection:
        lone = connection.execute(ONE, {"n": 1}).scalar_one()
    with database.transaction() as connection:
        return lone == connection.execute(ONE, {"n": 1}).scalar_one()


def meanwhile(work: Callable[[], object], after_seconds: float = 0.3) -> threading.Timer:
    timer = threading.Timer(after_seconds, work)
    timer.start()
    return timer


def test_a_pooler_that_was_restarted_while_idle_goes_unnoticed(
    behind: Callable[..., DrillPooler],
) -> None:
    pooler = behind()
    assert works()
    pooler.kill()
    pooler.start()
    assert works()


def test_a_dead_pooler_is_a_503_at_once_and_its_return_is_enough(
    behind: Callable[..., DrillPooler],
) -> None:
    pooler = behind()
    assert works()
    pooler.kill()
    started = time.monotonic()
    for way_in in (database.transaction, database.lone_read):
        with pytest.raises(DatabaseAway), way_in() as connection:
            connection.execute(ONE, {"n": 1})
    with pytest.raises(DatabaseAway):
        database.retry_idempotent(lambda connection: connection.execute(ONE, {"n": 1}))
    assert time.monotonic() - started < 2
    pooler.start()
    assert works()


@pytest.mark.parametrize("way_in", [database.transaction, database.lone_read])
def test_a_pooler_killed_in_mid_statement_is_a_503(
    behind: Callable[..., DrillPooler], way_in: Any
) -> None:
    pooler = behind()
    assert works()
    timer = meanwhile(pooler.kill)
    with pytest.raises(DatabaseAway), way_in() as connection:
        connection.execute(SLEEP, {"seconds": 20})
    timer.join()
    pooler.start()
    assert works()


def kill_backends(owner_engine: Engine, query_like: str = "%") -> int:
    with owner_engine.begin() as owner:
        killed = owner.execute(
            text(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
                "WHERE usename = 'rollcall_app' AND query LIKE :like"
            ),
            {"like": query_like},
        )
        return int(killed.scalar_one())


def test_a_backend_killed_while_idle_goes_unnoticed(
    behind: Callable[..., DrillPooler], owner_engine: Engine
) -> None:
    behind()
    for _again in range(5):
        with database.transaction() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with owner_engine.begin() as owner:
            killing = text("SELECT pg_terminate_backend(:pid, 5000)")
            assert owner.execute(killing, {"pid": pid}).scalar_one()
        assert database.retry_idempotent(lambda c: c.execute(ONE, {"n": 3}).scalar_one()) == 3
        assert works()


def test_a_backend_killed_between_two_statements_loses_the_transaction(
    behind: Callable[..., DrillPooler], owner_engine: Engine
) -> None:
    behind()
    ran: list[bool] = []
    with pytest.raises(DatabaseAway), database.transaction() as connection:
        database.after_commit(connection, lambda: ran.append(True))
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with owner_engine.begin() as owner:
            owner.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        connection.execute(ONE, {"n": 1})
    assert ran == []
    assert works()


def test_a_backend_killed_at_the_commit_is_a_503_and_tells_nobody(
    behind: Callable[..., DrillPooler], owner_engine: Engine
) -> None:
    with owner_engine.begin() as owner:
        owner.execute(text(SETUP))
    behind()
    ran: list[bool] = []
    timer = meanwhile(lambda: kill_backends(owner_engine, "commit"))
    with pytest.raises(DatabaseAway), database.transaction() as connection:
        database.after_commit(connection, lambda: ran.append(True))
        connection.execute(text("INSERT INTO drill_commits VALUES (1)"))
    timer.join()
    assert ran == []
    with owner_engine.begin() as owner:
        assert owner.execute(text("SELECT count(*) FROM drill_commits")).scalar_one() == 0
        owner.execute(text("DROP TABLE drill_commits; DROP FUNCTION drill_linger"))
    assert works()


def test_a_backend_killed_in_mid_copy_loses_the_transaction(
    behind: Callable[..., DrillPooler], owner_engine: Engine
) -> None:
    behind()

    def rows() -> Iterator[bytes]:
        for n in range(1000):
            if n == 5:
                kill_backends(owner_engine, "COPY%")
            yield b"code-%d\ttitle\n" % n * 3000

    with pytest.raises(DatabaseAway), database.transaction() as connection:
        copying.copy_in(connection, "COPY courses (code, title) FROM STDIN", rows())
    assert works()


def occupy(connection: Connection) -> None:
    connection.execute(ONE, {"n": 1})


def test_a_pooler_without_a_free_server_is_a_503(
    behind: Callable[..., DrillPooler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_POOL_SIZE", "2")
    behind(default_pool_size=1, query_wait_timeout=1)
    assert works()
    with database.transaction() as connection:
        occupy(connection)
        for way_in in (database.transaction, database.lone_read):
            with pytest.raises(PoolExhausted), way_in() as second:
                second.execute(ONE, {"n": 1})
    assert works()


@pytest.mark.parametrize("way_in", [database.transaction, database.lone_read])
def test_who_is_in_a_hurry_is_refused_before_the_pooler_says_so(
    behind: Callable[..., DrillPooler], monkeypatch: pytest.MonkeyPatch, way_in: Any
) -> None:
    monkeypatch.setenv("DB_POOL_SIZE", "2")
    monkeypatch.setenv("DB_POOL_TIMEOUT_SECONDS", "1")
    behind(default_pool_size=1, query_wait_timeout=30)
    before = counted(TIMEOUTS)
    with database.transaction() as connection:
        occupy(connection)
        started = time.monotonic()
        with pytest.raises(PoolExhausted), way_in(hurried=True) as second:
            second.execute(ONE, {"n": 1})
        assert time.monotonic() - started < 1
    assert counted(TIMEOUTS) == before + 1
    assert works()


def test_a_ping_that_waits_is_part_of_the_hurry(
    behind: Callable[..., DrillPooler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_POOL_SIZE", "2")
    monkeypatch.setenv("DB_POOL_TIMEOUT_SECONDS", "3")
    behind(default_pool_size=1, query_wait_timeout=30)
    with database.transaction() as connection:
        occupy(connection)
        with database.lone_read() as idle:
            flight = flight_of(idle)
        flight.used_at -= 60
        started = time.monotonic()
        with pytest.raises(PoolExhausted), database.lone_read(hurried=True) as second:
            second.execute(ONE, {"n": 1})
        assert time.monotonic() - started < 3
        assert flight.is_closed
    assert works()


def test_a_first_word_in_time_is_enough_and_the_rest_may_last(
    behind: Callable[..., DrillPooler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_POOL_TIMEOUT_SECONDS", "1")
    behind()
    with database.transaction(hurried=True) as connection:
        connection.execute(ONE, {"n": 1})
        connection.execute(SLEEP, {"seconds": 1.5})
    with database.transaction(hurried=True):
        pass
    time.sleep(1)
    assert works()


def test_a_pooler_without_room_for_a_client_is_a_503(
    behind: Callable[..., DrillPooler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_POOL_SIZE", "2")
    behind(max_client_conn=1)
    with database.transaction() as connection:
        occupy(connection)
        with pytest.raises(PoolExhausted), database.transaction() as second:
            second.execute(ONE, {"n": 1})
    assert works()


def test_postgres_away_behind_a_living_pooler_is_a_503(
    behind: Callable[..., DrillPooler],
) -> None:
    behind(postgres_port=free_port())
    started = time.monotonic()
    for way_in in (database.transaction, database.lone_read):
        with pytest.raises((DatabaseAway, PoolExhausted)), way_in() as connection:
            connection.execute(ONE, {"n": 1})
    assert time.monotonic() - started < 12

"""The ways into the database: what commits, what is told afterwards, what becomes a 503."""

from __future__ import annotations

import logging
import os
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from chalicelib.core import copying, database, dialect
from chalicelib.core.dialect import constraint_of, sqlstate
from chalicelib.core.errors import DatabaseAway, PoolExhausted
from chalicelib.core.settings import SettingMissing, reset_settings
from tests.counting import counted

pytestmark = pytest.mark.usefixtures("clean_database", "empty_probes")

PLACES = text("SELECT id FROM flight_places ORDER BY id")
INSERT = text("INSERT INTO flight_places VALUES (:id, :id)")


def places() -> list[int]:
    with database.lone_read() as connection:
        return list(connection.execute(PLACES).scalars())


@pytest.fixture
def new_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Set variables on what this gives: the engine is made anew for the test, and after it."""
    database.close()
    reset_settings()
    yield monkeypatch
    database.close()
    monkeypatch.undo()
    reset_settings()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Everything that was written to the server."""
    flights: list[bytes] = []
    fly = database.FlightConnection._fly

    def noted(self: Any, flight: bytes, context: Any) -> Any:
        flights.append(flight)
        return fly(self, flight, context)

    monkeypatch.setattr(database.FlightConnection, "_fly", noted)
    return flights


def test_a_transaction_commits_at_the_end_and_not_before(owner_engine: Engine) -> None:
    with owner_engine.connect() as owner:
        with database.transaction() as connection:
            connection.execute(INSERT, {"id": 1})
            assert owner.execute(PLACES).all() == []
            owner.rollback()
        assert owner.execute(PLACES).all() == [(1,)]


def test_an_exception_rolls_back_and_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        connection.execute(INSERT, {"id": 1})
        raise ZeroDivisionError
    assert places() == []


def test_an_error_of_a_statement_stays_sqlalchemys_and_says_its_constraint() -> None:
    with pytest.raises(IntegrityError) as caught, database.transaction() as connection:
        connection.execute(INSERT, {"id": 1})
        connection.execute(INSERT, {"id": 1})
    assert sqlstate(caught.value) == "23505"
    assert constraint_of(caught.value) == "flight_places_pkey"
    assert "[parameters" not in str(caught.value) or "hidden" in str(caught.value)
    with pytest.raises(DBAPIError) as caught_null, database.transaction() as connection:
        connection.execute(text("INSERT INTO flight_places VALUES (NULL)"))
    assert sqlstate(caught_null.value) == "23502"
    assert constraint_of(caught_null.value) is None
    assert sqlstate(ValueError()) is None


def test_each_way_in_costs_the_flights_that_it_must(sent: list[bytes]) -> None:
    with database.transaction() as connection:
        connection.execute(PLACES)
    sent.clear()
    with database.transaction() as connection:
        connection.execute(INSERT, {"id": 1})
    assert [(b"begin" in flight, b"commit" in flight) for flight in sent] == [
        (True, False),
        (False, True),
    ]
    sent.clear()
    with database.lone_read() as connection:
        connection.execute(text("SELECT CAST(:n AS int)"), {"n": 1})
        connection.execute(PLACES)
    assert len(sent) == 2
    assert not any(b"begin" in flight for flight in sent)
    sent.clear()
    with database.transaction():
        pass
    assert sent == []


def test_the_first_connection_asks_the_server_nothing(
    new_engine: pytest.MonkeyPatch, sent: list[bytes], owner_engine: Engine
) -> None:
    with database.lone_read() as connection:
        connection.execute(PLACES)
    assert len(sent) == 1
    with owner_engine.connect() as owner:
        known = owner.dialect.server_version_info
    assert database.init().dialect.server_version_info == known
    assert database.init().dialect._backslash_escapes is False


def test_a_lone_read_leaves_no_autocommit_behind() -> None:
    with pytest.raises(DBAPIError), database.lone_read() as connection:
        connection.execute(text("SELECT 1 / 0"))
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        connection.execute(INSERT, {"id": 1})
        raise ZeroDivisionError
    assert places() == []


def test_callbacks_run_after_commit_in_order_with_the_connection_free(
    caplog: pytest.LogCaptureFixture,
) -> None:
    order: list[object] = []

    def fail() -> None:
        raise ZeroDivisionError

    with database.transaction() as connection:
        connection.execute(INSERT, {"id": 1})
        database.after_commit(connection, lambda: order.append(places()))
        database.after_commit(connection, fail)
        database.after_commit(connection, lambda: order.append("last"))
        assert order == []
    assert order == [[1], "last"]
    assert [record.message for record in caplog.records] == ["after_commit_failed"]


def test_callbacks_do_not_run_when_nothing_was_committed() -> None:
    ran: list[bool] = []
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        database.after_commit(connection, lambda: ran.append(True))
        raise ZeroDivisionError
    with pytest.raises(IntegrityError), database.transaction() as connection:
        connection.execute(text("INSERT INTO flight_places VALUES (1, 7), (2, 7)"))
        database.after_commit(connection, lambda: ran.append(True))
    assert ran == []
    with pytest.raises(RuntimeError, match="under way"):
        database.after_commit(connection, lambda: ran.append(True))


def test_a_read_only_server_costs_the_connection_and_is_a_503() -> None:
    with database.transaction() as connection:
        before = connection.connection.dbapi_connection
    with pytest.raises(DatabaseAway), database.transaction() as connection:
        connection.execute(text("SET LOCAL transaction_read_only = on"))
        connection.execute(INSERT, {"id": 1})
    with database.transaction() as connection:
        assert connection.connection.dbapi_connection is not before
        connection.execute(INSERT, {"id": 2})
    assert places() == [2]


def test_a_pool_without_a_free_connection_is_a_503(new_engine: pytest.MonkeyPatch) -> None:
    new_engine.setenv("DB_POOL_TIMEOUT_SECONDS", "0.1")
    with database.transaction() as connection:
        connection.execute(PLACES)
        with pytest.raises(PoolExhausted) as caught, database.transaction():
            pass
        with pytest.raises(PoolExhausted), database.lone_read():
            pass
    assert caught.value.retry_after_seconds
    assert places() == []


def test_idempotent_work_is_done_once_more_on_a_dead_connection(owner_engine: Engine) -> None:
    attempts: list[int] = []

    def work(connection: Any) -> str:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        attempts.append(pid)
        if len(attempts) == 1:
            with owner_engine.connect() as owner:
                owner.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        connection.execute(INSERT, {"id": len(attempts)})
        return "done"

    assert database.retry_idempotent(work) == "done"
    assert len(attempts) == 2
    assert places() == [2]


def test_idempotent_work_is_not_repeated_for_its_own_errors() -> None:
    attempts: list[int] = []

    def work(connection: Any) -> None:
        attempts.append(1)
        connection.execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError):
        database.retry_idempotent(work)
    assert len(attempts) == 1


def test_rows_are_copied_in_and_out_within_one_transaction() -> None:
    received = bytearray()
    with database.transaction() as connection:
        rows = copying.copy_in(
            connection,
            "COPY flight_notes (client, body) FROM STDIN",
            (f"{n}\t学生 {n}\n".encode() for n in range(50_000)),
        )
        assert rows == 50_000
        sql = "COPY (SELECT client, body FROM flight_notes ORDER BY client) TO STDOUT"
        assert copying.copy_out(connection, sql, received.extend) == 50_000
    assert received.decode().splitlines()[-1] == "49999\t学生 49999"
    with database.lone_read() as lone:
        assert lone.execute(text("SELECT count(*) FROM flight_notes")).scalar_one() == 50_000


def test_copying_nothing_is_no_error() -> None:
    with database.transaction() as connection:
        assert copying.copy_in(connection, "COPY flight_notes (body) FROM STDIN", []) == 0
        sql = "COPY flight_notes (body) TO STDOUT"
        assert copying.copy_out(connection, sql, bytearray().extend) == 0


def _failing_source() -> Iterator[bytes]:
    yield b"a\n" * 100_000
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("chunks", "preparation", "error", "code"),
    [
        (_failing_source, "SELECT 1", ZeroDivisionError, None),
        (lambda: [b"a\tb\n"], "SELECT 1", DBAPIError, "22P04"),
        (lambda: [b"refused\n"] + [b"x\n" * 200_000] * 5, "SELECT 1", DBAPIError, "23514"),
        (
            lambda: [b"a\n" * 200_000] * 5,
            "SELECT set_config('rollcall.refuse', 'on', true)",
            DBAPIError,
            "P0001",
        ),
    ],
    ids=["source raises", "bad row at the end", "refused early", "refused before the first row"],
)
def test_a_copy_in_that_fails_leaves_nothing_half_dead(
    chunks: Any, preparation: str, error: type[Exception], code: str | None
) -> None:
    with pytest.raises(error) as caught, database.transaction() as connection:
        connection.execute(text(preparation))
        copying.copy_in(connection, "COPY flight_notes (body) FROM STDIN", chunks())
    assert sqlstate(caught.value) == code
    for _again in range(3):
        with database.transaction() as connection:
            assert connection.execute(text("SELECT count(*) FROM flight_notes")).scalar_one() == 0


@pytest.mark.parametrize("failing_sql", [True, False])
def test_a_copy_out_that_fails_leaves_nothing_half_dead(failing_sql: bool) -> None:
    def full(_piece: bytes) -> None:
        raise OSError("disk full")

    part = "1 / (g - 90000)" if failing_sql else "g"
    sql = f"COPY (SELECT {part} FROM generate_series(1, 200000) g) TO STDOUT"
    write = bytearray().extend if failing_sql else full
    with pytest.raises((DBAPIError, OSError)), database.transaction() as connection:
        copying.copy_out(connection, sql, write)
    assert places() == []


def test_a_child_process_does_not_touch_the_parents_connection() -> None:
    with database.transaction() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        connection.execute(INSERT, {"id": 1})
        child = os.fork()
        if child == 0:
            try:
                with database.transaction() as own:
                    theirs = own.execute(text("SELECT pg_backend_pid()")).scalar_one()
                database.close()
                os._exit(0 if theirs != pid else 1)
            except BaseException:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        connection.execute(INSERT, {"id": 2})
    assert places() == [1, 2]


def test_init_gives_one_engine_to_all_threads_and_close_ends_it(
    new_engine: pytest.MonkeyPatch,
) -> None:
    engines: list[Engine] = []
    threads = [threading.Thread(target=lambda: engines.append(database.init())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, engines))) == 1
    places()
    database.close()
    database.close()
    assert database.init() is not engines[0]
    assert places() == []


def test_each_new_connection_asks_for_credentials(new_engine: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def provide(settings: Any) -> database.Credentials:
        asked.append(settings.db_user)
        return database.Credentials(os.environ["DB_USER"], os.environ["TEST_PASSWORD"])

    new_engine.setenv("TEST_PASSWORD", os.environ["DB_PASSWORD"])
    new_engine.setattr(database, "_credentials", database._credentials)
    new_engine.delenv("DB_PASSWORD")
    with pytest.raises(SettingMissing, match="DB_PASSWORD"):
        places()
    database.set_credentials_provider(provide)
    assert places() == []
    database.close()
    assert places() == []
    assert len(asked) == 2


def test_a_refused_sign_in_is_a_503_that_tells_nothing(
    new_engine: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    new_engine.setenv("DB_PASSWORD", "not the password")
    with pytest.raises(DatabaseAway) as caught, database.transaction():
        pass
    assert "password" not in caught.value.shown_detail
    assert caplog.records[0].message == "database_away"


def test_tls_is_verified_unless_told_otherwise() -> None:
    verified = database.ssl_context("verify-full")
    assert isinstance(verified, ssl.SSLContext)
    assert verified.check_hostname
    assert verified.verify_mode == ssl.CERT_REQUIRED
    required = database.ssl_context("require")
    assert isinstance(required, ssl.SSLContext)
    assert required.verify_mode == ssl.CERT_NONE
    assert database.ssl_context("disable") is False


def test_a_slow_statement_is_logged_by_its_shape_and_its_caller_and_counted(
    new_engine: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    new_engine.setenv("SLOW_QUERY_SECONDS", "0.05")
    before = counted("slow_queries_total")
    with caplog.at_level(logging.WARNING), database.lone_read() as connection:
        connection.execute(text("SELECT 'secret', pg_sleep(:s)"), {"s": 0.06})
    record = caplog.records[0]
    assert record.message == "slow_statement"
    assert record.shape == "SELECT '', pg_sleep(%s)"
    assert record.seconds >= 0.05
    here = "test_a_slow_statement_is_logged_by_its_shape_and_its_caller_and_counted"
    assert record.caller == f"{__name__}.{here}"
    assert counted("slow_queries_total") == before + 1


def test_a_connection_that_lay_idle_is_asked_before_use(
    sent: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    places()
    monkeypatch.setattr(dialect, "_TRUSTED_SECONDS", -1.0)
    sent.clear()
    places()
    assert [b";" in flight for flight in sent] == [True, False]

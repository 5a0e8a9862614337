"""A statement's every way to fail or to answer, in one flight: then the stream is still in step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pg8000
import pytest
from pg8000.core import Context
from sqlalchemy import Engine, text

from chalicelib.core import flight as flight_module
from chalicelib.core import wire
from chalicelib.core.flight import FlightConnection
from tests.core.conftest import as_application, server_of

pytestmark = pytest.mark.usefixtures("empty_probes")

FAILURES = {
    "syntax at parse": ("42601", "SELEC %s", (1,)),
    "no such column at parse": ("42703", "SELECT nowhere, %s::int", (1,)),
    "no such operator at parse": ("42883", "SELECT %s::int + date '2026-01-01' + 'a'::bytea", (1,)),
    "undetermined type at parse": ("42P18", "SELECT concat(%s)", (1,)),
    "value at bind": ("22P02", "SELECT %s::int", ("twelve",)),
    "NUL at bind": ("22021", "SELECT %s::text", ("a\0b",)),
    "too few binds": ("08P01", "SELECT %s::int + %s::int", (1,)),
    "too many binds": ("08P01", "SELECT %s::int", (1, 2)),
    "division at execute": ("22012", "SELECT 1 / %s::int", (0,)),
    "after rows were sent": (
        "22012",
        "SELECT repeat('x', 9000), 1 / (9 - g) FROM generate_series(1, %s) g",
        (9,),
    ),
    "unique": ("23505", "INSERT INTO flight_places VALUES (%s, 1), (1, 2)", (1,)),
    "foreign key": ("23503", "INSERT INTO flight_notes (place_id, body) VALUES (%s, 'a')", (404,)),
    "check": ("23514", "INSERT INTO flight_notes (body) VALUES (%s)", ("refused",)),
    "not null": ("23502", "INSERT INTO flight_notes (body) VALUES (%s)", (None,)),
    "no permission": ("42501", "SELECT rolname FROM pg_authid WHERE oid = %s", (10,)),
    "without binds, at parse": ("42601", "SELEC 1", ()),
    "without binds, at execute": ("22012", "SELECT 1 / 0", ()),
    "second of several": ("22012", "SELECT 1; SELECT 1 / 0; SELECT 3", ()),
}
MODES = ["first in a transaction", "later in a transaction", "outside"]


def rows_of(connection: pg8000.Connection, sql: str, *args: Any) -> list[list[Any]]:
    cursor = connection.cursor()
    cursor.execute(sql, args)
    return list(cursor.fetchall())


def assert_in_step(connection: pg8000.Connection) -> None:
    connection.rollback()
    for number in range(3):
        assert rows_of(connection, "SELECT %s::int, 'é'", number) == [[number, "é"]]
    assert rows_of(connection, "SELECT 7") == [[7]]
    connection.commit()
    assert not connection._in_transaction


def outcome(connection: pg8000.Connection, sql: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a program can see of a statement, for two drivers to agree on."""
    cursor = connection.cursor()
    try:
        cursor.execute(sql, args)
    except Exception as error:
        fields = error.args[0]
        if isinstance(fields, dict):
            fields = {k: v for k, v in fields.items() if k not in "DFLR"}
        return type(error), fields, connection._transaction_status
    rows = None if cursor.description is None else list(cursor.fetchall())
    return rows, cursor.description, cursor.rowcount, connection._transaction_status


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("failure", FAILURES)
def test_an_error_is_stock_pg8000s_and_leaves_the_connection_in_step(
    flight: FlightConnection, stock: pg8000.Connection, failure: str, mode: str
) -> None:
    code, sql, args = FAILURES[failure]
    for connection in (flight, stock):
        connection.autocommit = mode == "outside"
        if mode == "later in a transaction":
            rows_of(connection, "SELECT 1")
    if "binds" in failure and args:
        # Stock counts on the server's description; its message differs by the round trip only.
        with pytest.raises(pg8000.ProgrammingError) as caught:
            flight.cursor().execute(sql, args)
        assert caught.value.args[0]["C"] == code
    else:
        mine = outcome(flight, sql, args)
        assert mine == outcome(stock, sql, args)
        assert mine[1]["C"] == code
        stock.rollback()
    assert flight._in_transaction == (mode != "outside")
    assert_in_step(flight)


def test_a_deferred_constraint_fails_at_commit_and_nothing_is_kept(
    flight: FlightConnection,
) -> None:
    rows_of(flight, "SELECT 1")
    flight.cursor().execute("INSERT INTO flight_places VALUES (1, %s), (2, %s)", (5, 5))
    with pytest.raises(pg8000.IntegrityError) as caught:
        flight.commit()
    assert caught.value.args[0]["n"] == "flight_places_seat_key"
    assert_in_step(flight)
    assert rows_of(flight, "SELECT count(*) FROM flight_places") == [[0]]


def test_a_statement_does_not_run_when_the_begin_of_its_flight_fails(
    flight: FlightConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = flight_module.BEGIN.replace(b"begin transaction", b"begin tramsaction")
    for sql, args in (
        ("INSERT INTO flight_places VALUES (%s, 1)", (1,)),
        ("INSERT INTO flight_places VALUES (2, 2)", ()),
    ):
        monkeypatch.setattr(flight_module, "BEGIN", broken)
        with pytest.raises(pg8000.ProgrammingError, match="tramsaction"):
            flight.cursor().execute(sql, args)
        assert not flight._in_transaction
        monkeypatch.undo()
        assert_in_step(flight)
    assert rows_of(flight, "SELECT count(*) FROM flight_places") == [[0]]


def test_a_failed_transaction_refuses_statements_and_commit_as_stock_does(
    flight: FlightConnection, stock: pg8000.Connection
) -> None:
    seen = []
    for connection in (flight, stock):
        first = outcome(connection, "SELECT 1 / %s::int", (0,))
        second = outcome(connection, "SELECT %s::int", (1,))
        third = outcome(connection, "SELECT 1", ())
        with pytest.raises(pg8000.InterfaceError, match="in failed transaction block"):
            connection.commit()
        seen.append((first, second, third, connection._transaction_status))
    assert seen[0] == seen[1]
    assert_in_step(flight)


def test_a_savepoint_takes_back_only_what_followed_it(flight: FlightConnection) -> None:
    flight.cursor().execute("INSERT INTO flight_places VALUES (%s, 1)", (1,))
    flight.cursor().execute("SAVEPOINT here")
    with pytest.raises(pg8000.IntegrityError):
        flight.cursor().execute("INSERT INTO flight_places VALUES (%s, 2)", (1,))
    flight.cursor().execute("ROLLBACK TO SAVEPOINT here")
    flight.commit()
    assert rows_of(flight, "SELECT id FROM flight_places") == [[1]]


@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize(
    ("sql", "args"),
    [
        ("", ()),
        (";", ()),
        ("-- nothing", ()),
        ("SELECT WHERE false", ()),
        ("SELECT", ()),
        ("SELECT 1 WHERE %s::bool", (False,)),
        ("SELECT NULL, %s::text, ''", (None,)),
        ("SELECT 1 AS a, 2 AS a, %s::int AS 列", (3,)),
        ("SELECT 'it''s 100%%', %s::text", ("50%",)),
        ("SELECT 1; SELECT 2, 3", ()),
        ("SELECT 'a;b'", ()),
        ("VALUES (%s::int), (2), (3)", (1,)),
        ("SHOW server_encoding", ()),
        ("EXPLAIN (COSTS off) SELECT 1", ()),
        ("INSERT INTO flight_places VALUES (%s, 1), (2, 2) RETURNING id, seat", (1,)),
        ("INSERT INTO flight_places SELECT g, g FROM generate_series(1, %s) g", (10,)),
        ("UPDATE flight_places SET seat = seat WHERE id > %s", (0,)),
        ("DELETE FROM flight_places WHERE id = %s", (404,)),
        ("SELECT * FROM generate_series(1, %s) g", (1000,)),
        ("DO $$ BEGIN PERFORM 1; END $$", ()),
    ],
)
def test_an_answer_is_what_stock_pg8000_gives(
    flight: FlightConnection,
    stock: pg8000.Connection,
    sql: str,
    args: tuple[Any, ...],
    autocommit: bool,
    owner_engine: Engine,
) -> None:
    seen = []
    for connection in (flight, stock):
        connection.autocommit = autocommit
        seen.append(outcome(connection, sql, args))
        connection.rollback()
        with owner_engine.begin() as owner:
            owner.execute(text("TRUNCATE flight_notes, flight_places"))
    assert seen[0] == seen[1]
    assert_in_step(flight)


def test_notices_do_not_disturb_an_answer(flight: FlightConnection) -> None:
    for autocommit in (False, True):
        flight.autocommit = autocommit
        assert rows_of(flight, "SELECT flight_chatter(%s)", 2000) == [[2000]]
        assert b"notice 2000" in flight.notices[-1][b"M"]
        assert_in_step(flight)


def test_large_values_go_both_ways(flight: FlightConnection) -> None:
    body, data = "学" * 2_000_000, bytes(range(256)) * 12_000
    sql = "INSERT INTO flight_notes (body, data) VALUES (%s, %s) RETURNING body, data"
    assert rows_of(flight, sql, body, data) == [[body, data]]
    assert_in_step(flight)
    flight.autocommit = True
    assert (
        rows_of(flight, "SELECT repeat('é', %s) FROM generate_series(1, 3)", 5_000_000)
        == [["é" * 5_000_000]] * 3
    )
    assert_in_step(flight)


def test_many_columns_and_many_rows_arrive(flight: FlightConnection) -> None:
    wide = ", ".join(f"{n} AS column_{n}" for n in range(1600))
    cursor = flight.cursor()
    cursor.execute(f"SELECT {wide}, %s::int", (1600,))
    assert cursor.fetchall() == (list(range(1601)),)
    assert len(cursor.description) == 1601
    tall = rows_of(flight, "SELECT g, g::text FROM generate_series(1, %s) g", 100_000)
    assert tall[-1] == [100_000, "100000"]
    assert len(tall) == 100_000
    assert_in_step(flight)


def test_65535_binds_are_the_most_and_one_more_is_refused_before_sending(
    flight: FlightConnection,
) -> None:
    most = wire.MAX_BINDS
    sql = "SELECT cardinality(ARRAY[%s::int" + ", %s" * (most - 1) + "])"
    assert rows_of(flight, sql, *range(most)) == [[most]]
    flight.rollback()
    with pytest.raises(pg8000.ProgrammingError, match="65535 is the most"):
        rows_of(flight, sql, *range(most + 1))
    assert not flight._in_transaction
    assert_in_step(flight)


def test_a_value_that_cannot_be_sent_sends_nothing(flight: FlightConnection) -> None:
    with pytest.raises(UnicodeEncodeError):
        rows_of(flight, "SELECT %s::text", "\ud800")
    assert not flight._in_transaction
    assert_in_step(flight)


def test_a_value_that_cannot_be_read_is_raised_after_the_last_row(flight: FlightConnection) -> None:
    def refuse(value: str) -> str:
        raise ValueError(value)

    sql = "SELECT 'seven'::text, g FROM generate_series(1, 5000) g"
    assert len(rows_of(flight, sql)) == 5000
    flight.register_in_adapter(25, refuse)
    with pytest.raises(ValueError, match="seven"):
        rows_of(flight, sql)
    flight.register_in_adapter(25, str)
    assert_in_step(flight)


def test_an_interrupt_while_answers_are_under_way_closes_the_connection(
    flight: FlightConnection,
) -> None:
    def interrupt(value: str) -> str:
        raise KeyboardInterrupt

    flight.register_in_adapter(25, interrupt)
    with pytest.raises(KeyboardInterrupt):
        rows_of(flight, "SELECT 'seven'::text")
    assert flight.is_closed
    assert not flight.answers(trusted_seconds=60)
    with pytest.raises(pg8000.InterfaceError, match="connection is closed"):
        rows_of(flight, "SELECT 1")
    flight.rollback()
    flight.close()


@pytest.mark.parametrize("piece_bytes", [1, 2, 7, 64])
def test_answers_may_arrive_in_any_pieces(flight: FlightConnection, piece_bytes: int) -> None:
    class Dribbling:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def read1(self, size: int) -> bytes:
            return bytes(self.stream.read1(min(size, piece_bytes)))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.stream, name)

    flight._sock = Dribbling(flight._sock)
    assert rows_of(flight, "SELECT g, 'é' FROM generate_series(1, %s) g", 9) == [
        [n, "é"] for n in range(1, 10)
    ]
    with pytest.raises(pg8000.ProgrammingError, match="division by zero"):
        rows_of(flight, "SELECT 1 / %s::int", 0)
    assert_in_step(flight)


def test_what_arrives_behind_an_answer_is_kept_for_the_next(flight: FlightConnection) -> None:
    flight.autocommit = True
    first, second = Context("first"), Context("second")
    flight._usock.sendall(b"".join(b"Q\0\0\0\x0dSELECT %d\0" % n for n in (1, 2)))
    time.sleep(0.2)
    flight.handle_messages(first)
    assert first.rows == [[1]]
    assert flight._has_arrived()
    flight.handle_messages(second)
    assert second.rows == [[2]]
    assert_in_step(flight)


def test_what_arrives_between_statements_is_read_and_makes_the_pool_ask(
    stock: pg8000.Connection,
) -> None:
    listener = FlightConnection(**as_application(), **server_of("DATABASE_URL"))
    listener.autocommit = stock.autocommit = True
    listener.cursor().execute("LISTEN flight_bell")
    assert not listener._has_arrived()
    stock.cursor().execute("NOTIFY flight_bell, 'ding'")
    deadline = time.monotonic() + 5
    while not listener._has_arrived() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert listener.answers(trusted_seconds=60)
    assert [payload for _pid, _channel, payload in listener.notifications] == ["ding"]
    assert_in_step(listener)
    listener.close()


def test_rows_are_counted_over_executemany(flight: FlightConnection) -> None:
    cursor = flight.cursor()
    cursor.executemany("INSERT INTO flight_places VALUES (%s, %s)", [(n, n) for n in range(5)])
    assert cursor.rowcount == 5
    flight.commit()
    assert rows_of(flight, "SELECT count(*) FROM flight_places") == [[5]]


def test_input_sizes_name_the_types(flight: FlightConnection, stock: pg8000.Connection) -> None:
    seen = []
    for connection in (flight, stock):
        cursor = connection.cursor()
        cursor.setinputsizes(20, pg8000.TEXT, int)
        cursor.execute("SELECT pg_typeof(%s), pg_typeof(%s), %s::int", (1, "a", 3))
        first = cursor.fetchall()
        cursor.execute("SELECT %s::int", ("4",))
        seen.append((first, cursor.fetchall()))
    assert seen[0] == seen[1]
    assert seen[0][0] == (["bigint", "text", 3],)


def test_prepared_statements_and_copy_outside_a_transaction_are_refused(
    flight: FlightConnection,
) -> None:
    with pytest.raises(pg8000.NotSupportedError):
        flight.prepare("SELECT 1")
    flight.autocommit = True
    with pytest.raises(pg8000.InterfaceError, match="needs a transaction"):
        flight.cursor().execute("COPY flight_notes (body) FROM STDIN", stream=[b"a\n"])
    assert_in_step(flight)


def test_a_copy_without_a_stream_does_not_leave_the_connection_half_dead(
    flight: FlightConnection,
) -> None:
    with pytest.raises(pg8000.InterfaceError, match="required for the COPY IN"):
        flight.cursor().execute("COPY flight_notes (body) FROM STDIN")
    assert flight.is_closed


def test_a_transaction_without_a_statement_sends_nothing(flight: FlightConnection) -> None:
    used_at = flight.used_at
    flight.commit()
    flight.rollback()
    assert flight.used_at == used_at


def interrupted(
    owner_engine: Engine, connection: FlightConnection, function: str, sql: str
) -> BaseException:
    """Run `sql`, and `function` on its backend from the side; return what was raised."""
    caught: list[BaseException] = []

    def run() -> None:
        try:
            connection.cursor().execute(sql, (30,))
        except Exception as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    find = text(
        f"SELECT {function}(pid) FROM pg_stat_activity WHERE state = 'active' "
        "AND pid <> pg_backend_pid() AND query LIKE 'SELECT pg_sleep($1)%' AND query LIKE :mark"
    )
    deadline = time.monotonic() + 10
    with owner_engine.connect() as owner:
        while thread.is_alive() and time.monotonic() < deadline:
            owner.execute(find, {"mark": f"%{id(connection)}%"})
            owner.rollback()
            thread.join(0.05)
    assert not thread.is_alive()
    return caught[0]


@pytest.mark.parametrize("autocommit", [False, True])
def test_a_server_killed_in_mid_flight_is_a_network_error_with_its_cause(
    owner_engine: Engine, flight: FlightConnection, autocommit: bool
) -> None:
    flight.autocommit = autocommit
    error = interrupted(
        owner_engine, flight, "pg_terminate_backend", f"SELECT pg_sleep(%s), {id(flight)}"
    )
    assert isinstance(error, pg8000.InterfaceError)
    assert str(error) == "network error"
    assert error.__cause__ is not None
    assert error.__cause__.args[0]["C"] in ("57P01", "08P01")
    assert flight.is_closed


def test_a_cancelled_statement_leaves_the_connection_in_step(
    owner_engine: Engine, flight: FlightConnection
) -> None:
    error = interrupted(
        owner_engine, flight, "pg_cancel_backend", f"SELECT pg_sleep(%s), {id(flight)}"
    )
    assert error.args[0]["C"] == "57014"
    assert_in_step(flight)


def test_a_statement_timeout_leaves_the_connection_in_step(flight: FlightConnection) -> None:
    flight.cursor().execute("SET LOCAL statement_timeout = '50ms'")
    with pytest.raises(pg8000.ProgrammingError) as caught:
        rows_of(flight, "SELECT pg_sleep(%s)", 20)
    assert caught.value.args[0]["C"] == "57014"
    assert_in_step(flight)


def test_slow_statements_are_told(open_flight: Callable[[], FlightConnection]) -> None:
    told: list[tuple[str, float]] = []
    connection = open_flight()
    connection.slow_seconds = 0.05
    connection.on_slow = lambda statement, seconds: told.append((statement, seconds))
    rows_of(connection, "SELECT %s::int", 1)
    rows_of(connection, "SELECT pg_sleep(%s)", 0.06)
    with pytest.raises(pg8000.ProgrammingError):
        rows_of(connection, "SELECT 1 / (pg_sleep(%s) IS NULL)::int", 0.06)
    assert [statement for statement, _seconds in told] == [
        "SELECT pg_sleep(%s)",
        "SELECT 1 / (pg_sleep(%s) IS NULL)::int",
    ]
    assert told[0][1] >= 0.05

"""Each pinning or leaking statement is refused, on its way through the engine and through COPY."""

from __future__ import annotations

import pg8000
import pytest
from sqlalchemy import create_engine, text

from chalicelib.core import copying, database, guard
from chalicelib.core.guard import GuardViolation
from chalicelib.core.settings import reset_settings
from tests.core.conftest import as_application, server_of
from tests.counting import counted

pytestmark = pytest.mark.usefixtures("clean_database", "probes")

REFUSED = [
    "SET statement_timeout = 5",
    "set session statement_timeout to 5",
    "  /* why */ SET -- not\n TimeZone = 'UTC'",
    "SET ROLE rollcall_owner",
    "SET SESSION AUTHORIZATION DEFAULT",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SELECT 1; SET TIME ZONE 'UTC'",
    "SELECT set_config('a.b', 'c', false)",
    "SELECT set_config('a.b', current_setting('c.d', true), false)",
    "SELECT set_config('a.b', 'c', :local)",
    "DO $$ BEGIN PERFORM set_config('a.b', 'c', false); END $$",
    "RESET ALL",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE ALL",
    "DISCARD ALL",
    "LISTEN bell",
    "UNLISTEN *",
    "CREATE TEMP TABLE t (a int)",
    "CREATE TEMPORARY TABLE t (a int) ON COMMIT DROP",
    "CREATE LOCAL TEMP TABLE t (a int)",
    "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
    "CREATE TEMP SEQUENCE s",
    "SELECT 1 AS a INTO TEMP t",
    "CREATE TABLE pg_temp.t (a int)",
    "DECLARE c CURSOR FOR SELECT 1",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "FETCH ALL FROM c",
    "CLOSE c",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_lock(1)",
    "SELECT pg_advisory_lock_shared(1)",
    "SELECT pg_catalog.pg_advisory_unlock_all()",
    "SELECT nextval('users_id_seq')",
    "SELECT setval ('users_id_seq', 1)",
    "INSERT INTO flight_places VALUES (nextval('s'), 1)",
    "LOAD 'auto_explain'",
    "SELECT setseed(0.5)",
    "SELECT '" + "x" * guard.MAX_STATEMENT_BYTES + "'",
    "SELECT '" + "学" * (guard.MAX_STATEMENT_BYTES // 3) + "'",
]
ALLOWED = [
    "SET LOCAL statement_timeout = '5s'",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET CONSTRAINTS ALL IMMEDIATE",
    "SELECT set_config('rollcall.a', 'c', true)",
    "SELECT set_config('rollcall.a', coalesce(current_setting('rollcall.b', true), ''), true)",
    "SELECT pg_advisory_xact_lock(1), pg_try_advisory_xact_lock(2)",
    "SELECT 'SET a = 1; RESET ALL; nextval(1); CREATE TEMP TABLE'",
    "SELECT 'it''s; RESET ALL', E'it\\'s; RESET ALL', $x$; RESET $$ ALL$x$",
    'SELECT 1 AS "; RESET ALL"',
    "SELECT 1 -- ; RESET ALL",
    "SELECT 1 /* ; RESET ALL */",
    "UPDATE flight_places SET seat = 2",
    "SELECT id FROM flight_places ORDER BY id FETCH FIRST 1 ROWS ONLY",
    "SELECT 1 AS prepare, 2 AS listen, 3 AS load, 4 AS temporary",
    "SELECT id FROM flight_places FOR UPDATE SKIP LOCKED",
    "SELECT '" + "x" * (guard.MAX_STATEMENT_BYTES - 20) + "'",
]


def plain(statement: str) -> str:
    """Keep text() from taking `:` in a statement for a bind, except where one is meant."""
    return statement.replace(":local", "\0").replace(":", r"\:").replace("\0", ":local")


@pytest.mark.parametrize("statement", REFUSED)
def test_a_pinning_or_leaking_statement_is_refused(statement: str) -> None:
    binds = {"local": True} if ":local" in statement else {}
    with database.transaction() as connection:
        with pytest.raises(GuardViolation, match="Instead:"):
            connection.execute(text(plain(statement)), binds)
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


@pytest.mark.parametrize("statement", ALLOWED)
def test_what_ends_with_its_transaction_is_allowed(statement: str) -> None:
    with database.transaction() as connection:
        connection.execute(text(plain(statement)))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO flight_places VALUES (1, 1)",
        "UPDATE flight_places SET seat = 1",
        "DELETE FROM flight_places",
        "WITH gone AS (DELETE FROM flight_places RETURNING id) SELECT * FROM gone",
        "SELECT id FROM flight_places FOR UPDATE",
        "SELECT id FROM flight_places FOR KEY SHARE",
        "SELECT 1; SELECT 2",
        "SELECT id INTO flight_copy FROM flight_places",
        "SET LOCAL statement_timeout = 5",
        "LOCK flight_places",
        "TRUNCATE flight_places",
        "SAVEPOINT here",
        "COPY flight_places TO STDOUT",
    ],
)
def test_a_lone_read_is_one_select_without_locks(statement: str) -> None:
    with database.lone_read() as connection, pytest.raises(GuardViolation, match="lone_read"):
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'insert into; update', updated_at FROM courses",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "(SELECT 1) UNION (SELECT 2)",
        "VALUES (1)",
        "SHOW timezone",
        "SELECT 1;",
    ],
)
def test_a_lone_read_reads(statement: str) -> None:
    with database.lone_read() as connection:
        connection.execute(text(statement))


def test_what_is_refused_is_no_error_of_the_database() -> None:
    before = counted("db_errors_total")
    with database.transaction() as connection, pytest.raises(GuardViolation):
        connection.execute(text("RESET ALL"))
    assert counted("db_errors_total") == before


def test_copy_is_looked_at_too() -> None:
    with database.transaction() as connection, pytest.raises(GuardViolation, match="nextval"):
        copying.copy_out(connection, "COPY (SELECT nextval('a')) TO STDOUT", bytearray().extend)


@pytest.mark.parametrize("option", [{"stream_results": True}, {"yield_per": 10}])
def test_a_server_side_cursor_is_refused(option: dict[str, object]) -> None:
    with pytest.raises(GuardViolation, match="named cursor"), database.transaction() as connection:
        connection.execution_options(**option).execute(text("SELECT 1"))


def test_a_loop_over_many_parameter_sets_is_refused() -> None:
    insert = text("INSERT INTO flight_places VALUES (:n, :n)")
    with database.transaction() as connection:
        connection.execute(insert, [{"n": n} for n in range(guard.MAX_PARAMETER_SETS)])
        with pytest.raises(GuardViolation, match="parameter sets"):
            connection.execute(insert, [{"n": n} for n in range(guard.MAX_PARAMETER_SETS + 1)])
        connection.rollback()


def test_sqlalchemys_isolation_level_is_refused_on_connection_and_engine() -> None:
    with database.init().connect() as connection:
        for level in ("SERIALIZABLE", "AUTOCOMMIT"):
            with pytest.raises(GuardViolation, match="isolation_level"):
                connection.execution_options(isolation_level=level)
    engine = create_engine(
        "postgresql+flight://", creator=database._connect, isolation_level="REPEATABLE READ"
    )
    with pytest.raises(GuardViolation, match="isolation_level"):
        engine.connect()
    engine.dispose()


def test_stock_pg8000_may_not_bind_outside_a_transaction() -> None:
    connection = pg8000.connect(**as_application(), **server_of("POOLER_URL"))
    try:
        guard.check(connection.cursor(), "SELECT %s + 1", (1,))
        connection.autocommit = True
        guard.check(connection.cursor(), "SELECT 1", ())
        with pytest.raises(GuardViolation, match="another client's statement"):
            guard.check(connection.cursor(), "SELECT %s + 1", (1,))
    finally:
        connection.close()


def test_in_production_the_guard_only_counts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STAGE", "prod")
    reset_settings()
    database.close()
    before = counted("guarded_statements_total")
    with database.transaction() as connection:
        for _ in range(3):
            connection.execute(text("SELECT '" + "x" * guard.MAX_STATEMENT_BYTES + "'"))
        connection.execute(text("SELECT 1"))
    with database.lone_read() as connection:
        connection.execute(text("SELECT 1 FROM flight_places FOR UPDATE"))
    assert counted("guarded_statements_total") == before + 4
    logged = [vars(r)["shape"] for r in caplog.records if r.message == "guarded_statement"]
    assert logged == ["SELECT ''", "SELECT ? FROM flight_places FOR UPDATE"]
    database.close()
    monkeypatch.undo()
    reset_settings()


def test_a_shape_has_neither_values_nor_comments() -> None:
    assert (
        guard.shape_of("SELECT 'secret', 42, x1 -- note\nFROM \"place\" WHERE a = $1 AND b = %s")
        == "SELECT '', ?, x1 FROM \"place\" WHERE a = $1 AND b = %s"
    )

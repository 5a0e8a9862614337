"""The ground that tests stand on: real Postgres through the real PgBouncer, and an AWS endpoint.

`make test` starts these on free ports and says where in the environment. Tests commit for real,
since lone reads, after-commit sends and row locks are what they are about; every table that a test
wrote is emptied afterwards.
"""

from __future__ import annotations

import importlib.util
import os
import pkgutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

import chalicelib
from chalicelib.announcements.tables import announcement_seals, delivery_events
from chalicelib.audit.tables import audit_events
from chalicelib.core import database
from chalicelib.core.metadata import metadata
from chalicelib.core.settings import reset_settings
from chalicelib.migrations.run import upgrade

for area in pkgutil.iter_modules(chalicelib.__path__, "chalicelib."):
    if importlib.util.find_spec(f"{area.name}.tables"):
        importlib.import_module(f"{area.name}.tables")

pooler = urlsplit(os.environ["POOLER_URL"])
os.environ.update(
    STAGE="test",
    DB_HOST=str(pooler.hostname),
    DB_PORT=str(pooler.port),
    DB_NAME=pooler.path.lstrip("/"),
    DB_USER=str(pooler.username),
    DB_PASSWORD=str(pooler.password),
    DB_MODE="pgbouncer",
    DB_SSLMODE="disable",
)
os.environ.setdefault("JWT_SECRET", "a key for tests that is long enough for HS256")
os.environ.setdefault("MAIL_FROM", "Rollcall <no-reply@rollcall.example>")
os.environ.setdefault("WEB_ORIGIN", "http://127.0.0.1:8000")
os.environ.setdefault("CORS_ORIGINS", "http://127.0.0.1:8000,https://school.example")

_ONLY_ADDED_TO = (announcement_seals, audit_events, delivery_events)
_EMPTY_TABLES = text("SELECT pg_temp.empty_tables()")


@pytest.fixture(scope="session")
def owner_engine() -> Iterator[Engine]:
    """Straight to Postgres as the owner, past the pooler: to look from outside and to clean up."""
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+pg8000://", 1)
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        upgrade(connection)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _owner_connection(owner_engine: Engine) -> Iterator[Connection]:
    with owner_engine.connect() as connection:
        connection.exec_driver_sql(_emptying())
        connection.commit()
        yield connection


def _emptying() -> str:
    """Return what makes a function that empties the tables that hold rows, in one round trip."""
    # The only way to empty what can only be added to, and only its owner's.
    ways = {table.name: "TRUNCATE" for table in _ONLY_ADDED_TO}
    for table in reversed(metadata.sorted_tables):
        ways.setdefault(table.name, "DELETE FROM")
    steps = (f"IF EXISTS (SELECT FROM {t}) THEN {way} {t}; END IF;" for t, way in ways.items())
    # Postgres keeps its plans of foreign keys: one made while a table was empty reads all of what
    # a later test left there, once for each row that goes.
    return (
        "CREATE FUNCTION pg_temp.empty_tables() RETURNS void LANGUAGE plpgsql"
        f" SET enable_seqscan = off AS $$ BEGIN {' '.join(steps)} END $$"
    )


@pytest.fixture
def owner(_owner_connection: Connection) -> Iterator[Connection]:
    """A connection of the owner, in autobegun transactions that the test commits itself."""
    yield _owner_connection
    _owner_connection.rollback()


@pytest.fixture
def clean_database(_owner_connection: Connection) -> Iterator[None]:
    """The application's engine through the pooler, on empty tables."""
    reset_settings()
    database.init()
    yield
    _owner_connection.rollback()
    _owner_connection.execute(_EMPTY_TABLES)
    _owner_connection.commit()

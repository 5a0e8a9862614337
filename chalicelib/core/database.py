"""The one engine of a process, and the only ways in: transaction(), lone_read() and
lone_write().

Whatever makes the database unreachable leaves here as a 503 (`PoolExhausted`, `DatabaseAway`);
errors of a statement itself stay SQLAlchemy's, to be told apart by `sqlstate` and `constraint_of`.
Nothing here knows a table. COPY is in copying.py.
"""

from __future__ import annotations

import logging
import os
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, TypeVar

import pg8000
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from chalicelib.core import guard, preconditions
from chalicelib.core.errors import DatabaseAway, PoolExhausted, RollcallError, Unavailable
from chalicelib.core.flight import FlightConnection
from chalicelib.core.preconditions import Precondition
from chalicelib.core.settings import Settings, get_settings

log = logging.getLogger(__name__)

T = TypeVar("T")

# A connection used this recently, on which nothing has arrived, is not asked whether it lives.
_TRUSTED_SECONDS = 5.0
_CONNECT_TIMEOUT_SECONDS = 5.0
_READ_ONLY = "25006"
_NO_SLOT = frozenset({"query_wait_timeout", "no more connections allowed (max_client_conn)"})


class Credentials(NamedTuple):
    """What a new connection signs in with."""

    user: str
    password: str


def _password_from_settings(settings: Settings) -> Credentials:
    return Credentials(settings.db_user, settings.require("db_password"))


_engine: Engine | None = None
_lock = threading.Lock()
_credentials: Callable[[Settings], Credentials] = _password_from_settings
_after_commit: dict[Connection, list[Callable[[], object]]] = {}


class FlightDialect(PGDialect_pg8000):
    """SQLAlchemy's pg8000 dialect, taking from the sign-in what it would ask in round trips.

    The four questions of a first connection are most of what the database adds to a cold start.
    """

    supports_statement_cache = True
    guards_statements = False

    # The guard stands here and not in an event, which would cost each request some 25 µs.
    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Send one statement, past the guard where it is on."""
        if self.guards_statements:
            guard.check(cursor, statement, parameters)
        if preconditions.is_due(cursor._c):
            statement, parameters = preconditions.ask_with(cursor._c, statement, parameters)
        super().do_execute(cursor, statement, parameters, context)

    def do_executemany(
        self, cursor: Any, statement: str, parameters: Any, context: Any = None
    ) -> None:
        """Send a statement for each parameter set, past the guard where it is on."""
        if self.guards_statements:
            guard.check(cursor, statement, parameters, executemany=True)
        super().do_executemany(cursor, statement, parameters, context)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        """Send one statement without parameters, past the guard where it is on."""
        if self.guards_statements:
            guard.check(cursor, statement, ())
        super().do_execute_no_params(cursor, statement, context)

    def _get_server_version_info(self, connection: Any) -> tuple[int, ...]:
        version = flight_of(connection).parameter_statuses["server_version"]
        return tuple(int(part) for part in re.findall(r"\d+", version)[:2])

    def _get_default_schema_name(self, _connection: Any) -> str:
        return "public"

    def _set_backslash_escapes(self, connection: Any) -> None:
        statuses = flight_of(connection).parameter_statuses
        self._backslash_escapes = statuses.get("standard_conforming_strings") == "off"

    def get_default_isolation_level(self, _dbapi_connection: Any) -> IsolationLevel:
        """Name Postgres's own default; nothing here changes it for a session."""
        return "READ COMMITTED"

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Serve pool_pre_ping."""
        return bool(dbapi_connection.answers(_TRUSTED_SECONDS))

    def is_disconnect(self, e: Exception, connection: Any, cursor: Any) -> bool:
        """Count a server that became a read-only replica as lost: the writer is elsewhere."""
        return super().is_disconnect(e, connection, cursor) or sqlstate(e) == _READ_ONLY

    def set_isolation_level(self, *_connection_and_level: Any) -> None:
        """Refuse: SQLAlchemy sets it by SET SESSION CHARACTERISTICS, for whoever is next too."""
        raise guard.GuardViolation(
            "isolation_level as an option of engine or connection leaks to the next client",
            "SET TRANSACTION, first in the transaction; for lone reads lone_read()",
        )


registry.register("postgresql.flight", __name__, FlightDialect.__name__)


def set_credentials_provider(provider: Callable[[Settings], Credentials]) -> None:
    """Ask `provider` at each new connection, for a secret that rotates or a token that expires."""
    global _credentials
    _credentials = provider


def init() -> Engine:
    """Return the engine of this process, made from the settings at the first call."""
    global _engine
    engine = _engine
    if engine is None:
        with _lock:
            engine = _engine = _engine or _create_engine(get_settings())
    return engine


def close() -> None:
    """Close every connection that is not in use, and forget the engine."""
    global _engine
    with _lock:
        engine, _engine = _engine, None
    if engine is not None:
        engine.dispose()


def reset() -> None:
    """Forget the engine without a word to the server: after a fork the sockets are the parent's,
    after a thaw they are nobody's.
    """
    global _engine, _lock
    _lock = threading.Lock()
    engine, _engine = _engine, None
    _after_commit.clear()
    preconditions.forget()
    if engine is not None:
        engine.dispose(close=False)


os.register_at_fork(after_in_child=reset)


@contextmanager
def transaction(precondition: Precondition | None = None) -> Iterator[Connection]:
    """Open a transaction, commit it at the end, then run what `after_commit` registered.

    BEGIN rides with the first statement, and so does a precondition; without either nothing is
    sent at all. An error that `keeps_work` is raised after the commit.

    Raises:
        PoolExhausted: no connection became free in DB_POOL_TIMEOUT_SECONDS.
        DatabaseAway: the database cannot be reached, or was lost on the way. When it was lost at
            the commit, nobody knows whether that took place.
        RollcallError: the precondition's own refusal.
    """
    callbacks: list[Callable[[], object]] = []
    kept: RollcallError | None = None
    with _errors_told(precondition), init().begin() as connection:
        _after_commit[connection] = callbacks
        try:
            with preconditions.asked(connection, flight_of(connection), precondition):
                yield connection
        except RollcallError as refusal:
            if not refusal.keeps_work:
                raise
            kept = refusal
        finally:
            _after_commit.pop(connection, None)
    for callback in callbacks:
        try:
            callback()
        except Exception:
            log.exception("after_commit_failed")
    if kept is not None:
        raise kept


def after_commit(connection: Connection, callback: Callable[[], object]) -> None:
    """Run `callback` once the transaction of `connection` is committed and the connection is free.

    An exception of the callback is logged and goes no further: the work is done, and what must
    not be lost is swept later.

    Raises:
        RuntimeError: `connection` is not the one of a `transaction()` under way.
    """
    callbacks = _after_commit.get(connection)
    if callbacks is None:
        raise RuntimeError("after_commit needs the connection of a transaction() under way")
    callbacks.append(callback)


@contextmanager
def lone_read(precondition: Precondition | None = None) -> Iterator[Connection]:
    """Open a connection on which each SELECT is a flight of its own, without BEGIN and COMMIT.

    For answers that need no two statements to agree with each other. A precondition becomes a
    condition of the first SELECT, and so is no query more.

    Raises:
        PoolExhausted, DatabaseAway, RollcallError: as `transaction`.
    """
    with _errors_told(precondition), init().connect() as connection:
        flight = flight_of(connection)
        # Not SQLAlchemy's isolation_level="AUTOCOMMIT": taking that back is a SET SESSION.
        flight.autocommit = True
        try:
            with preconditions.asked(connection, flight, precondition):
                yield connection
        finally:
            flight.autocommit = False


def lone_write(
    precondition: Precondition | None = None,
) -> AbstractContextManager[Connection]:
    """Open a connection on which one SELECT of a function that writes is a transaction by itself.

    What takes one statement needs no flight for COMMIT. Nothing can be sent after it: a message
    wants a `transaction()`.

    Raises:
        PoolExhausted, DatabaseAway, RollcallError: as `transaction`.
    """
    return lone_read(precondition)


def retry_idempotent(work: Callable[[Connection], T]) -> T:
    """Run `work` in a transaction, and once more when the connection was dead.

    Only for work that may be done twice: a connection lost at the commit may have committed.

    Raises:
        PoolExhausted, DatabaseAway: as `transaction`.
    """
    try:
        with transaction() as connection:
            return work(connection)
    except DatabaseAway:
        log.warning("retried_on_new_connection")
    with transaction() as connection:
        return work(connection)


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE that an error of a statement or a connection goes back to."""
    return _server_fields(error).get("C")


def constraint_of(error: BaseException) -> str | None:
    """Return the name of the constraint that a statement violated; not-null ones have none."""
    return _server_fields(error).get("n")


def _server_fields(error: BaseException | None) -> dict[str, str]:
    while error is not None:
        if error.args and isinstance(error.args[0], dict):
            return error.args[0]
        error = getattr(error, "orig", None) or error.__cause__
    return {}


def _create_engine(settings: Settings) -> Engine:
    engine = create_engine(
        "postgresql+flight://",
        creator=_connect,
        poolclass=QueuePool,
        pool_size=settings.db_pool_size,
        max_overflow=settings.db_max_overflow,
        pool_timeout=settings.db_pool_timeout_seconds,
        pool_recycle=settings.db_pool_recycle_seconds,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    if isinstance(engine.dialect, FlightDialect):
        engine.dialect.guards_statements = settings.guards_statements
    return engine


def _connect() -> FlightConnection:
    settings = get_settings()
    user, password = _credentials(settings)
    try:
        connection = FlightConnection(
            user,
            host=settings.db_host,
            port=settings.db_port,
            database=settings.db_name,
            password=password,
            ssl_context=ssl_context(settings.db_sslmode),
            timeout=_CONNECT_TIMEOUT_SECONDS,
        )
    except (pg8000.Error, OSError) as error:
        raise _outage(error) from error
    connection.slow_seconds = settings.slow_query_seconds
    connection.on_slow = _log_slow
    return connection


def ssl_context(sslmode: str) -> ssl.SSLContext | bool:
    if sslmode == "disable":
        return False
    context = ssl.create_default_context()
    if sslmode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _log_slow(statement: str, elapsed_seconds: float) -> None:
    shape = guard.shape_of(statement)[:1000]
    log.warning("slow_statement", extra={"shape": shape, "seconds": round(elapsed_seconds, 3)})


@contextmanager
def _errors_told(precondition: Precondition | None) -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        log.warning("pool_exhausted")
        raise PoolExhausted from error
    except SQLAlchemyError as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise _outage(error) from error
        if precondition is not None and sqlstate(error) == precondition.sqlstate:
            raise precondition.refusal from error
        raise


def _outage(error: BaseException) -> Unavailable:
    fields = _server_fields(error)
    log.warning("database_away", extra={"sqlstate": fields.get("C"), "cause": type(error).__name__})
    return PoolExhausted() if fields.get("M") in _NO_SLOT else DatabaseAway()


def flight_of(connection: Connection) -> FlightConnection:
    """Return the driver's connection that this one stands for."""
    flight = connection.connection.dbapi_connection
    if not isinstance(flight, FlightConnection):
        raise TypeError(f"not a connection of this engine: {type(flight).__name__}")
    return flight

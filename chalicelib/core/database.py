"""The one engine of a process, and the only ways in: transaction(), lone_read() and
lone_write().

Whatever makes the database unreachable leaves here as a 503 (`PoolExhausted`, `DatabaseAway`);
errors of a statement itself stay SQLAlchemy's, to be told apart by dialect.py.
Nothing here knows a table. COPY is in copying.py.
"""

from __future__ import annotations

import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chalicelib.core import guard, pool_figures, preconditions, troubles
from chalicelib.core.dialect import FlightDialect, flight_of, sqlstate
from chalicelib.core.errors import DatabaseAway, PoolExhausted, RollcallError
from chalicelib.core.flight import FlightConnection
from chalicelib.core.pool_figures import PoolUse, PoolWatch, WatchedPool
from chalicelib.core.preconditions import Precondition
from chalicelib.core.settings import Settings, get_settings

log = logging.getLogger(__name__)

T = TypeVar("T")

_CONNECT_TIMEOUT_SECONDS = 4.0
# What is left of DB_POOL_TIMEOUT_SECONDS is for the answer that says so.
_HURRY = 0.9


class Credentials(NamedTuple):
    """What a new connection signs in with."""

    user: str
    password: str


def _password_from_settings(settings: Settings) -> Credentials:
    return Credentials(settings.db_user, settings.require("db_password"))


_engine: Engine | None = None
_watch: PoolWatch | None = None
_lock = threading.Lock()
_credentials: Callable[[Settings], Credentials] = _password_from_settings
_after_commit: dict[Connection, list[Callable[[], object]]] = {}


def set_credentials_provider(provider: Callable[[Settings], Credentials]) -> None:
    """Ask `provider` at each new connection, for a secret that rotates or a token that expires."""
    global _credentials
    _credentials = provider


def init() -> Engine:
    """Return the engine of this process, made from the settings at the first call."""
    global _engine, _watch
    engine = _engine
    if engine is None:
        with _lock:
            if _engine is None:
                _engine, _watch = _create_engine(get_settings())
            engine = _engine
    return engine


def pool_use() -> PoolUse:
    """Return how the pool of this process is used at this moment."""
    init()
    watch = _watch
    return (watch or PoolWatch.of(get_settings())).use()


def close() -> None:
    """Close every connection, one that is in use when it comes back, and forget the engine."""
    global _engine, _watch
    with _lock:
        engine, _engine = _engine, None
        watch, _watch = _watch, None
    if watch is not None:
        watch.end()
    if engine is not None:
        engine.dispose()


def reset() -> None:
    """Forget the engine without a word to the server: after a fork the sockets are the parent's,
    after a thaw they are nobody's.
    """
    global _engine, _watch, _lock
    _lock = threading.Lock()
    engine, _engine = _engine, None
    watch, _watch = _watch, None
    _after_commit.clear()
    preconditions.forget()
    if watch is not None:
        watch.abandon()
    if engine is not None:
        engine.dispose(close=False)


os.register_at_fork(after_in_child=reset)


@contextmanager
def transaction(
    precondition: Precondition | None = None, *, hurried: bool = False
) -> Iterator[Connection]:
    """Open a transaction, commit it at the end, then run what `after_commit` registered.

    BEGIN rides with the first statement, and so does a precondition; without either nothing is
    sent at all. An error that `keeps_work` is raised after the commit.

    A pooler takes a client's statement and lets it wait for a server, for seconds of its own. Where
    somebody waits for the answer, `hurried` gives up on a first statement that nobody has begun to
    answer DB_POOL_TIMEOUT_SECONDS after the transaction was asked for; it is as if never sent.

    Raises:
        PoolExhausted: no connection became free in DB_POOL_TIMEOUT_SECONDS.
        DatabaseAway: the database cannot be reached, or was lost on the way. When it was lost at
            the commit, nobody knows whether that took place.
        RollcallError: the precondition's own refusal.
    """
    callbacks: list[Callable[[], object]] = []
    kept: RollcallError | None = None
    answer_by = _answer_by(hurried)
    with _errors_told(precondition), init().begin() as connection:
        _after_commit[connection] = callbacks
        flight = flight_of(connection)
        flight.answer_by = answer_by
        try:
            with preconditions.asked(connection, flight, precondition):
                yield connection
        except RollcallError as refusal:
            if not refusal.keeps_work:
                raise
            kept = refusal
        finally:
            _after_commit.pop(connection, None)
            flight.answer_by = None
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
def lone_read(
    precondition: Precondition | None = None, *, hurried: bool = False
) -> Iterator[Connection]:
    """Open a connection on which each SELECT is a flight of its own, without BEGIN and COMMIT.

    For answers that need no two statements to agree with each other. A precondition becomes a
    condition of the first SELECT, and so is no query more. `hurried` as in `transaction`.

    Raises:
        PoolExhausted, DatabaseAway, RollcallError: as `transaction`.
    """
    answer_by = _answer_by(hurried)
    with _errors_told(precondition), init().connect() as connection:
        flight = flight_of(connection)
        flight.answer_by = answer_by
        # Not SQLAlchemy's isolation_level="AUTOCOMMIT": taking that back is a SET SESSION.
        flight.autocommit = True
        try:
            with preconditions.asked(connection, flight, precondition):
                yield connection
        finally:
            flight.autocommit = False
            flight.answer_by = None


def lone_write(
    precondition: Precondition | None = None, *, hurried: bool = False
) -> AbstractContextManager[Connection]:
    """Open a connection on which one SELECT of a function that writes is a transaction by itself.

    What takes one statement needs no flight for COMMIT. Nothing can be sent after it: a message
    wants a `transaction()`. Given up when `hurried`, it may have been done all the same.

    Raises:
        PoolExhausted, DatabaseAway, RollcallError: as `transaction`.
    """
    return lone_read(precondition, hurried=hurried)


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


def _answer_by(hurried: bool) -> float | None:
    return time.monotonic() + get_settings().db_pool_timeout_seconds * _HURRY if hurried else None


def _create_engine(settings: Settings) -> tuple[Engine, PoolWatch]:
    engine = create_engine(
        "postgresql+flight://",
        creator=_connect,
        poolclass=WatchedPool,
        pool_size=settings.db_pool_size,
        max_overflow=settings.db_max_overflow,
        pool_timeout=settings.db_pool_timeout_seconds * _HURRY,
        pool_recycle=settings.db_pool_recycle_seconds,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    if isinstance(engine.dialect, FlightDialect):
        engine.dialect.judge = guard.check if settings.guards_statements else guard.note
    event.listen(engine, "handle_error", troubles.count_statements_error)
    watch = PoolWatch.of(settings)
    watch.attach(engine.pool)
    troubles.show()
    return engine, watch


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
    except troubles.DATABASES_OWN as error:
        troubles.count_error(error)
        raise troubles.outage(error) from error
    connection.slow_seconds = settings.slow_query_seconds
    connection.on_slow = troubles.tell_slow
    return connection


def ssl_context(sslmode: str) -> ssl.SSLContext | bool:
    if sslmode == "disable":
        return False
    context = ssl.create_default_context()
    if sslmode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def _errors_told(precondition: Precondition | None) -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        pool_figures.count_timeout()
        log.warning("pool_exhausted", extra={"cause": "process"})
        raise PoolExhausted from error
    except SQLAlchemyError as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise troubles.outage(error) from error
        if precondition is not None and sqlstate(error) == precondition.sqlstate:
            raise precondition.refusal from error
        raise

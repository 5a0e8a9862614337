"""What is told of statements and connections that go wrong: slow ones, errors by class, outages."""

from __future__ import annotations

import logging
import sys
from types import FrameType

import pg8000
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DBAPIError

from chalicelib.core import figures, guard, pool_figures
from chalicelib.core.dialect import server_fields, sqlstate
from chalicelib.core.errors import DatabaseAway, PoolExhausted, Unavailable
from chalicelib.core.flight import NoAnswer

log = logging.getLogger(__name__)

# What the driver raises; whatever else comes by never saw the database.
DATABASES_OWN = (pg8000.Error, OSError)

_SLOW = figures.Counter("slow_queries_total", "Statements of SLOW_QUERY_SECONDS or more.")
_ERRORS = figures.Counter(
    "db_errors_total",
    "Errors of statements and connections by the class of their SQLSTATE.",
    ("sqlstate_class",),
    dimensions=("sqlstate_class",),
)
# What the driver says without one: nothing came back.
_NO_CONNECTION = "08"
# Where a statement passes through on its way; who sent it stands above them.
_BELOW = ("chalicelib.core.", "sqlalchemy.", "pg8000.", "contextlib")
_NO_SLOT = frozenset({"query_wait_timeout", "no more connections allowed (max_client_conn)"})


def show() -> None:
    """Have the figures there, at nought, before anything goes wrong."""
    _SLOW.show()


def count_error(error: BaseException) -> None:
    """Count an error of the driver by the class of its SQLSTATE."""
    _ERRORS.add(((sqlstate(error) or _NO_CONNECTION)[:2],))


def count_statements_error(context: ExceptionContext) -> None:
    """Count an error as SQLAlchemy's event `handle_error` tells of it."""
    # What the guard refuses comes by here too; the database never saw it.
    if isinstance(context.original_exception, DATABASES_OWN):
        count_error(context.original_exception)


def outage(error: BaseException) -> Unavailable:
    """Return what a caller is told of a connection that was not to be had, or was lost.

    Whether the pooler had no server for a request or the answer is late for another reason cannot
    be told from silence; both are a connection that did not become free in time.
    """
    fields = server_fields(error)
    is_silence = isinstance(error, DBAPIError) and isinstance(error.orig, NoAnswer)
    if is_silence or fields.get("M") in _NO_SLOT:
        pool_figures.count_timeout()
        log.warning("pool_exhausted", extra={"cause": fields.get("M", "silence")})
        return PoolExhausted()
    log.warning("database_away", extra={"sqlstate": fields.get("C"), "cause": type(error).__name__})
    return DatabaseAway()


def tell_slow(statement: str, elapsed_seconds: float) -> None:
    """Count and log a slow statement: its shape without values, and who sent it."""
    _SLOW.add()
    about = {
        "shape": guard.shape_of(statement)[:1000],
        "seconds": round(elapsed_seconds, 3),
        "caller": _caller(),
    }
    log.warning("slow_statement", extra=about)


def _caller() -> str:
    """Return the function outside of core/ and the driver whose statement is being sent."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(_BELOW):
            return f"{module}.{frame.f_code.co_name}"
        frame = frame.f_back
    return ""

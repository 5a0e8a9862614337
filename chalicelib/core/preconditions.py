"""What has to hold before anything is done on a connection, asked without a round trip of its own.

A lone SELECT gets it as one condition more, and so stays one query; in front of any other statement
it travels in the same flight, and where it fails, the server skips what is behind it. Nothing here
knows what the condition is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from chalicelib.core import guard
from chalicelib.core.errors import RollcallError
from chalicelib.core.flight import FlightConnection


class Precondition(NamedTuple):
    """A condition with a %s for each of `values`: true, or it raises an error of `sqlstate`, which
    leaves `transaction()` and `lone_read()` as `refusal`.
    """

    condition: str
    values: tuple[int, ...]
    sqlstate: str
    refusal: type[RollcallError]


_NOTHING = text("SELECT")

# Of connections in use: what their first statement has still to ask.
_due: dict[FlightConnection, Precondition] = {}


@contextmanager
def asked(
    connection: Connection, flight: FlightConnection, precondition: Precondition | None
) -> Iterator[None]:
    """Have a precondition asked: by the first statement, or before an end without any."""
    if precondition is None:
        yield
        return
    _due[flight] = precondition
    try:
        try:
            yield
        except RollcallError:
            # What was refused without a look at the database is not for those whom it keeps out.
            _ask_now(connection, flight)
            raise
        _ask_now(connection, flight)
    finally:
        _due.pop(flight, None)


def is_due(flight: FlightConnection) -> bool:
    """Tell whether the next statement has to ask."""
    return flight in _due


def ask_with(flight: FlightConnection, statement: str, parameters: Any) -> tuple[str, Any]:
    """Return the statement, with its parameters, that asks what is due and does its own work."""
    precondition = _due.pop(flight)
    if guard.only_reads(statement):
        whole = _under(statement, precondition.condition)
        return whole, (*parameters, *precondition.values)
    numbers = (f"${number}" for number in range(1, len(precondition.values) + 1))
    condition = precondition.condition.replace("%s", "{}").format(*numbers)
    flight.send_ahead(f"SELECT WHERE NOT {condition}", precondition.values)
    return statement, parameters


def forget() -> None:
    """Forget all: the connections are gone."""
    _due.clear()


def _ask_now(connection: Connection, flight: FlightConnection) -> None:
    if flight in _due:
        connection.execute(_NOTHING)


@lru_cache(maxsize=1024)
def _under(statement: str, condition: str) -> str:
    """Return a SELECT that looks at nothing where the condition fails: one without columns is
    worked out once, before the first row.
    """
    return f"SELECT * FROM (\n{statement}\n) asked WHERE {condition}"  # noqa: S608

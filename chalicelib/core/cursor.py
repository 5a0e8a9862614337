"""The cursor of flight.py: each of its statements is one flight, after BEGIN where one is due."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pg8000.core import Context
from pg8000.dbapi import convert_paramstyle
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.legacy import Cursor, IntegrityError, ProgrammingError

from chalicelib.core.wire import numbered

if TYPE_CHECKING:
    from chalicelib.core.flight import FlightConnection


def _is_several(statement: str) -> bool:
    return ";" in statement.rstrip("; \n\t\r")


def as_stock_raises(error: DatabaseError) -> DatabaseError | InterfaceError:
    """Return what stock pg8000 raises for an error of the server."""
    fields = error.args[0]
    if not isinstance(fields, dict):
        return ProgrammingError(fields)
    if fields["C"] == "28000":
        return InterfaceError(fields)
    if fields["C"] == "23505":
        return IntegrityError(fields)
    return ProgrammingError(fields)


class FlightCursor(Cursor):
    """A cursor whose every statement is one round trip."""

    _c: FlightConnection | None

    def execute(
        self, operation: str, args: Sequence[Any] | dict[str, Any] = (), stream: Any = None
    ) -> FlightCursor:
        """Run one statement, after BEGIN in the same flight where a transaction is due.

        A statement without arguments is a simple Query, as in stock pg8000, and may hold several.
        A COPY takes its stream here or from `FlightConnection.copy_stream`.
        """
        connection = self._c
        if connection is None:
            raise InterfaceError("Cursor closed")
        if stream is None and connection.copy_stream is not None:
            stream, connection.copy_stream = connection.copy_stream, None
        started = time.perf_counter()
        try:
            self._context = self._run(connection, operation, args, stream)
        except DatabaseError as error:
            raise as_stock_raises(error) from error
        finally:
            elapsed_seconds = time.perf_counter() - started
            if elapsed_seconds >= connection.slow_seconds:
                connection.on_slow(operation, elapsed_seconds)
        self._row_iter = iter(self._context.rows or ())
        self._input_oids = ()
        self.input_types: list[Any] = []
        return self

    def _run(
        self,
        connection: FlightConnection,
        operation: str,
        args: Sequence[Any] | dict[str, Any],
        stream: Any,
    ) -> Context:
        begin = not connection.autocommit and not connection._in_transaction
        if stream is not None:
            if connection.autocommit and not connection._in_transaction:
                raise InterfaceError("COPY needs a transaction: its path has a Sync in the middle")
            if begin or connection.ahead:
                connection.execute_unnamed("SELECT", begin=begin)
            statement, values = convert_paramstyle(self.paramstyle, operation, args)
            return connection.execute_unnamed(statement, values, self._input_oids, stream)
        if connection.ahead and not args and _is_several(operation):
            # Query messages know no binds, and so nothing that goes ahead.
            connection.execute_unnamed("SELECT", begin=begin)
            begin = False
        if args:
            if self.paramstyle in ("format", "qmark", "numeric"):
                statement, values = numbered(self.paramstyle, operation), args
            else:
                statement, values = convert_paramstyle(self.paramstyle, operation, args)
            return connection.execute_unnamed(statement, values, self._input_oids, begin=begin)
        if begin or connection.ahead:
            if not _is_several(operation):
                return connection.execute_unnamed(operation, begin=begin)
            connection.execute_simple("begin transaction")
        return connection.execute_simple(operation)

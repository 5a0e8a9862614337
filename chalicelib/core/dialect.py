"""How SQLAlchemy speaks to the driver, and what the driver's errors and connections say.

One engine uses it: that of database.py.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000
from sqlalchemy.engine.interfaces import IsolationLevel

from chalicelib.core import guard, preconditions
from chalicelib.core.flight import FlightConnection

# A connection used this recently, on which nothing has arrived, is not asked whether it lives.
_TRUSTED_SECONDS = 5.0
# One that lay longer is replaced: AWS's networks forget a silent connection after 350 seconds.
_FORGOTTEN_SECONDS = 300.0
_READ_ONLY = "25006"


class FlightDialect(PGDialect_pg8000):
    """SQLAlchemy's pg8000 dialect, taking from the sign-in what it would ask in round trips.

    The four questions of a first connection are most of what the database adds to a cold start.
    """

    supports_statement_cache = True
    judge = staticmethod(guard.note)

    # The guard stands here and not in an event, which would cost each request some 25 µs.
    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Send one statement, past the guard."""
        self.judge(cursor, statement, parameters)
        if preconditions.is_due(cursor._c):
            statement, parameters = preconditions.ask_with(cursor._c, statement, parameters)
        super().do_execute(cursor, statement, parameters, context)

    def do_executemany(
        self, cursor: Any, statement: str, parameters: Any, context: Any = None
    ) -> None:
        """Send a statement for each parameter set, past the guard."""
        self.judge(cursor, statement, parameters, executemany=True)
        super().do_executemany(cursor, statement, parameters, context)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        """Send one statement without parameters, past the guard."""
        self.judge(cursor, statement, ())
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
        return bool(dbapi_connection.answers(_TRUSTED_SECONDS, _FORGOTTEN_SECONDS))

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


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE that an error of a statement or a connection goes back to."""
    return server_fields(error).get("C")


def constraint_of(error: BaseException) -> str | None:
    """Return the name of the constraint that a statement violated; not-null ones have none."""
    return server_fields(error).get("n")


def server_fields(error: BaseException | None) -> dict[str, str]:
    """Return what the server said with an error, by the letters of its protocol."""
    while error is not None:
        if error.args and isinstance(error.args[0], dict):
            return error.args[0]
        error = getattr(error, "orig", None) or error.__cause__
    return {}


def flight_of(connection: Connection) -> FlightConnection:
    """Return the driver's connection that this one stands for."""
    flight = connection.connection.dbapi_connection
    if not isinstance(flight, FlightConnection):
        raise TypeError(f"not a connection of this engine: {type(flight).__name__}")
    return flight

"""What Postgres tells of itself."""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.operations.budget_schemas import ConnectionsNow

# Not pg_stat_activity: it hides the other users' rows from the application's.
_CONNECTIONS = text(
    "SELECT CAST(current_setting('max_connections') AS integer) AS max_connections,"
    " CAST(sum(numbackends) AS integer) AS connections FROM pg_stat_database"
)


def count_connections(connection: Connection) -> ConnectionsNow:
    """Return how many connections the server has, and how many it may have."""
    return ConnectionsNow(**connection.execute(_CONNECTIONS).mappings().one())

"""What Postgres tells of itself, and what functions left in it of their runs."""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.operations.budget_schemas import ServerFigures
from chalicelib.operations.queue_schemas import RunOut

# Not pg_stat_activity: it hides the other users' rows from the application's.
_CONNECTIONS = text(
    "SELECT CAST(current_setting('max_connections') AS integer) AS max_connections,"
    " CAST(sum(numbackends) AS integer) AS connections FROM pg_stat_database"
)
_RUNS = text(
    """
    SELECT function,
           json_agg(json_build_object('state', state, 'started_at', started_at, 'ms', ms,
                                      'cause', cause, 'message_id', message_id, 'times', times)
                    ORDER BY id DESC) AS runs
      FROM job_runs GROUP BY function
    """
)


def count_connections(connection: Connection) -> ServerFigures:
    """Return how many connections the server has, and how many it may have."""
    return ServerFigures(**connection.execute(_CONNECTIONS).mappings().one())


def list_runs(connection: Connection) -> dict[str, list[RunOut]]:
    """Return the last runs of each function, newest first."""
    rows = connection.execute(_RUNS).all()
    return {row.function: [RunOut.model_validate(run) for run in row.runs] for row in rows}

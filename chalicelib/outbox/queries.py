"""Every SELECT over the outbox; nothing here writes."""

from __future__ import annotations

from sqlalchemy import Connection, text

_OLDEST = text(
    "SELECT CAST(coalesce(extract(epoch FROM now() - min(created_at)), 0) AS double precision)"
    " FROM outbox"
)


def oldest_age_seconds(connection: Connection) -> float:
    """Return how long the oldest message waits to be sent, 0 where none does."""
    return float(connection.execute(_OLDEST).scalar_one())

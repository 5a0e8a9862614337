"""Every SELECT over the outbox; nothing here writes."""

from __future__ import annotations

from sqlalchemy import Connection, text

# A mail that nobody has tried to hand on yet waits for its pace, and for nothing else.
_OLDEST = text(
    "SELECT CAST(coalesce(extract(epoch FROM now() - min(created_at)), 0) AS double precision)"
    " FROM outbox WHERE queue <> 'mail' OR attempts > 0"
)


def oldest_age_seconds(connection: Connection) -> float:
    """Return how long the oldest message waits to be sent, 0 where none does; mails count once it
    was tried.
    """
    return float(connection.execute(_OLDEST).scalar_one())

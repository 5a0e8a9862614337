"""The time, read once at the edge and passed in.

What several processes have to agree on (leases, expiry, whether something is due) goes by the
database's clock: it is one, and theirs may be wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, text

_NOW = text("SELECT now()")


def utc_now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)


def read_clock(connection: Connection) -> datetime:
    """Return the time by the database's clock, aware; in a transaction that is its beginning."""
    now: datetime = connection.execute(_NOW).scalar_one()
    return now

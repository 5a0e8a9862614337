"""Apply the migrations, under a lock so that two deploys at once apply each of them once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from chalicelib.core.metadata import metadata

_LOCK = 4_701_001


def upgrade(connection: Connection, revision: str = "head") -> str:
    """Bring the schema to `revision` and return the revision that it has then.

    `connection` goes straight to Postgres as the owner of the database: migrations hold a session
    lock, which a transaction pooler cannot keep.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    config.attributes["target_metadata"] = metadata
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
    connection.commit()
    try:
        command.upgrade(config, revision)
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
        connection.commit()
    return MigrationContext.configure(connection).get_current_revision() or "none"

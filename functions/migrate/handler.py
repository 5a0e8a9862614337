"""Bring the schema up to date, by hand or on deploy, past the pooler and as the owner.

Its environment names Postgres itself (DB_MODE=direct) and the owner's login.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import NullPool

from chalicelib.core import logs
from chalicelib.core.database import ssl_context
from chalicelib.core.jobs import scheduled
from chalicelib.core.settings import Settings, get_settings
from chalicelib.integrations.database_login import database_login
from chalicelib.migrations.run import upgrade

log = logging.getLogger(__name__)


class NotDirect(Exception):
    """Migrations hold a session's lock, which a pooler cannot keep: DB_MODE must be direct."""


def _owner_engine(settings: Settings) -> Engine:
    if settings.db_mode != "direct":
        raise NotDirect
    login = database_login(settings)
    url = URL.create(
        "postgresql+pg8000",
        username=login.user,
        password=login.password,
        host=settings.db_host,
        port=settings.db_port,
        database=settings.db_name,
    )
    return create_engine(
        url,
        connect_args={"ssl_context": ssl_context(settings.db_sslmode)},
        poolclass=NullPool,
        hide_parameters=True,
    )


@scheduled
def handler(_event: dict[str, Any], context: Any) -> dict[str, str]:
    """Apply what is missing and answer with the revision that the schema has then."""
    settings = get_settings()
    logs.configure(settings.log_level)
    with (
        logs.correlated(context.aws_request_id),
        _owner_engine(settings).connect() as connection,
    ):
        revision = upgrade(connection)
        log.info("migrated", extra={"revision": revision})
    return {"revision": revision}

"""Once a week: to each registrar and manager a report by mail, and an export of the courses."""

from __future__ import annotations

import logging
from typing import Any

from chalicelib.bulk import service as bulk
from chalicelib.core import database, logs
from chalicelib.core.clock import read_clock
from chalicelib.core.jobs import scheduled
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login
from chalicelib.statistics.reports import list_readers, queue_report

log = logging.getLogger(__name__)


@scheduled
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Queue the reports of this week that are not queued yet; answer with how many.

    Each with its export in a transaction of its own: a call that breaks off is repeated, and goes
    on with those who are left.
    """
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)
    with logs.correlated(context.aws_request_id):
        with database.lone_read() as connection:
            today = read_clock(connection).date()
            readers = list_readers(connection)
        reports = 0
        for reader in readers:
            with database.transaction() as connection:
                if queue_report(connection, reader, today):
                    bulk.start_export(connection, reader, "courses", {})
                    reports += 1
        log.info("reports_queued", extra={"reports": reports})
    return {"reports": reports}

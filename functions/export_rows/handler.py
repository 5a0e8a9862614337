"""From the queue exports: the rows of a task go into a file in the bucket."""

from __future__ import annotations

import uuid
from typing import Any

from chalicelib.bulk.exporting import export_rows
from chalicelib.core import database, logs
from chalicelib.core.batches import Delivery, MalformedMessage, work_through
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Export what the messages name; answer with those that failed."""
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)
    return work_through(event, _work)


def _work(body: dict[str, Any], _delivery: Delivery) -> None:
    try:
        task_id = uuid.UUID(body["task_id"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedMessage from error
    export_rows(task_id)

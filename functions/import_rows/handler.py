"""From the queue imports: a file that was uploaded, or a task to work on, is imported."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import unquote_plus

from chalicelib.bulk.importing import import_rows
from chalicelib.core import database, logs
from chalicelib.core.batches import Delivery, MalformedMessage, work_through
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login

_KEY = re.compile(r"imports/([0-9a-f-]{36})/source\.csv")


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Import what the messages name; answer with those that failed."""
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)
    return work_through(event, _work)


def _work(body: dict[str, Any], _delivery: Delivery) -> None:
    if body.get("Event") == "s3:TestEvent":
        return
    for task_id in _tasks_of(body):
        import_rows(task_id)


def _tasks_of(body: dict[str, Any]) -> list[uuid.UUID]:
    """Return the tasks that a command or a notification of S3 names.

    Raises:
        MalformedMessage: it is neither.
    """
    try:
        if "Records" not in body:
            return [uuid.UUID(body["task_id"])]
        keys = [unquote_plus(record["s3"]["object"]["key"]) for record in body["Records"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedMessage from error
    matches = [_KEY.fullmatch(key) for key in keys]
    if not all(matches):
        raise MalformedMessage
    return [uuid.UUID(match[1]) for match in matches if match]

"""From the queue mail_events: what SES tells of mails that arrived, bounced or annoyed."""

from __future__ import annotations

from typing import Any

from chalicelib.core import database, logs
from chalicelib.core.batches import Delivery, work_through
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login
from chalicelib.mail.events import parse_event, record_event


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Record what the messages tell; answer with those that failed."""
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)
    return work_through(event, _work)


def _work(body: dict[str, Any], _delivery: Delivery) -> None:
    event = parse_event(body)
    if event is None:
        return
    with database.transaction() as connection:
        record_event(connection, event)

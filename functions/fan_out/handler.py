"""From the queue fanout: an announcement goes to those who wait for it."""

from __future__ import annotations

from typing import Any

from chalicelib.announcements.fanout import fan_out
from chalicelib.core import database, logs
from chalicelib.core.batches import Delivery, MalformedMessage, work_through
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login

_LARGEST_ID = 2**63 - 1
# A chunk takes less; what is left over is another message's.
_RESERVE_MILLISECONDS = 30_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fan out what the messages name; answer with those that failed."""
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)

    def has_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS)

    def work(body: dict[str, Any], _delivery: Delivery) -> None:
        announcement_id = body.get("announcement_id")
        if type(announcement_id) is not int or not 0 < announcement_id <= _LARGEST_ID:
            raise MalformedMessage
        fan_out(announcement_id, has_time)

    return work_through(event, work)

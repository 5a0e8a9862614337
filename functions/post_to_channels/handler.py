"""From the queue channels: one post to one channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.announcements import notices as announcements
from chalicelib.channels import posting
from chalicelib.channels.posting import Composer, send_post
from chalicelib.core import database, logs
from chalicelib.core.batches import Delivery, MalformedMessage, work_through
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login

COMPOSERS: Mapping[str, Composer] = {**posting.COMPOSERS, **announcements.COMPOSERS}
_LARGEST_ID = 2**63 - 1


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Send what the messages name; answer with those that failed."""
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)
    return work_through(event, _work)


def _work(body: dict[str, Any], _delivery: Delivery) -> None:
    post_id = body.get("post_id")
    if type(post_id) is not int or not 0 < post_id <= _LARGEST_ID:
        raise MalformedMessage
    send_post(post_id, COMPOSERS)

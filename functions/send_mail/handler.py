"""From the queue mail: one mail to one recipient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.accounts import letters as accounts
from chalicelib.core import database, logs
from chalicelib.core.batches import Delivery, MalformedMessage, work_through
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login
from chalicelib.mail.sending import Composer, send_mail
from chalicelib.scheduling import letters as scheduling

COMPOSERS: Mapping[str, Composer] = {**accounts.COMPOSERS, **scheduling.COMPOSERS}
_LARGEST_ID = 2**63 - 1


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Send what the messages name; answer with those that failed."""
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)
    return work_through(event, _work)


def _work(body: dict[str, Any], _delivery: Delivery) -> None:
    mail_id = body.get("mail_id")
    if type(mail_id) is not int or not 0 < mail_id <= _LARGEST_ID:
        raise MalformedMessage
    send_mail(mail_id, COMPOSERS)

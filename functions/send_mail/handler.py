"""From the queue mail: one mail to one recipient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.accounts import letters as accounts
from chalicelib.announcements import letters as announcements
from chalicelib.core import database, logs
from chalicelib.core.batches import Delivery, MalformedMessage, work_through
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login
from chalicelib.mail.errors import MailWaits
from chalicelib.mail.sending import Composer, send_mail
from chalicelib.scheduling import letters as scheduling
from chalicelib.statistics import letters as statistics

COMPOSERS: Mapping[str, Composer] = {
    **accounts.COMPOSERS,
    **scheduling.COMPOSERS,
    **announcements.COMPOSERS,
    **statistics.COMPOSERS,
}
_LARGEST_ID = 2**63 - 1
# What one try may take: the longest wait for its turn, a SES that does not answer, and a database
# that comes back just in time for the note. Cut off in between, a mail could go out twice.
RESERVE_MILLISECONDS = 50_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send what the messages name; answer with those that failed."""
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)

    def work(body: dict[str, Any], _delivery: Delivery) -> None:
        mail_id = body.get("mail_id")
        if type(mail_id) is not int or not 0 < mail_id <= _LARGEST_ID:
            raise MalformedMessage
        if context.get_remaining_time_in_millis() < RESERVE_MILLISECONDS:
            raise MailWaits
        send_mail(mail_id, COMPOSERS)

    return work_through(event, work)

"""Once a minute: send what writers left in the outbox, and wake tasks, mails, fan-outs and posts to
channels that were left alone.
"""

from __future__ import annotations

import logging
from typing import Any

from chalicelib.announcements import fanout
from chalicelib.bulk import service as bulk
from chalicelib.channels import service as channels
from chalicelib.core import database, logs
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login
from chalicelib.mail import service as mail
from chalicelib.outbox import service as outbox

log = logging.getLogger(__name__)

# A pass whose queues do not answer takes this long at most.
_RESERVE_MILLISECONDS = 20_000


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Relay until nothing is due or the time is nearly over; answer with what was done."""
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)
    with logs.correlated(context.aws_request_id):
        done = {"sent": 0, "failed": 0, "revived": 0}
        # No more mails than leave until the next minute: one that somebody waits for is sent by its
        # writer, and must not stand behind those of a whole school.
        mails_left = get_settings().mail_rate_per_second * 60
        while context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS:
            relayed = outbox.relay(without=() if mails_left > 0 else ("mail",))
            mails_left -= relayed.of_queue["mail"]
            done["sent"] += relayed.sent
            done["failed"] += relayed.failed
            if relayed.sent + relayed.failed < outbox.RELAY_LIMIT:
                break
        with database.transaction() as connection:
            done["revived"] = (
                bulk.revive_stale(connection)
                + mail.revive_lost(connection)
                + fanout.revive_stale(connection)
                + channels.call_again(connection)
            )
        if any(done.values()):
            log.info("outbox_relayed", extra=done)
    return done

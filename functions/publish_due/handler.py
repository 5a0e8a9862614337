"""Once a minute: publish what is scheduled, tell those who joined a section, and keep the ledger of
deliveries up to date.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from chalicelib.announcements import ledger
from chalicelib.announcements.joining import address_joined
from chalicelib.announcements.publishing import publish_due
from chalicelib.core import database, logs
from chalicelib.core.batches import in_turns
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login

log = logging.getLogger(__name__)

BATCH = 1000
_RESERVE_MILLISECONDS = 15_000


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Work until nothing is due or the time is nearly over; answer with what was done."""
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)
    with logs.correlated(context.aws_request_id):
        done = {
            "published": in_turns(context, _RESERVE_MILLISECONDS, _publish),
            "addressed": in_turns(context, _RESERVE_MILLISECONDS, _address),
            "mails_told": in_turns(context, _RESERVE_MILLISECONDS, _tell),
            "seals": _sealed(context),
        }
        if any(done.values()):
            log.info("announcements_kept", extra=done)
    return done


def _publish() -> int:
    with database.transaction() as connection:
        return 0 if publish_due(connection) is None else 1


def _address() -> int:
    with database.transaction() as connection:
        return 0 if address_joined(connection) is None else 1


def _tell() -> int:
    with database.transaction() as connection:
        return ledger.take_over_mails(connection, BATCH)


def _sealed(context: Any) -> int:
    with database.lone_read() as connection:
        waiting = ledger.list_unsealed(connection)
    return sum(
        in_turns(context, _RESERVE_MILLISECONDS, partial(_seal, announcement_id))
        for announcement_id in waiting
    )


def _seal(announcement_id: int) -> int:
    with database.transaction() as connection:
        return ledger.seal_events(connection, announcement_id)

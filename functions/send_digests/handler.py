"""Once an hour: a digest to each reader whose hour it is, and the reminders that are due by
themselves.
"""

from __future__ import annotations

import logging
from typing import Any

from chalicelib.announcements import digests
from chalicelib.core import database, logs
from chalicelib.core.batches import in_turns
from chalicelib.core.clock import read_clock
from chalicelib.core.jobs import scheduled
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login

log = logging.getLogger(__name__)

_RESERVE_MILLISECONDS = 30_000


class Unfinished(Exception):
    """There was no time for some readers; the call that Lambda repeats goes on with them."""


@scheduled
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Queue what is due; answer with how many digests and rounds of reminders that is.

    Raises:
        Unfinished: some of it is left.
    """
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)
    with logs.correlated(context.aws_request_id):
        done = {
            "digests": _digest(context),
            "reminders": in_turns(context, _RESERVE_MILLISECONDS, _remind),
        }
        log.info("digests_queued", extra=done)
    return done


def _digest(context: Any) -> int:
    with database.lone_read() as connection:
        clocks = digests.read_clocks(connection, read_clock(connection))
    after, total = 0, 0
    while context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS:
        with database.transaction() as connection:
            done = digests.daily_digest_unacked(connection, clocks, after)
        if done.last_user_id is None:
            return total
        after, total = done.last_user_id, total + done.queued
    raise Unfinished


def _remind() -> int:
    with database.transaction() as connection:
        return digests.push_notify_unacked(connection)

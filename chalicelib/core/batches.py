"""The edge of a function: a batch of SQS records in, the ones that failed out; or work that a clock
starts, in turns for as long as there is time.

A record that fails, or that nobody can read, costs the others nothing; it comes again, and ends in
the dead-letter queue when it has come too often.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter, sleep
from typing import Any, TypeVar

from sqlalchemy import Connection

from chalicelib.core import database, figures, jobs, logs
from chalicelib.core.errors import DatabaseAway, PoolExhausted

log = logging.getLogger(__name__)

T = TypeVar("T")

# A pooler or a database that restarts is back in seconds, and so is the lock of the server process
# that lost its client; the queue would bring the message back only after its visibility time-out,
# which is six times the function's own.
PAUSES_SECONDS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Delivery:
    """How a message came: its id, and how often it was received, this time included."""

    message_id: str
    receives: int


class MalformedMessage(Exception):
    """The body of a message is not what the function understands; it never will be."""


class NotYet(Exception):
    """What a message is about cannot be worked on at this moment; soon it can."""


Work = Callable[[dict[str, Any], Delivery], object]


def work_through(event: Mapping[str, Any], work: Work) -> dict[str, Any]:
    """Do `work` for each record of an SQS event; return what Lambda wants to know of failures."""
    function = jobs.function_of(work)
    failures = [
        {"itemIdentifier": record["messageId"]}
        for record in event["Records"]
        if not _done(record, work, function)
    ]
    figures.flush(function)
    return {"batchItemFailures": failures}


def in_turns(context: Any, reserve_milliseconds: int, work: Callable[[], int]) -> int:
    """Do `work` until it finds nothing, or until less than the reserve is left of the time of a
    function's `context`; return how much it found.
    """
    total = 0
    while context.get_remaining_time_in_millis() > reserve_milliseconds and (found := work()):
        total += found
    return total


def insist(work: Callable[[Connection], T]) -> T:
    """Do in a transaction of its own what must not be lost, such as the note of what a host outside
    has said; wait for a database that is away.
    """
    for pause_seconds in PAUSES_SECONDS:
        try:
            return database.retry_idempotent(work)
        except (DatabaseAway, PoolExhausted):
            sleep(pause_seconds)
    return database.retry_idempotent(work)


def _done(record: Mapping[str, Any], work: Work, function: str) -> bool:
    delivery = Delivery(
        record["messageId"],
        int(record.get("attributes", {}).get("ApproximateReceiveCount", "1")),
    )
    about = {"message_id": delivery.message_id, "receives": delivery.receives}
    body = _parsed(record["body"])
    correlation_id = body.get("correlation_id") if body is not None else None
    with logs.correlated(correlation_id if isinstance(correlation_id, str) else None):
        started = perf_counter()
        try:
            with jobs.counted(function, delivery.message_id):
                if body is None:
                    raise MalformedMessage
                _patiently(work, body, delivery)
        except Exception as error:
            log.exception("message_failed", extra=about | {"cause": type(error).__name__})
            return False
        ms = round((perf_counter() - started) * 1000, 1)
        log.info("message_done", extra=about | {"ms": ms})
        return True


def _patiently(work: Work, body: dict[str, Any], delivery: Delivery) -> None:
    for pause_seconds in PAUSES_SECONDS:
        try:
            work(body, delivery)
            return
        except (DatabaseAway, PoolExhausted, NotYet) as cause:
            about = {"cause": type(cause).__name__, "seconds": pause_seconds}
            log.warning("message_waits", extra=about)
            sleep(pause_seconds)
    work(body, delivery)


def _parsed(body: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None

"""A message is a row first, written with the data it belongs to, and sent when that is committed.

`add` writes it; the writer itself sends it right after its commit; `relay` sends what a writer
left behind. A message may arrive twice and in any order, but never before its data, never without
it, and never not at all.
"""

from __future__ import annotations

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, RootTransaction, delete, func, insert, select, update

from chalicelib.core import database, logs
from chalicelib.core.settings import get_settings
from chalicelib.integrations import sqs
from chalicelib.outbox.errors import BodyTooLarge, UnknownQueue
from chalicelib.outbox.tables import outbox

log = logging.getLogger(__name__)

QUEUES = ("imports", "exports", "fanout", "mail", "channels")
RELAY_LIMIT = 100

# How long a row is its writer's own to send. SQS's client gives up well before that.
_WRITER_SECONDS = 30
# A relay's claim is also the pause before the next attempt; it doubles up to the longest.
_RELAY_SECONDS = 60
_LONGEST_PAUSE_SECONDS = 3600
_STUCK_ATTEMPTS = 5
_LARGEST_BODY_BYTES = 16 * 1024


@dataclass(frozen=True)
class Relayed:
    """What became of the rows that one pass of the relay claimed, and how many were of which
    queue.
    """

    sent: int
    failed: int
    of_queue: Counter[str] = field(default_factory=Counter, compare=False)


@dataclass(frozen=True)
class _Message:
    id: int
    queue: str
    body: str


_unsent: WeakKeyDictionary[RootTransaction, list[_Message]] = WeakKeyDictionary()


def add(connection: Connection, queue: str, body: Mapping[str, Any]) -> int:
    """Write a message for `queue` into the transaction of `connection` and return its id.

    `body` holds ids only; the correlation id of the work under way is added to it.

    Raises:
        UnknownQueue: `queue` is not one of QUEUES.
        BodyTooLarge: `body` holds more than ids.
    """
    if queue not in QUEUES:
        raise UnknownQueue(queue)
    correlation_id = logs.correlation_id()
    text = _wire(body, correlation_id)
    if len(text) > _LARGEST_BODY_BYTES:
        raise BodyTooLarge(queue)
    # A savepoint may be rolled back under a commit: what is written in one is left to the relay.
    sends_itself = not connection.in_nested_transaction()
    message_id: int = connection.execute(
        insert(outbox)
        .values(
            queue=queue,
            body=dict(body),
            correlation_id=correlation_id,
            # Not now(): that is the start of the transaction, which may be long ago.
            claimed_until=func.clock_timestamp()
            + func.make_interval(0, 0, 0, 0, 0, 0, _WRITER_SECONDS if sends_itself else 0),
        )
        .returning(outbox.c.id)
    ).scalar_one()
    if sends_itself:
        _send_after_commit(connection, _Message(message_id, queue, text))
    return message_id


def _wire(body: Mapping[str, Any], correlation_id: str) -> str:
    return json.dumps({**body, "correlation_id": correlation_id}, separators=(",", ":"))


def _send_after_commit(connection: Connection, message: _Message) -> None:
    transaction = connection.get_transaction()
    if transaction is None:
        raise RuntimeError("A message belongs to a transaction.")
    if transaction in _unsent:
        _unsent[transaction].append(message)
        return
    messages = _unsent[transaction] = [message]
    database.after_commit(connection, lambda: _send_own(messages))


def _send_own(messages: Sequence[_Message]) -> None:
    _forget(_send(messages))


def _send(messages: Sequence[_Message]) -> list[int]:
    """Send messages to their queues and return the ids of those that were taken."""
    by_queue: defaultdict[str, list[_Message]] = defaultdict(list)
    for message in messages:
        by_queue[message.queue].append(message)
    sent: list[int] = []
    for queue, batch in by_queue.items():
        url = getattr(get_settings(), f"queue_{queue}_url", None)
        if url is None:
            log.error("outbox_queue_unknown", extra={"queue": queue, "messages": len(batch)})
            continue
        refused = set(sqs.send_batch(url, [message.body for message in batch]))
        sent += [message.id for index, message in enumerate(batch) if index not in refused]
    return sent


def _forget(ids: Sequence[int]) -> None:
    if ids:
        with database.transaction() as connection:
            connection.execute(delete(outbox).where(outbox.c.id == func.any(list(ids))))


def relay(limit: int = RELAY_LIMIT, *, without: Collection[str] = ()) -> Relayed:
    """Send up to `limit` messages that their writers, or earlier relays, did not send, but to the
    queues of `without`.

    Claims are committed before anything is sent: two relays at once share the work, and what a
    killed one had claimed is due again when the claim ends. What cannot be sent stays, with
    longer and longer pauses.
    """
    with database.transaction() as connection:
        messages = _claim_due(connection, limit, without)
    sent = _send(messages)
    _forget(sent)
    return Relayed(
        sent=len(sent),
        failed=len(messages) - len(sent),
        of_queue=Counter(message.queue for message in messages),
    )


def _claim_due(connection: Connection, limit: int, without: Collection[str]) -> list[_Message]:
    due = (
        select(outbox.c.id)
        .where(outbox.c.claimed_until < func.now(), outbox.c.queue.not_in(list(without)))
        .order_by(outbox.c.claimed_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    pause_seconds = func.least(
        _LONGEST_PAUSE_SECONDS, _RELAY_SECONDS * func.power(2, func.least(outbox.c.attempts, 10))
    )
    rows = connection.execute(
        update(outbox)
        .where(outbox.c.id == due.c.id)
        .values(
            attempts=outbox.c.attempts + 1,
            claimed_until=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, pause_seconds),
        )
        .returning(
            outbox.c.id,
            outbox.c.queue,
            outbox.c.body,
            outbox.c.correlation_id,
            outbox.c.attempts,
        )
    ).all()
    stuck = [row.id for row in rows if row.attempts >= _STUCK_ATTEMPTS]
    if stuck:
        log.error("outbox_messages_stuck", extra={"messages": len(stuck), "ids": stuck[:10]})
    return [_Message(row.id, row.queue, _wire(row.body, row.correlation_id)) for row in rows]

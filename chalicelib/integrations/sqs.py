"""Messages to queues, and from one to another; working on them is called for by Lambda's poller, or
by the local cloud's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.integrations.aws import sqs_client
from chalicelib.integrations.errors import QueueAway, away_as

log = logging.getLogger(__name__)

_ENTRIES_A_CALL = 10
# What is received is sent and deleted well before it is seen by others again.
_HELD_SECONDS = 60
BYTES_A_CALL = 256 * 1024


@dataclass(frozen=True)
class QueueDepth:
    """About how many messages wait, are being worked on, and are held back."""

    visible: int
    in_flight: int
    delayed: int


def _batches(sizes: Sequence[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    batch_bytes = 0
    for index, size_bytes in enumerate(sizes):
        if batch and (len(batch) == _ENTRIES_A_CALL or batch_bytes + size_bytes > BYTES_A_CALL):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(index)
        batch_bytes += size_bytes
    if batch:
        yield batch


def send_batch(queue_url: str, bodies: Sequence[str]) -> list[int]:
    """Send every body and return the indices of those that were not taken, in order.

    A queue that cannot be reached, or refuses a whole call, is not asked again for the rest.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    sizes = [len(body.encode()) for body in bodies]
    failed = [index for index, size_bytes in enumerate(sizes) if size_bytes > BYTES_A_CALL]
    for index in failed:
        log.error("message_too_large", extra={"queue_url": queue_url, "size_bytes": sizes[index]})
    sendable = [index for index, size_bytes in enumerate(sizes) if size_bytes <= BYTES_A_CALL]
    done = 0
    for batch in _batches([sizes[index] for index in sendable]):
        chosen = {str(position): sendable[position] for position in batch}
        try:
            answer = sqs_client().send_message_batch(
                QueueUrl=queue_url,
                Entries=[{"Id": id_, "MessageBody": bodies[i]} for id_, i in chosen.items()],
            )
        except (BotoCoreError, ClientError):
            log.exception("queue_refused", extra={"queue_url": queue_url})
            return sorted(failed + sendable[done:])
        taken = {entry["Id"] for entry in answer.get("Successful", [])}
        for refusal in answer.get("Failed", []):
            log.error(
                "message_refused",
                extra={"queue_url": queue_url, "refusal_code": refusal.get("Code")},
            )
        failed += [i for id_, i in chosen.items() if id_ not in taken]
        done += len(batch)
    return sorted(failed)


def depth(queue_url: str) -> QueueDepth:
    """Return the queue's own estimate of its messages.

    Raises:
        QueueAway: it does not answer.
    """
    with away_as(QueueAway):
        attributes = sqs_client().get_queue_attributes(
            QueueUrl=queue_url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
    return QueueDepth(
        visible=int(attributes["ApproximateNumberOfMessages"]),
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        delayed=int(attributes["ApproximateNumberOfMessagesDelayed"]),
    )


def move(source_url: str, target_url: str, most: int, patience_seconds: float) -> int:
    """Move up to `most` messages to another queue and return how many it took.

    Stops when the source shows none, or the patience is over. By receive, send and delete, since
    emulators lack StartMessageMoveTask: what is sent and then not deleted is in both.

    Raises:
        QueueAway: a queue does not answer, or takes nothing.
    """
    until = time.monotonic() + patience_seconds
    moved = 0
    while moved < most and time.monotonic() < until:
        with away_as(QueueAway):
            messages = (
                sqs_client()
                .receive_message(
                    QueueUrl=source_url,
                    MaxNumberOfMessages=min(_ENTRIES_A_CALL, most - moved),
                    VisibilityTimeout=_HELD_SECONDS,
                    # A short poll asks only some of the servers, and finds nothing where there is.
                    WaitTimeSeconds=1,
                )
                .get("Messages", [])
            )
        if not messages:
            break
        refused = set(send_batch(target_url, [message["Body"] for message in messages]))
        if len(refused) == len(messages):
            raise QueueAway
        taken = [m for index, m in enumerate(messages) if index not in refused]
        with away_as(QueueAway):
            sqs_client().delete_message_batch(
                QueueUrl=source_url,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(taken)
                ],
            )
        moved += len(taken)
    return moved

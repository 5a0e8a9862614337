"""Queues beside what their functions did last; dead letters put back, to be worked on again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from chalicelib.accounts.rules import Caller
from chalicelib.audit import service as audit
from chalicelib.core.errors import NotFound
from chalicelib.integrations import sqs
from chalicelib.operations import queues
from chalicelib.operations.budget import Consumer
from chalicelib.operations.queue_schemas import QueueOut, QueuesOut, RedriveOut, RunOut, ScheduleOut
from chalicelib.operations.schemas import QueueFigures

# What fits into one request, of which the gateway waits for 29 seconds.
REDRIVE_LIMIT = 100
_REDRIVE_SECONDS = 10.0


def describe(
    figures: Sequence[QueueFigures],
    consumers: Sequence[Consumer],
    runs: Mapping[str, list[RunOut]],
) -> QueuesOut:
    """Put queues, their functions and the last runs of those together."""
    readers = {queue: c.name for c in consumers for queue in _queues_of(c)}
    return QueuesOut(
        items=[
            QueueOut(
                name=figure.name,
                function=readers.get(figure.name),
                visible=figure.visible,
                in_flight=figure.in_flight,
                oldest_age_seconds=figure.oldest_age_seconds,
                dead_letters=figure.dead_letters,
                last_runs=runs.get(readers.get(figure.name, ""), []),
            )
            for figure in figures
        ],
        schedules=[
            ScheduleOut(name=c.name, trigger=c.trigger, last_runs=runs.get(c.name, []))
            for c in consumers
            if c.trigger.startswith(("rate(", "cron("))
        ],
    )


def _queues_of(consumer: Consumer) -> list[str]:
    triggers = consumer.trigger.split(", ")
    return [t.removeprefix("queue ").replace("-", "_") for t in triggers if t.startswith("queue ")]


def check_queue(name: str) -> None:
    """Check that there is such a queue.

    Raises:
        NotFound: there is none.
    """
    _dead_letters_of(name)


def count_dead_letters(name: str) -> int:
    """Return about how many dead letters a queue has.

    Raises:
        NotFound: there is no such queue.
        QueueAway: it does not answer.
    """
    return sqs.depth(_dead_letters_of(name)).visible


def note_redrive(connection: Connection, caller: Caller, name: str, dead_letters: int) -> None:
    """Write down that dead letters are moved back; before they are, since that cannot be undone."""
    before = {"dead_letters": dead_letters}
    audit.add(connection, caller, "queue_redriven", "queue", name, before=before)


def redrive(name: str) -> RedriveOut:
    """Move dead letters of a queue back into it, REDRIVE_LIMIT at the most.

    Raises:
        NotFound: there is no such queue.
        QueueAway: it, or that of its dead letters, does not answer.
    """
    dead_letters = _dead_letters_of(name)
    moved = sqs.move(dead_letters, queues.queue_urls()[name], REDRIVE_LIMIT, _REDRIVE_SECONDS)
    queues.forget_figures()
    return RedriveOut(moved=moved, more=count_dead_letters(name) > 0)


def _dead_letters_of(name: str) -> str:
    url = queues.queue_urls().get(name)
    if url is None:
        raise NotFound
    return url + queues.DEAD_LETTERS

"""A process that writes messages, or relays them, and kills itself at a named point.

The points are places on the wire (a statement, a call to SQS), so that they hold whatever the code
between them looks like.
"""

from __future__ import annotations

import signal
from typing import Any

from sqlalchemy import event, text

from chalicelib.core import database, logs
from chalicelib.integrations.aws import sqs_client
from chalicelib.outbox import service as outbox
from tests.faults import dying

MESSAGES = 12
POINTS = {
    "write": (
        "after INSERT",
        "before COMMIT",
        "before send",
        "after send",
        "before DELETE",
        "after DELETE",
    ),
    "relay": (
        "before UPDATE",
        "after UPDATE",
        "before send",
        "after send",
        "before DELETE",
        "after DELETE",
    ),
}


def killed_at(job: str, point: str) -> None:
    """Let a process `write` or `relay` until it dies at a point."""

    def work() -> None:
        _die_at(point)
        if job == "write":
            _write()
        else:
            outbox.relay()

    assert dying.code_of(dying.start(work)) == -signal.SIGKILL


def _die_at(point: str) -> None:
    when, what = point.split()
    if what == "send":
        sqs_client().meta.events.register(
            f"{when}-call.sqs.SendMessageBatch", lambda **_: dying.die()
        )
    elif what == "COMMIT":
        event.listen(database.init(), "commit", lambda _: dying.die())
    else:

        def look(_c: Any, _k: Any, statement: str, *_: Any) -> None:
            if what in statement.split():
                dying.die()

        event.listen(database.init(), f"{when}_cursor_execute", look)


def _write() -> None:
    with logs.correlated("request-0001"), database.transaction() as connection:
        for n in range(MESSAGES):
            connection.execute(
                text("INSERT INTO courses (code, title) VALUES (:code, 'Kept')"), {"code": str(n)}
            )
        for n in range(MESSAGES):
            outbox.add(connection, "imports", {"code": str(n)})

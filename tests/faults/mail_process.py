"""A worker that sends a mail in a process of its own and kills itself at its nth point.

The points are places on the wire: each statement and commit, and the call to SES before and after.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from sqlalchemy import event

from chalicelib.core import database, jobs
from chalicelib.integrations.aws import ses_client
from functions.send_mail.handler import handler
from tests.faults import dying
from tests.functions.events import Context, sqs_event

BEFORE_SEND = "before send"
AFTER_SEND = "after send"
# Claim, recipient and what the mail is about, suppression, the link and its token, commit; a slot
# and its commit; the claim again; the send; the note. A reminder goes the way of what it reminds
# of.
_SEND = ("INSERT", "COMMIT", "UPDATE", "COMMIT", BEFORE_SEND, AFTER_SEND, "UPDATE", "COMMIT")
_ANNOUNCEMENT = ("UPDATE", "SELECT", "SELECT", "SELECT", "INSERT", "SELECT", "COMMIT", *_SEND)
WAYS = {
    "forgot_password": ("UPDATE", "SELECT", "SELECT", "INSERT", "COMMIT", *_SEND),
    "announcement_published": _ANNOUNCEMENT,
    "announcement_digest": _ANNOUNCEMENT,
}


def start(mail_id: int) -> BaseProcess:
    """Begin to work the message of a mail off; it exits with 0, or with GIVEN_BACK."""
    return dying.start(lambda: _send(mail_id))


def killed_at(mail_id: int, nth: int) -> list[str]:
    """Let a worker die at its nth point; return the points it came to, none if it came through."""
    reading, writing = os.pipe()

    def work() -> None:
        _die_at(nth, lambda point: os.write(writing, f"{point}\n".encode()))
        _send(mail_id)

    worker = dying.start(work)
    os.close(writing)
    with open(reading) as lines:
        points = lines.read().splitlines()
    code = dying.code_of(worker)
    assert code in (0, -signal.SIGKILL), "the worker failed"
    return points if code else []


def _die_at(nth: int, tell: Callable[[str], object]) -> None:
    seen = 0

    def point(name: str) -> None:
        nonlocal seen
        seen += 1
        tell(name)
        if seen == nth:
            dying.die()

    engine = database.init()
    event.listen(engine, "before_cursor_execute", lambda *of: point(of[2].split()[0]))
    # SQLAlchemy tells of it before it is sent.
    event.listen(engine, "commit", lambda _: point("COMMIT"))
    events = ses_client().meta.events
    events.register("before-call.ses.SendRawEmail", lambda **_: point(BEFORE_SEND))
    events.register("after-call.ses.SendRawEmail", lambda **_: point(AFTER_SEND))


def _send(mail_id: int) -> None:
    # How the run ended is written down when the mail has ended, and changes nothing of it.
    jobs.set_recorder(lambda _: None)
    dying.exit_as(handler(sqs_event([{"mail_id": mail_id}], queue="mail"), Context()))

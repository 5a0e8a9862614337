"""A worker that sends a mail in a process of its own and kills itself at its nth point.

Run as `python -m tests.faults.mail_process MAIL_ID [DIE_AT]`. The points are places on the wire:
each statement and commit, and the call to SES before and after. Each is written to stdout as it
comes.
"""

from __future__ import annotations

import os
import signal
import sys

from sqlalchemy import event

from chalicelib.core import database, jobs
from chalicelib.integrations.aws import ses_client
from functions.send_mail.handler import handler
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


def _die_at(nth: int) -> None:
    seen = 0

    def point(name: str) -> None:
        nonlocal seen
        seen += 1
        os.write(sys.stdout.fileno(), f"point {name}\n".encode())
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    engine = database.init()
    event.listen(engine, "before_cursor_execute", lambda *of: point(of[2].split()[0]))
    # SQLAlchemy tells of it before it is sent.
    event.listen(engine, "commit", lambda _: point("COMMIT"))
    events = ses_client().meta.events
    events.register("before-call.ses.SendRawEmail", lambda **_: point(BEFORE_SEND))
    events.register("after-call.ses.SendRawEmail", lambda **_: point(AFTER_SEND))


def main() -> int:
    # How the run ended is written down when the mail has ended, and changes nothing of it.
    jobs.set_recorder(lambda _: None)
    if len(sys.argv) > 2:
        _die_at(int(sys.argv[2]))
    answer = handler(sqs_event([{"mail_id": int(sys.argv[1])}], queue="mail"), Context())
    return 3 if answer["batchItemFailures"] else 0


if __name__ == "__main__":
    sys.exit(main())

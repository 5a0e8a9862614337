"""A worker's hold on a mail: claim it, and say how it ended.

A claim ends by the database's clock, since what it guards lies outside the database: between SES's
yes and the note of it no lock is held. `attempts` tells the claims of one mail apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, text

from chalicelib.mail.errors import MailClaimed, SkipReason, UnknownMail
from chalicelib.mail.queries import find_state

# Longer than send_mail may run (a test compares it with the template): whoever holds a claim that
# has run out is dead. Shorter than the queue hides a message, so the next delivery gets the mail.
CLAIM_SECONDS = 120


@dataclass(frozen=True)
class Mail:
    """A claimed mail; `attempt` is ours."""

    id: int
    kind: str
    user_id: int | None
    address: str | None
    about: int | None
    occasion: int | None
    age: timedelta
    attempt: int

    @property
    def facts(self) -> dict[str, Any]:
        """What a log may say of it."""
        return {"mail_id": self.id, "kind": self.kind, "attempt": self.attempt}


_CLAIM = text(
    """
    UPDATE mails
       SET attempts = attempts + 1,
           claimed_until = clock_timestamp() + CAST(:seconds AS interval)
     WHERE id = (SELECT id FROM mails
                  WHERE id = :id AND state = 'queued'
                    AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
                    FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING kind, user_id, address, about, occasion, now() - created_at AS age, attempts
    """
)
_KEEP = text(
    "UPDATE mails SET claimed_until = clock_timestamp() + CAST(:seconds AS interval)"
    " WHERE id = :id AND state = 'queued' AND attempts = :attempt"
)
_GIVE_BACK = text(
    "UPDATE mails SET claimed_until = clock_timestamp()"
    " WHERE id = :id AND state = 'queued' AND attempts = :attempt"
)
# What a stranger typed in is forgotten with the end.
_END = """
    UPDATE mails
       SET state = :state, reason = :reason, message_id = :message_id,
           ended_at = clock_timestamp(), claimed_until = NULL, address = NULL
     WHERE id = :id AND state = 'queued'
"""
# SES's yes counts whoever has the claim by now; a refusal only from the one who has it.
_SENT = text(_END)
_NOT_SENT = text(_END + " AND attempts = :attempt")


def claim_mail(connection: Connection, mail_id: int) -> Mail | None:
    """Take a mail to send it; None where it has ended.

    Raises:
        UnknownMail: there is no such mail.
        MailClaimed: another worker has it.
    """
    binds = {"id": mail_id, "seconds": timedelta(seconds=CLAIM_SECONDS)}
    row = connection.execute(_CLAIM, binds).one_or_none()
    if row is not None:
        return Mail(mail_id, *row)
    state = find_state(connection, mail_id)
    if state is None:
        raise UnknownMail(mail_id)
    if state == "queued":
        raise MailClaimed(mail_id)
    return None


def keep_claim(connection: Connection, mail: Mail) -> None:
    """Begin the time of a claim anew, just before the mail goes out.

    Raises:
        MailClaimed: we slept past its end, and another worker has the mail, or sent it.
    """
    binds = {"id": mail.id, "attempt": mail.attempt, "seconds": timedelta(seconds=CLAIM_SECONDS)}
    if connection.execute(_KEEP, binds).rowcount == 0:
        raise MailClaimed(mail.id)


def give_back(connection: Connection, mail: Mail) -> None:
    """End a claim without an effect, so that the next try need not wait for its end."""
    connection.execute(_GIVE_BACK, {"id": mail.id, "attempt": mail.attempt})


def note_sent(connection: Connection, mail: Mail, message_id: str) -> None:
    """Keep the id that SES gave a mail."""
    binds = {"id": mail.id, "state": "sent", "reason": None, "message_id": message_id}
    connection.execute(_SENT, binds)


def note_skipped(connection: Connection, mail: Mail, reason: SkipReason) -> None:
    """End a mail that is not to be sent."""
    _note_not_sent(connection, mail, "skipped", reason)


def note_refused(connection: Connection, mail: Mail) -> None:
    """End a mail that SES will not send, however often it is asked."""
    _note_not_sent(connection, mail, "failed", "refused")


def _note_not_sent(connection: Connection, mail: Mail, state: str, reason: str) -> None:
    connection.execute(
        _NOT_SENT,
        {
            "id": mail.id,
            "attempt": mail.attempt,
            "state": state,
            "reason": reason,
            "message_id": None,
        },
    )

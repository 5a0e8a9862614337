"""What SES tells of mails that are sent: who cannot be reached or complained gets no more of them.

An event comes in an envelope of SNS or as it is, more than once and in any order; it may overtake
the note of the worker that sent the mail, and be the only word of one that died before its note.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any, Literal

from sqlalchemy import Connection, text

from chalicelib.core.batches import MalformedMessage

log = logging.getLogger(__name__)

Fate = Literal["sent", "bounced", "complained"]

# SES says it to a new topic, in words and not in JSON.
_GREETING = "Successfully validated SNS topic"
_OTHERS = frozenset(
    {"Send", "Reject", "Open", "Click", "Rendering Failure", "DeliveryDelay", "Subscription"}
)
_LONGEST_ADDRESS = 320
_MOST_RECIPIENTS = 100


@dataclass(frozen=True)
class MailEvent:
    """What became of a mail; `refusing` are the addresses that get none from now on."""

    kind: str
    fate: Fate
    message_id: str
    mail_id: int | None
    refusing: tuple[str, ...] = ()


def parse_event(body: Mapping[str, Any]) -> MailEvent | None:
    """Return the event that a message holds, None where it holds none that matters here.

    Raises:
        MalformedMessage: it is not from SES.
    """
    event = body
    if "Type" in body:
        if body["Type"] != "Notification" or not isinstance(body.get("Message"), str):
            raise MalformedMessage
        if body["Message"].startswith(_GREETING):
            return None
        event = _object(_json(body["Message"]))
    kind = event.get("eventType", event.get("notificationType"))
    if not isinstance(kind, str):
        raise MalformedMessage
    if kind in _OTHERS:
        return None
    fate: Fate = "sent"
    refusing: tuple[str, ...] = ()
    if kind == "Bounce":
        bounce = _object(event.get("bounce"))
        # What is full or away today takes mail tomorrow, and SES tries for hours by itself.
        if bounce.get("bounceType") == "Permanent":
            fate, refusing = "bounced", _addresses(bounce.get("bouncedRecipients"))
    elif kind == "Complaint":
        complaint = _object(event.get("complaint"))
        # Somebody took it out of the spam folder.
        if complaint.get("complaintFeedbackType") != "not-spam":
            fate, refusing = "complained", _addresses(complaint.get("complainedRecipients"))
    elif kind != "Delivery":
        raise MalformedMessage
    mail = _object(event.get("mail"))
    message_id = mail.get("messageId")
    if not isinstance(message_id, str) or not 1 <= len(message_id) <= 200 or "\0" in message_id:
        raise MalformedMessage
    return MailEvent(kind, fate, message_id, _mail_id(mail.get("tags")), refusing)


def _json(content: str) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage from error


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedMessage
    return value


def _addresses(recipients: object) -> tuple[str, ...]:
    if not isinstance(recipients, list) or not 1 <= len(recipients) <= _MOST_RECIPIENTS:
        raise MalformedMessage
    found = tuple(parseaddr(str(_object(r).get("emailAddress")))[1] for r in recipients)
    if not all("@" in a and len(a) <= _LONGEST_ADDRESS and "\0" not in a for a in found):
        raise MalformedMessage
    return found


def _mail_id(tags: object) -> int | None:
    """Return the mail that `send` tagged; notifications of an identity carry no tags."""
    given = tags.get("mail_id") if isinstance(tags, dict) else None
    match given:
        case [str(number)] if number.isascii() and number.isdecimal() and len(number) <= 18:
            return int(number)
    return None


# A complaint outweighs a bounce, whichever comes first.
_SUPPRESS = text(
    """
    INSERT INTO mail_suppressions (address, reason)
    SELECT DISTINCT lower(address), :reason
      FROM json_array_elements_text(CAST(:addresses AS json)) address ORDER BY 1
    ON CONFLICT (address) DO UPDATE SET reason = excluded.reason
     WHERE excluded.reason = 'complaint' AND mail_suppressions.reason = 'bounce'
    """
)
# Only onwards: queued, sent, bounced, complained. A queued one was sent by a worker that has not
# noted it yet, or died before; it is known by its tag.
_RECORD = text(
    """
    UPDATE mails
       SET state = :fate, message_id = :message_id, claimed_until = NULL, address = NULL,
           ended_at = coalesce(ended_at, clock_timestamp())
     WHERE (message_id = :message_id OR (id = CAST(:mail_id AS bigint) AND message_id IS NULL))
       AND (state = 'queued'
            OR (state = 'sent' AND :fate <> 'sent')
            OR (state = 'bounced' AND :fate = 'complained'))
    """
)


def record_event(connection: Connection, event: MailEvent) -> None:
    """Suppress the addresses that an event names, and mark its mail; twice changes nothing."""
    if event.refusing:
        reason = "complaint" if event.fate == "complained" else "bounce"
        connection.execute(_SUPPRESS, {"reason": reason, "addresses": json.dumps(event.refusing)})
    connection.execute(
        _RECORD, {"fate": event.fate, "message_id": event.message_id, "mail_id": event.mail_id}
    )
    log.info(
        "mail_event",
        extra={
            "kind": event.kind,
            "fate": event.fate,
            "ses_id": event.message_id,
            "suppressed": len(event.refusing),
        },
    )

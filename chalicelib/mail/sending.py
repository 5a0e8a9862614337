"""One mail, from its claim to its end: composed in one transaction, sent in none when its turn has
come and the claim still is ours, noted in another.

What mails of a kind say is known to the areas above; they are passed in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import sleep

from sqlalchemy import Connection

from chalicelib.core import database
from chalicelib.core.batches import insist
from chalicelib.core.settings import get_settings
from chalicelib.integrations import ses, smtp
from chalicelib.integrations.errors import MailAway, MailRefused, MailThrottled, refusal_code
from chalicelib.mail.claims import (
    Mail,
    claim_mail,
    give_back,
    keep_claim,
    note_refused,
    note_sent,
    note_skipped,
)
from chalicelib.mail.errors import MailSkipped, MailWaits, UnknownMailKind
from chalicelib.mail.letters import Letter
from chalicelib.mail.pace import slow_down, take_slot
from chalicelib.mail.queries import find_suppression

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Draft:
    """Whom a mail goes to; `write` makes its letter once it is sure that the address gets mail."""

    to: str
    write: Callable[[], Letter]


Composer = Callable[[Connection, Mail], Draft]


def send_mail(mail_id: int, composers: Mapping[str, Composer]) -> None:
    """Send a mail that has not ended yet; `composers` has one for each kind.

    Raises:
        UnknownMail, UnknownMailKind: the message will never make sense here.
        MailClaimed, MailWaits: it can be tried again soon.
        SettingMissing, DatabaseAway, PoolExhausted: what surrounds us is not as it should be.
    """
    settings = get_settings()
    sender = settings.require("mail_from")
    with database.transaction() as connection:
        mail = claim_mail(connection, mail_id)
        if mail is None:
            return
        try:
            to, letter = _composed(connection, mail, composers)
        except MailSkipped as skipped:
            note_skipped(connection, mail, skipped.reason)
            log.info("mail_skipped", extra=mail.facts | {"reason": skipped.reason})
            return
    slot = insist(take_slot)
    if slot is None:
        insist(lambda connection: give_back(connection, mail))
        raise MailWaits
    sleep(slot.wait_seconds)
    insist(lambda connection: keep_claim(connection, mail))
    try:
        message_id = _transport()(
            sender=sender,
            to=to,
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            headers=letter.headers,
            configuration_set=settings.mail_configuration_set,
            tags={"mail_id": str(mail.id)},
        )
    except MailRefused as refusal:
        # Not the exception: SES names addresses in it.
        code = refusal_code(refusal.__cause__)
        log.error("mail_refused", extra=mail.facts | {"refusal_code": code})
        insist(lambda connection: note_refused(connection, mail))
    except (MailAway, MailThrottled) as away:
        if isinstance(away, MailThrottled):
            log.warning("mail_throttled", extra=mail.facts)
            insist(lambda connection: slow_down(connection, slot))
        else:
            # Its yes may be lost: if so, the mail goes out again.
            log.warning("mail_unanswered", extra=mail.facts)
        insist(lambda connection: give_back(connection, mail))
        raise MailWaits from away
    else:
        insist(lambda connection: note_sent(connection, mail, message_id))
        log.info("mail_sent", extra=mail.facts | {"ses_id": message_id})


def _transport() -> Callable[..., str]:
    return smtp.send if get_settings().mail_transport == "smtp" else ses.send


def _composed(
    connection: Connection, mail: Mail, composers: Mapping[str, Composer]
) -> tuple[str, Letter]:
    compose = composers.get(mail.kind)
    if compose is None:
        raise UnknownMailKind(mail.kind)
    draft = compose(connection, mail)
    if find_suppression(connection, draft.to) is not None:
        raise MailSkipped("suppressed")
    return draft.to, draft.write()

"""The post for tests of mail: users to write to, mails to queue, and what SES was asked to send."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import canonical_username
from chalicelib.core import database
from chalicelib.integrations.aws import reset_clients, ses_client
from chalicelib.mail.service import queue_mail
from functions.record_mail_events.handler import handler as events_handler
from functions.send_mail.handler import handler
from tests.functions.events import Context, failed_ids, sqs_event
from tests.outbox.queues import Queues, temporary_queues


class Post:
    """Queues mails, delivers their messages, and knows what went out."""

    def __init__(self, owner: Connection, queues: Queues) -> None:
        self.owner = owner
        self.queues = queues
        self.sent: list[EmailMessage] = []

    def user(self, name: str = "chloe", **given: Any) -> int:
        """Add a user and return the id."""
        values = {
            "username": canonical_username(name),
            "email": f"{name}@rollcall.example",
            "full_name": "Chloe Martin",
            "role": "student",
            "locale": "en",
            "active": True,
            "password_hash": None,
            "erased_at": None,
        }
        user_id: int = self.owner.execute(
            text(
                "INSERT INTO users (username, email, full_name, role, locale, active,"
                " password_hash, erased_at) VALUES (:username, :email, :full_name, :role,"
                " :locale, :active, :password_hash, :erased_at) RETURNING id"
            ),
            values | given,
        ).scalar_one()
        self.owner.commit()
        return user_id

    def queue(self, kind: str, **recipient: Any) -> int:
        """Queue a mail as a request does, and return its id."""
        with database.transaction() as connection:
            return queue_mail(connection, kind, **recipient)

    def deliver(self, *mail_ids: int) -> int:
        """Let the function work on messages that name these mails; return how many failed."""
        event = sqs_event([{"mail_id": mail_id} for mail_id in mail_ids], queue="mail")
        return len(failed_ids(handler(event, Context())))

    def tell(self, *bodies: Any) -> int:
        """Let the function work on events of SES; return how many failed."""
        event = sqs_event(bodies, queue="mail-events")
        return len(failed_ids(events_handler(event, Context())))

    def row(self, mail_id: int) -> Any:
        """Return a mail's row as others see it."""
        found = self.owner.execute(text("SELECT * FROM mails WHERE id = :id"), {"id": mail_id})
        row = found.one()
        self.owner.rollback()
        return row

    def end_claims(self) -> None:
        """Let the time of every claim be over."""
        self.owner.execute(text("UPDATE mails SET claimed_until = now() - interval '1 second'"))
        self.owner.commit()

    def tokens(self) -> int:
        """Return how many links that set a password are out."""
        count: int = self.owner.execute(text("SELECT count(*) FROM recovery_tokens")).scalar_one()
        self.owner.rollback()
        return count


@contextmanager
def open_post(owner: Connection) -> Iterator[Post]:
    """Make queues of a test's own, and keep what is handed to SES in `sent`."""
    with temporary_queues("mail") as queues:
        post = Post(owner, queues)

        def keep(params: dict[str, Any], **_: Any) -> None:
            post.sent.append(message_from_bytes(params["RawMessage"]["Data"], policy=default))

        ses_client().meta.events.register("provide-client-params.ses.SendRawEmail", keep)
        yield post
    reset_clients()


def plain(mail: EmailMessage) -> str:
    """Return a mail's text."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def markup(mail: EmailMessage) -> str:
    """Return a mail's HTML."""
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def links(mail: EmailMessage) -> set[str]:
    """Return every address in a mail, in either form."""
    return set(re.findall(r'https?://[^\s"<]+', plain(mail) + markup(mail)))


def new_id() -> str:
    """Return a message id such as SES gives."""
    return f"{uuid.uuid4()}@email.amazonses.com"

"""What is asked of mail: queue one, to be sent when the work it belongs to is committed."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, text

from chalicelib.outbox import service as outbox

Locale = Literal["en", "zh-CN"]

_QUEUE = text(
    "INSERT INTO mails (kind, user_id, address, locale)"
    " VALUES (:kind, :user_id, :address, :locale) RETURNING id"
)


def queue_mail(
    connection: Connection,
    kind: str,
    *,
    user_id: int | None = None,
    address: str | None = None,
    locale: Locale = "en",
) -> int:
    """Write a mail to be sent after the commit, and return its id.

    `user_id` names a user, whose own locale then counts; `address` is what a stranger typed in:
    whether anybody has it is found out when the mail is sent, so that asking tells nothing.
    """
    mail_id: int = connection.execute(
        _QUEUE, {"kind": kind, "user_id": user_id, "address": address, "locale": locale}
    ).scalar_one()
    outbox.add(connection, "mail", {"mail_id": mail_id})
    return mail_id

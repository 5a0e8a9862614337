"""Every SELECT over mails and suppressed addresses; nothing here writes."""

from __future__ import annotations

from typing import Literal, cast

from sqlalchemy import Connection, text

_SUPPRESSION = text("SELECT reason FROM mail_suppressions WHERE address = lower(:address)")
_STATE = text("SELECT state FROM mails WHERE id = :id")


def find_suppression(connection: Connection, address: str) -> Literal["bounce", "complaint"] | None:
    """Return why an address, in any case, gets no mail; None where it does."""
    reason = connection.execute(_SUPPRESSION, {"address": address}).scalar_one_or_none()
    return cast('Literal["bounce", "complaint"] | None', reason)


def find_state(connection: Connection, mail_id: int) -> str | None:
    """Return the state of a mail, None where there is no such mail."""
    state = connection.execute(_STATE, {"id": mail_id}).scalar_one_or_none()
    return cast("str | None", state)

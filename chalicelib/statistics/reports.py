"""The weekly report: whose it is, and that each of them gets it once a week."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import STAFF, Caller
from chalicelib.mail.service import queue_mail_once

_READERS = text(
    """
    SELECT id, username, role
      FROM users LEFT JOIN notification_preferences ON user_id = id
     WHERE active AND role = ANY(CAST(:roles AS text[])) AND mail IS DISTINCT FROM 'off'
     ORDER BY id
    """
)


def list_readers(connection: Connection) -> list[Caller]:
    """Return the registrars and managers who want mails."""
    return [Caller(*row) for row in connection.execute(_READERS, {"roles": list(STAFF)})]


def queue_report(connection: Connection, reader: Caller, today: date) -> bool:
    """Write the report of this week to somebody; return whether it was not written before."""
    year, week, _ = today.isocalendar()
    occasion = year * 100 + week
    return queue_mail_once(connection, "weekly_report", reader.id, occasion) is not None

"""Seats and the line for them. A section's lock is taken before its seats are counted, and whoever
frees or adds one lets the first in line have it in the same transaction.
"""

from __future__ import annotations

from typing import cast

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller
from chalicelib.audit import service as audit
from chalicelib.mail.service import queue_mail_to_each
from chalicelib.scheduling.rules import Status

_MOST_AUDITED = 1000
_LOCK_SEATS = text("SELECT status FROM sections WHERE id = :id FOR NO KEY UPDATE")
# An archived section promotes nobody. LIMIT takes null for everybody, hence no null.
_PROMOTE = text(
    """
    UPDATE enrollments SET status = 'enrolled', enrolled_at = statement_timestamp()
     WHERE id IN (SELECT id FROM enrollments
                   WHERE section_id = :id AND status = 'waitlisted'
                   ORDER BY id
                   LIMIT (SELECT CASE status WHEN 'archived' THEN 0
                                 ELSE greatest(capacity - enrolled, 0) END
                            FROM sections WHERE sections.id = :id))
    RETURNING user_id
    """
)


def lock_seats(connection: Connection, section_id: int) -> Status | None:
    """Lock a section against any other change of it and its enrolments until the transaction ends,
    and return its status.
    """
    row = connection.execute(_LOCK_SEATS, {"id": section_id}).one_or_none()
    return cast("Status", row[0]) if row else None


def promote_from_waitlist(connection: Connection, caller: Caller, section_id: int) -> list[int]:
    """Give the free seats of a locked section to the first in line, tell them by mail, and return
    whom.
    """
    promoted = sorted(connection.execute(_PROMOTE, {"id": section_id}).scalars())
    if promoted:
        audit.add(
            connection,
            caller,
            "enrollment_promoted",
            "section",
            section_id,
            after={"count": len(promoted), "users": promoted[:_MOST_AUDITED]},
        )
        queue_mail_to_each(connection, "enrollment_promoted", promoted, about=section_id)
    return promoted

"""What is asked of mail: queue one, to be sent when the work it belongs to is committed; wake those
that were left alone, and forget old ones.

Sending is sending.py's.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection, text

from chalicelib.core import logs
from chalicelib.outbox import service as outbox

_QUEUE = text(
    "INSERT INTO mails (kind, user_id, address) VALUES (:kind, :user_id, :address) RETURNING id"
)
_QUEUE_ONCE = text(
    """
    INSERT INTO mails (kind, user_id, occasion) VALUES (:kind, :user_id, :occasion)
        ON CONFLICT DO NOTHING
    RETURNING id
    """
)
# For whoever queues many mails by a statement, as `mailed`: their messages, which the relay sends.
POSTED = """
    posted AS (
        INSERT INTO outbox (queue, body, correlation_id, claimed_until)
        SELECT 'mail', jsonb_build_object('mail_id', id), :correlation_id, clock_timestamp()
          FROM mailed)
"""
_QUEUE_EACH = text(
    f"""
    WITH mailed AS (
        INSERT INTO mails (kind, user_id, about)
        SELECT :kind, user_id, :about FROM unnest(CAST(:user_ids AS bigint[])) AS to_each (user_id)
        RETURNING id),
    {POSTED}
    SELECT count(*) FROM mailed
    """  # noqa: S608
)
# Longer than the queue hides a message, so that one which is only slow is not sent for again; then
# at twice that age, and again at twice that one. A mail of more than two days is left to whoever
# looks at the dead letters.
_LOST = text(
    """
    UPDATE mails SET claimed_until = clock_timestamp()
     WHERE id IN (SELECT id FROM mails
                   WHERE state = 'queued'
                     AND created_at BETWEEN now() - interval '2 days'
                                        AND now() - interval '15 minutes'
                     AND greatest(created_at, claimed_until)
                         < now() - greatest(interval '15 minutes', (now() - created_at) / 2)
                   ORDER BY created_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id
    """
)
_LOST_LIMIT = 100
# One that never ended has lost its message by then: dead letters are kept for 14 days.
_DELETE_OLD = text(
    "DELETE FROM mails WHERE id IN (SELECT id FROM mails"
    " WHERE created_at < now() - CAST(:days AS interval)"
    " ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
)
_KEPT = timedelta(days=30)


def queue_mail(
    connection: Connection,
    kind: str,
    *,
    user_id: int | None = None,
    address: str | None = None,
) -> int:
    """Write a mail to be sent after the commit, and return its id.

    `user_id` names a user; `address` is what a stranger typed in: whether anybody has it is found
    out when the mail is sent, so that asking tells nothing.
    """
    mail_id: int = connection.execute(
        _QUEUE, {"kind": kind, "user_id": user_id, "address": address}
    ).scalar_one()
    _send_for(connection, mail_id)
    return mail_id


def queue_mail_once(connection: Connection, kind: str, user_id: int, occasion: int) -> int | None:
    """Write a mail to a user, and return its id; None where the one of this occasion (the week of a
    report, say) is written already.
    """
    binds = {"kind": kind, "user_id": user_id, "occasion": occasion}
    mail_id: int | None = connection.execute(_QUEUE_ONCE, binds).scalar_one_or_none()
    if mail_id is not None:
        _send_for(connection, mail_id)
    return mail_id


def queue_mail_to_each(
    connection: Connection, kind: str, user_ids: Collection[int], *, about: int
) -> None:
    """Write a mail to each of these users, about the same thing, in one statement; the relay sends
    their messages within a minute.
    """
    connection.execute(
        _QUEUE_EACH,
        {
            "kind": kind,
            "user_ids": list(user_ids),
            "about": about,
            "correlation_id": logs.correlation_id(),
        },
    )


def revive_lost(connection: Connection) -> int:
    """Send for mails again that nobody has worked on for long, and return how many.

    So none waits for ever, whatever became of its message.
    """
    lost = connection.execute(_LOST, {"limit": _LOST_LIMIT}).scalars().all()
    for mail_id in lost:
        _send_for(connection, mail_id)
    return len(lost)


def delete_old_mails(connection: Connection, limit: int) -> int:
    """Delete up to `limit` mails that are older than 30 days, and return how many."""
    return connection.execute(_DELETE_OLD, {"days": _KEPT, "limit": limit}).rowcount


def _send_for(connection: Connection, mail_id: int) -> None:
    outbox.add(connection, "mail", {"mail_id": mail_id})

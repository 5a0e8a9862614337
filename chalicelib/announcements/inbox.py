"""What readers see and do: the inbox, how much in it is unread, and that it was shown and read.

Both reads say first how often they have changed: a reader who knows that already costs no look at
a delivery. A change counts for its user, or (a chunk, an edit, a withdrawal) for everybody.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, Integer, Text, TextualSelect, column, text

from chalicelib.accounts.rules import Caller
from chalicelib.announcements.errors import AnnouncementWithdrawn
from chalicelib.announcements.queries import ATTACHMENTS, PUBLISHER, moment
from chalicelib.announcements.schemas import InboxQuery
from chalicelib.core.errors import found
from chalicelib.core.listing import Listing
from chalicelib.core.pagination import Page

_SHARDS = 16
_COUNT_CHANGE = text(
    "INSERT INTO announcement_changes AS counted (shard, changes) VALUES (:shard, 1)"
    " ON CONFLICT (shard) DO UPDATE SET changes = counted.changes + 1"
)
_TAG = """
    (SELECT coalesce(sum(changes), 0) FROM announcement_changes)
    || '-' || coalesce((SELECT changes FROM inbox_changes WHERE user_id = :user_id), 0)
"""
# Out of two indexes: the few that are not acknowledged, less those withdrawn; and, while a new
# version goes out that asks everybody again, those that it has not come to.
_UNREAD = text(
    f"""
    SELECT tag, CASE WHEN strpos(:known, '"' || tag || '"') = 0 THEN
               (SELECT count(*) FROM deliveries
                 WHERE user_id = :user_id AND state <> 'acknowledged'
                   AND NOT EXISTS (SELECT FROM announcements
                                    WHERE id = announcement_id AND status = 'withdrawn'))
               + (SELECT count(*) FROM announcements
                    JOIN deliveries ON announcement_id = announcements.id AND user_id = :user_id
                   WHERE status = 'published'
                     AND (fanout_state <> 'done' OR reminded_to IS NOT NULL)
                     AND deliveries.version < asked_version AND state = 'acknowledged')
           END AS unread
      FROM (SELECT {_TAG} AS tag) known
    """  # noqa: S608
).columns(column("tag", Text), column("unread", Integer))
_CURRENT_TAG = text(f"SELECT {_TAG}").columns(column("tag", Text))
_SHOWN = "deliveries.version >= asked_version"
_STATE_FIELDS = f"""
    deliveries.id, CASE WHEN {_SHOWN} THEN state ELSE 'queued' END AS state,
    CASE WHEN {_SHOWN} THEN {moment("delivered_at")} END AS delivered_at,
    CASE WHEN {_SHOWN} THEN {moment("ack_at")} END AS ack_at,
    greatest(deliveries.version, asked_version) AS version
"""
_INBOX = Listing(
    table="deliveries",
    source="""
        (SELECT deliveries.*, title, body, html, publisher_id, published_at, requires_ack,
                asked_version, announcements.version AS announcement_version
           FROM deliveries
           JOIN announcements ON announcements.id = announcement_id AND status = 'published')
        deliveries
    """,
    fields=f"""
        deliveries.id,
        json_build_object(
            'id', announcement_id, 'title', title, 'body', body, 'html', html,
            'publisher', {PUBLISHER}, 'published_at', {moment("published_at")},
            'requires_ack', requires_ack, 'version', announcement_version,
            'attachments', {ATTACHMENTS.replace("announcements.id", "deliveries.announcement_id")})
            AS announcement,
        CASE WHEN {_SHOWN} THEN state ELSE 'queued' END AS state,
        CASE WHEN {_SHOWN} THEN {moment("delivered_at")} END AS delivered_at,
        CASE WHEN {_SHOWN} THEN {moment("ack_at")} END AS ack_at,
        greatest(deliveries.version, asked_version) AS version
    """,
    conditions={
        "user": "user_id = :user",
        "unread": f"(state <> 'acknowledged' OR NOT {_SHOWN}) AND :unread",
    },
)
# Onwards only, and the first time is kept; what was done with a version before the one that asks
# again counts for nothing. The event and the change are written with it, or not at all.
_GO_ON = """
    WITH live AS MATERIALIZED (
        SELECT deliveries.id, announcement_id, status, asked_version
          FROM deliveries JOIN announcements ON announcements.id = announcement_id
         WHERE deliveries.id = :id AND user_id = :user_id),
    gone_on AS (
        UPDATE deliveries
           SET state = '{state}', version = greatest(version, asked_version),
               delivered_at = CASE WHEN {shown} THEN coalesce(delivered_at, now()) ELSE now() END,
               ack_at = {ack_at}
          FROM live
         WHERE deliveries.id = live.id AND status = 'published'
           AND (NOT {shown} OR deliveries.state {before})
        RETURNING deliveries.announcement_id, deliveries.id, state, delivered_at, ack_at,
                  deliveries.version),
    told AS (
        INSERT INTO delivery_events (announcement_id, kind, version, user_ids)
        SELECT announcement_id, '{kind}', version, ARRAY[CAST(:user_id AS bigint)] FROM gone_on),
    counted AS (
        INSERT INTO inbox_changes AS counted (user_id, changes)
        SELECT :user_id, 1 FROM gone_on
            ON CONFLICT (user_id) DO UPDATE SET changes = counted.changes + 1)
    SELECT status,
           (SELECT row_to_json(shown)::text
              FROM (SELECT id, state, {delivered} AS delivered_at, {acked} AS ack_at, version
                      FROM gone_on) shown) AS json
      FROM live
"""
_DELIVERED, _ACKNOWLEDGED = (
    text(
        _GO_ON.format(
            state=state,
            before=before,
            kind=kind,
            ack_at=ack_at,
            shown="deliveries.version >= asked_version",
            delivered=moment("delivered_at"),
            acked=moment("ack_at"),
        )
    ).columns(column("status", Text), column("json", Text))
    for state, before, kind, ack_at in (
        ("delivered", "= 'queued'", "shown", "NULL"),
        ("acknowledged", "<> 'acknowledged'", "acknowledged", "now()"),
    )
)
_PRESENT = text(
    f"""
    SELECT status, row_to_json(shown)::text
      FROM deliveries JOIN announcements ON announcements.id = announcement_id
     CROSS JOIN LATERAL (SELECT {_STATE_FIELDS}) shown
     WHERE deliveries.id = :id AND user_id = :user_id
    """  # noqa: S608
)


class Unread(NamedTuple):
    """How much is unread, None where the reader knows; `etag` is opaque."""

    etag: str
    number: int | None


def count_change(connection: Connection, announcement_id: int) -> None:
    """Count a change of what many inboxes show."""
    connection.execute(_COUNT_CHANGE, {"shard": announcement_id % _SHARDS})


def count_unread(connection: Connection, user_id: int, known: str) -> Unread:
    """Return how many deliveries of live announcements are not acknowledged.

    `known` is the If-None-Match of the reader: where it names the present tag, nothing is counted.
    """
    binds = {"user_id": user_id, "known": known}
    return Unread(*connection.execute(_UNREAD, binds).one())


def inbox_tag(connection: Connection, user_id: int) -> str:
    """Return the tag of what a user's inbox shows."""
    return str(connection.execute(_CURRENT_TAG, {"user_id": user_id}).scalar_one())


def list_inbox(connection: Connection, user_id: int, query: InboxQuery) -> Page:
    """Return a page of what is announced to a user, newest first.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    return _INBOX.page(connection, query, sort="-id", user=user_id, unread=query.unread or None)


def mark_delivered(connection: Connection, caller: Caller, delivery_id: int) -> str:
    """Note that a delivery was shown to its reader, and return its state as JSON text.

    Raises:
        NotFound: there is none, or it is somebody else's.
        AnnouncementWithdrawn: it counts for nothing any more.
    """
    return _went_on(connection, caller, delivery_id, _DELIVERED)


def acknowledge(connection: Connection, caller: Caller, delivery_id: int) -> str:
    """Note that the reader has read a delivery, and return its state as JSON text.

    Raises:
        NotFound, AnnouncementWithdrawn: as `mark_delivered`.
    """
    return _went_on(connection, caller, delivery_id, _ACKNOWLEDGED)


def _went_on(
    connection: Connection, caller: Caller, delivery_id: int, statement: TextualSelect
) -> str:
    binds = {"id": delivery_id, "user_id": caller.id}
    status, json = found(connection.execute(statement, binds).one_or_none())
    if status != "published":
        raise AnnouncementWithdrawn
    if json is None:
        # It had gone on before, or did so while we waited for its row.
        _, json = connection.execute(_PRESENT, binds).one()
    return str(json)

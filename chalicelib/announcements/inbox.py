"""What readers see and do: the inbox, how much in it is unread, and that it was shown and read.

Both reads say first how often they have changed: a reader who knows that already costs no look at
a delivery. A change counts for its user, or (a chunk, an edit, a withdrawal) for everybody.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Connection, Integer, Text, column, text

from chalicelib.accounts.rules import Caller
from chalicelib.announcements.errors import AnnouncementWithdrawn
from chalicelib.announcements.schemas import InboxQuery
from chalicelib.core.errors import found
from chalicelib.core.listing import id_before
from chalicelib.core.pagination import MOST_CHARACTERS, Page, Position, encode_cursor

_SHARDS = 16
_NEWEST_FIRST = "-id"
_COUNT_CHANGE = text(
    "INSERT INTO announcement_changes AS counted (shard, changes) VALUES (:shard, 1)"
    " ON CONFLICT (shard) DO UPDATE SET changes = counted.changes + 1"
)
# What is asked all day are functions of the database (migration 0011): to plan these statements
# anew costs more than to run them.
_COUNT_UNREAD = text("SELECT tag, unread FROM count_unread(:user_id, :known)").columns(
    column("tag", Text), column("unread", Integer)
)
_LIST_INBOX = text(
    "SELECT tag, items, more, last_id"
    " FROM list_inbox(:user_id, :known, :before, :unread, :limit, :longest)"
).columns(
    column("tag", Text),
    column("items", Text),
    column("more", Boolean),
    column("last_id", BigInteger),
)
_GO_ON = text("SELECT announced, shown FROM go_on(:user_id, :id, :acknowledges)").columns(
    column("announced", Text), column("shown", Text)
)


class Unread(NamedTuple):
    """How much is unread, None where the reader knows; `etag` is opaque."""

    etag: str
    number: int | None


class Inbox(NamedTuple):
    """A page of an inbox, None where the reader has it; `etag` is opaque."""

    etag: str
    page: Page | None


def count_change(connection: Connection, announcement_id: int) -> None:
    """Count a change of what many inboxes show."""
    connection.execute(_COUNT_CHANGE, {"shard": announcement_id % _SHARDS})


def count_unread(connection: Connection, user_id: int, known: str) -> Unread:
    """Return how many deliveries of live announcements are not acknowledged.

    `known` is the If-None-Match of the reader: where it names the present tag, nothing is counted.
    """
    binds = {"user_id": user_id, "known": known}
    return Unread(*connection.execute(_COUNT_UNREAD, binds).one())


def list_inbox(connection: Connection, user_id: int, query: InboxQuery, known: str) -> Inbox:
    """Return a page of what is announced to a user, newest first.

    `known` as for `count_unread`: where it names the present tag, nothing is listed.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    binds = {
        "user_id": user_id,
        "known": known,
        "before": id_before(query, _NEWEST_FIRST),
        "unread": query.unread,
        "limit": query.limit,
        "longest": MOST_CHARACTERS,
    }
    tag, items, more, last_id = connection.execute(_LIST_INBOX, binds).one()
    if items is None:
        return Inbox(tag, None)
    after = encode_cursor(Position(_NEWEST_FIRST, "", last_id)) if more else None
    return Inbox(tag, Page(items, after))


def mark_delivered(connection: Connection, caller: Caller, delivery_id: int) -> str:
    """Note that a delivery was shown to its reader, and return its state as JSON text.

    Raises:
        NotFound: there is none, or it is somebody else's.
        AnnouncementWithdrawn: it counts for nothing any more.
    """
    return _went_on(connection, caller, delivery_id, acknowledges=False)


def acknowledge(connection: Connection, caller: Caller, delivery_id: int) -> str:
    """Note that the reader has read a delivery, and return its state as JSON text.

    Raises:
        NotFound, AnnouncementWithdrawn: as `mark_delivered`.
    """
    return _went_on(connection, caller, delivery_id, acknowledges=True)


def _went_on(
    connection: Connection, caller: Caller, delivery_id: int, *, acknowledges: bool
) -> str:
    binds = {"user_id": caller.id, "id": delivery_id, "acknowledges": acknowledges}
    announced, shown = connection.execute(_GO_ON, binds).one()
    if found(announced) != "published":
        raise AnnouncementWithdrawn
    return str(shown)

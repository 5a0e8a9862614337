"""Every SELECT over channels and posts; nothing here writes. A secret is never among what goes out:
only that there is one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from chalicelib.channels.rules import FIELDS, ChannelKind
from chalicelib.channels.schemas import ChannelQuery
from chalicelib.channels.sealing import Sealed
from chalicelib.core.listing import Listing, Sort, contains
from chalicelib.core.pagination import Page


def _moment(column: str) -> str:
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"


# Each setting where the kind has it, null where not.
_SETTINGS = ", ".join(f"settings -> '{name}' AS \"{name}\"" for name in FIELDS)
_FIELDS = f"""
    channels.id, kind, name, active, {_SETTINGS}, secret IS NOT NULL AS has_secret,
    (SELECT json_build_object(
                'id', id, 'kind', channel_posts.kind, 'about', about, 'state', state,
                'code', code, 'attempts', attempts, 'created_at', {_moment("created_at")},
                'ended_at', {_moment("ended_at")})
       FROM channel_posts WHERE channel_id = channels.id ORDER BY id DESC LIMIT 1) AS last_post,
    {_moment("channels.created_at")} AS created_at, {_moment("channels.updated_at")} AS updated_at
"""  # noqa: S608
_CHANNELS = Listing(
    table="channels",
    fields=_FIELDS,
    sorts={"name": Sort("name", "lower({})", "text", unique=True)},
    conditions={"q": contains("name"), "kind": "kind = :kind"},
)
_COLUMNS = f"""
    id, version, kind, settings, secret, key_id, active,
    (SELECT row_to_json(shown)::text FROM (SELECT {_FIELDS}) shown) AS json
"""  # noqa: S608
_CHANNEL = text(f"SELECT {_COLUMNS} FROM channels WHERE id = :id")  # noqa: S608
_LOCKED = text(f"{_CHANNEL.text} FOR UPDATE")
_LOCK_ACTIVE = text(
    "SELECT id FROM channels WHERE active AND id = ANY(CAST(:ids AS bigint[]))"
    " ORDER BY id FOR KEY SHARE"
)


class Channel(NamedTuple):
    """A channel as JSON text, and what its owner does not show."""

    id: int
    version: int
    kind: ChannelKind
    settings: dict[str, Any]
    secret: bytes | None
    key_id: str | None
    active: bool
    json: str

    @property
    def etag(self) -> str:
        """Return the opaque tag of this version."""
        return f"{self.id}-{self.version}"

    @property
    def sealed(self) -> Sealed | None:
        """Return its sealed secret, None without one."""
        return None if self.secret is None else Sealed(self.key_id or "", bytes(self.secret))


def find_channel(connection: Connection, channel_id: int, *, lock: bool = False) -> Channel | None:
    """Return a channel, locked against other changes where asked."""
    row = connection.execute(_LOCKED if lock else _CHANNEL, {"id": channel_id}).one_or_none()
    return Channel(*row) if row else None


def list_channels(connection: Connection, query: ChannelQuery) -> Page:
    """Return a page of channels by name.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    return _CHANNELS.page(connection, query, sort="name", q=query.q, kind=query.kind)


def lock_active(connection: Connection, channel_ids: list[int]) -> list[int]:
    """Return which of these channels are there and active, locked against their removal."""
    return list(connection.execute(_LOCK_ACTIVE, {"ids": channel_ids}).scalars())

"""Keyset pagination: a cursor is the sort and the key of the last row that was handed out.

A cursor is opaque to clients and worth nothing to a forger: it is parsed strictly, and what it
holds only ever becomes a bind value of a comparison.
"""

from __future__ import annotations

import base64
import json
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field

from chalicelib.core.errors import Invalid

# A function answers with 6 MB at most: this many characters fit, whatever they are and however
# they are escaped on the way. A page that would be larger is cut short.
MOST_CHARACTERS = 1_400_000
LARGEST_ID = 2**63 - 1
_LONGEST_CURSOR = 4096


class InvalidCursor(Invalid):
    code = "invalid_cursor"
    title = "Invalid cursor"
    detail = "This cursor was not handed out for this list and sort; start from the first page."


class PageQuery(BaseModel):
    """What every list understands; a list adds its filters and its sorts."""

    limit: Annotated[int, Field(ge=1, le=200, description="Items of one page at most.")] = 50
    cursor: Annotated[
        str | None,
        Field(max_length=_LONGEST_CURSOR, description="`next` of the page before; opaque."),
    ] = None


class Position(NamedTuple):
    """Where a page ended: the sort, the text of its key in the last row, and the row's id."""

    sort: str
    key: str
    id: int


class Page(NamedTuple):
    """The items of a page as a JSON array, and the cursor of the next page (None: the last)."""

    items: str
    next: str | None

    @property
    def json(self) -> str:
        """Return the page as the API answers it; the alphabet of a cursor needs no escapes."""
        quoted = f'"{self.next}"' if self.next else "null"
        return f'{{"items":{self.items},"next":{quoted}}}'


def encode_cursor(position: Position) -> str:
    """Return the cursor that stands for a position."""
    packed = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_cursor(cursor: str, sort: str) -> Position:
    """Return the position that a cursor of that sort stands for.

    Raises:
        InvalidCursor: it was not made by `encode_cursor`, or for another sort.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        unpacked = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        position = Position(*unpacked)
        is_ours = _could_be_ours(position) and encode_cursor(position) == cursor
    except (ValueError, TypeError, RecursionError) as unreadable:
        raise InvalidCursor from unreadable
    if not is_ours or position.sort != sort:
        raise InvalidCursor
    return position


def _could_be_ours(position: Position) -> bool:
    return (
        isinstance(position.key, str)
        and "\0" not in position.key
        and type(position.id) is int
        and 0 < position.id <= LARGEST_ID
    )

"""Cursors: opaque, exact, and of no use to a forger."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib.core.pagination import (
    InvalidCursor,
    Page,
    PageQuery,
    Position,
    decode_cursor,
    encode_cursor,
)

positions = st.builds(
    Position,
    sort=st.sampled_from(["code", "-code", "updated_at"]),
    key=st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    id=st.integers(1, 2**63 - 1),
)


@given(positions)
def test_a_cursor_brings_back_its_position(position: Position) -> None:
    cursor = encode_cursor(position)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)
    assert decode_cursor(cursor, position.sort) == position


@given(positions)
def test_a_cursor_is_for_its_own_sort(position: Position) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(encode_cursor(position), "another")


@given(st.text())
def test_any_other_text_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(cursor, "code")


@given(positions, st.text(max_size=3).filter(bool), st.integers(0))
def test_a_cursor_with_something_added_is_refused(
    position: Position, added: str, spot: int
) -> None:
    cursor = encode_cursor(position)
    spot %= len(cursor) + 1
    changed = cursor[:spot] + added + cursor[spot:]
    try:
        read = decode_cursor(changed, position.sort)
    except InvalidCursor:
        return
    assert encode_cursor(read) == changed


def test_a_page_is_json_as_it_stands() -> None:
    assert json.loads(Page("[]", None).json) == {"items": [], "next": None}
    assert json.loads(Page('[{"id":1}]', "abc").json) == {"items": [{"id": 1}], "next": "abc"}


@pytest.mark.parametrize(("limit", "valid"), [(1, True), (200, True), (0, False), (201, False)])
def test_a_page_has_1_to_200_items(limit: int, valid: bool) -> None:
    if valid:
        assert PageQuery(limit=limit).limit == limit
    else:
        with pytest.raises(ValidationError):
            PageQuery(limit=limit)
    assert PageQuery().limit == 50

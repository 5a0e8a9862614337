"""A board on empty tables, with a post of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tests.announcements.board import Board
from tests.mail.post import open_post


@pytest.fixture
def board(clean_database: None, owner: Connection) -> Iterator[Board]:
    with open_post(owner) as opened:
        yield Board(opened)

"""A board on empty tables, with a post of its own; messages stay in the outbox, where a test finds
them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from chalicelib.core.settings import reset_settings
from tests.announcements.board import Board
from tests.mail.post import open_post


@pytest.fixture(autouse=True)
def _no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUEUE_FANOUT_URL", raising=False)
    reset_settings()


@pytest.fixture
def board(clean_database: None, owner: Connection) -> Iterator[Board]:
    with open_post(owner) as opened:
        yield Board(opened)

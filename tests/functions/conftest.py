"""A desk on empty tables, whose bucket and queues are the module's; and a post."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tests.bulk.desk import Desk, bucket_and_queues
from tests.mail.post import Post, open_post
from tests.outbox.queues import Queues


@pytest.fixture(scope="module")
def desk_queues() -> Iterator[Queues]:
    with bucket_and_queues() as queues:
        yield queues


@pytest.fixture
def desk(desk_queues: Queues, clean_database: None, owner: Connection) -> Desk:
    return Desk(owner, desk_queues)


@pytest.fixture
def post(clean_database: None, owner: Connection) -> Iterator[Post]:
    with open_post(owner) as opened:
        yield opened

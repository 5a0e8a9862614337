"""Queues for the tests of the outbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.outbox.queues import Queues, temporary_queues


@pytest.fixture
def queues() -> Iterator[Queues]:
    with temporary_queues() as made:
        yield made

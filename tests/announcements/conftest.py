"""Messages about announcements stay in the outbox, where a test finds them."""

from __future__ import annotations

import pytest

from chalicelib.core.settings import reset_settings


@pytest.fixture(autouse=True)
def _no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUEUE_FANOUT_URL", raising=False)
    reset_settings()

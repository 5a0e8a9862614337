"""A local cloud for the tests that go a whole way through it: none stops a part of it, and each
brings words of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.localstack.cloud import Cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud.started(tmp_path_factory.mktemp("loops") / "state") as cloud:
        yield cloud

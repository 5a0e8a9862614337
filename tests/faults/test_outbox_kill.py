"""A process is killed on the way from a row to a queue: what was committed arrives all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from chalicelib.core import database
from chalicelib.outbox import service as outbox
from tests.faults.outbox_process import MESSAGES, POINTS, killed_at
from tests.outbox.queues import Queues, temporary_queues

pytestmark = pytest.mark.usefixtures("clean_database")

EVERYTHING = {str(n) for n in range(MESSAGES)}


@pytest.fixture
def queues() -> Iterator[Queues]:
    with temporary_queues() as made:
        yield made


def _relay_twice_later(owner: Connection) -> None:
    for _ in range(2):
        owner.execute(text("UPDATE outbox SET claimed_until = now() - interval '1 second'"))
        owner.commit()
        outbox.relay()


def _outbox_is_empty(owner: Connection) -> bool:
    left = owner.execute(text("SELECT count(*) FROM outbox")).scalar_one()
    owner.rollback()
    return bool(left == 0)


@pytest.mark.parametrize("point", POINTS["write"])
def test_a_killed_writer_sends_what_it_committed(
    point: str, queues: Queues, owner: Connection
) -> None:
    killed_at("write", point)
    committed = set(owner.execute(text("SELECT code FROM courses")).scalars())
    assert committed == (set() if point in ("after INSERT", "before COMMIT") else EVERYTHING)
    _relay_twice_later(owner)
    arrived = Counter(body["code"] for body in queues.receive())
    assert set(arrived) == committed
    assert max(arrived.values(), default=0) <= 2
    assert _outbox_is_empty(owner)


@pytest.mark.parametrize("point", POINTS["relay"])
def test_what_a_killed_relay_had_claimed_is_sent_by_another(
    point: str, queues: Queues, owner: Connection
) -> None:
    with database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox (queue, body, correlation_id, claimed_until)"
                " SELECT 'imports', jsonb_build_object('code', n::text), 'request-0001', now()"
                " FROM generate_series(0, :last) n"
            ),
            {"last": MESSAGES - 1},
        )
    killed_at("relay", point)
    before = outbox.relay()
    if point not in ("before UPDATE", "after UPDATE"):
        assert before == outbox.Relayed(sent=0, failed=0), "its claim is respected"
    _relay_twice_later(owner)
    arrived = Counter(body["code"] for body in queues.receive())
    assert set(arrived) == EVERYTHING
    assert max(arrived.values()) <= 2
    assert _outbox_is_empty(owner)

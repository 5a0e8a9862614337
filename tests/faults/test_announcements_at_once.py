"""All who write about one announcement at once, as long as it takes to find a deadlock: readers,
chunks, editions, reminders, what became of mails, and the sealer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from chalicelib.announcements import audience, ledger, reminding
from chalicelib.announcements.errors import RemindedTooSoon
from chalicelib.core import database
from tests.announcements.proofs import check, save_proof
from tests.announcements.school import School, fan_out, small_chunks
from tests.faults.fanout_kills import ended, settle, start

STUDENTS = 200
SECONDS = 4.0
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def test_nobody_waits_for_each_other(
    clean_database: None, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QUEUE_FANOUT_URL", raising=False)
    monkeypatch.setattr(audience, "CHUNK_SIZE", STUDENTS // 2)
    monkeypatch.setattr(reminding, "BATCH", STUDENTS // 2)
    school = School(owner, STUDENTS, at_once=range(0, STUDENTS, 2))
    told = school.announce()
    settle(school, told)
    rows = school.read("SELECT user_id, id FROM deliveries ORDER BY id")
    [(deadlocks,)] = school.read(_DEADLOCKS)

    def read() -> None:
        for student, delivery in rows[os.getpid() % 7 :: 7]:
            school.mark_delivered(student, delivery)
            school.acknowledge(student, delivery)

    def edit() -> None:
        school.edit(told, material=True)
        fan_out(told)

    def remind() -> None:
        _write("UPDATE announcements SET reminded_at = reminded_at - interval '61 minutes'")
        try:
            school.remind(told)
        except RemindedTooSoon:
            return
        fan_out(told)

    def take_over() -> None:
        _write("UPDATE mails SET state = 'sent', ended_at = now() WHERE state = 'queued'")
        with database.transaction() as connection:
            ledger.take_over_mails(connection, 1000)

    def seal() -> None:
        with database.transaction() as connection:
            ledger.seal_events(connection, told)

    work = (read, read, edit, lambda: fan_out(told), remind, take_over, seal)
    workers = [start(_again(each)) for each in work]
    assert all([ended(worker) for worker in workers])  # noqa: C419
    assert school.read(_DEADLOCKS) == [(deadlocks,)]
    settle(school, told)
    [(asked,)] = school.read("SELECT asked_version FROM announcements")
    assert asked > 3
    deliveries = school.deliveries(told)
    assert set(deliveries) == set(school.students)
    assert {version for version, _ in deliveries.values()} == {asked}
    queued = school.queued(told)
    assert len(set(queued)) == len(queued)
    assert check(save_proof(told)) == 0


def _again(work: Callable[[], object]) -> Callable[[], None]:
    def repeat() -> None:
        small_chunks(STUDENTS // 2)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            work()

    return repeat


def _write(statement: str) -> None:
    with database.transaction() as connection:
        connection.execute(text(statement))

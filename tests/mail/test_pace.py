"""Mails leave no faster than SES grants, measured by the slots that workers are given."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Connection, text

from chalicelib.core import database
from chalicelib.core.settings import get_settings, reset_settings
from chalicelib.mail.pace import LONGEST_WAIT_SECONDS, Slot, slow_down, take_slot

pytestmark = pytest.mark.usefixtures("clean_database")

RATE = 50
GAP = timedelta(seconds=1 / RATE)
# Postgres keeps microseconds.
ROUNDING = timedelta(microseconds=2)
WORKERS, SLOTS = 4, 25


@pytest.fixture(autouse=True)
def rate(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MAIL_RATE_PER_SECOND", str(RATE))
    reset_settings()
    yield
    monkeypatch.undo()
    reset_settings()


def take() -> Slot:
    with database.transaction() as connection:
        slot = take_slot(connection)
    assert slot is not None
    return slot


def slow(slot: Slot) -> None:
    with database.transaction() as connection:
        slow_down(connection, slot)


def take_some(_worker: int) -> list[datetime]:
    return [take().at for _ in range(SLOTS)]


def put(owner: Connection, assignment: str) -> None:
    owner.execute(text(f"UPDATE mail_pace SET {assignment}"))
    owner.commit()


def test_the_first_mail_leaves_at_once_and_the_next_ones_in_turn() -> None:
    slots = [take() for _ in range(20)]
    assert slots[0].wait_seconds < GAP.total_seconds()
    for one, next_ in pairwise(slots):
        assert next_.at - one.at >= GAP - ROUNDING


def test_workers_share_one_rate() -> None:
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        taken = sorted(at for slots in pool.map(take_some, range(WORKERS)) for at in slots)
    assert len(taken) == WORKERS * SLOTS
    assert min(next_ - one for one, next_ in pairwise(taken)) >= GAP - ROUNDING
    assert taken[-1] - taken[0] >= (WORKERS * SLOTS - 1) * (GAP - ROUNDING)


def test_a_pause_saves_nothing_up(owner: Connection) -> None:
    take()
    put(owner, "next_at = now() - interval '1 hour'")
    slots = [take() for _ in range(5)]
    assert all(next_.at - one.at >= GAP - ROUNDING for one, next_ in pairwise(slots))


def test_a_slot_that_is_too_far_away_is_not_taken(owner: Connection) -> None:
    take()
    put(owner, f"next_at = now() + interval '{LONGEST_WAIT_SECONDS + 5} seconds'")
    before = owner.execute(text("SELECT * FROM mail_pace")).one()
    with database.transaction() as connection:
        assert take_slot(connection) is None
    assert owner.execute(text("SELECT * FROM mail_pace")).one() == before
    put(owner, f"next_at = now() + interval '{LONGEST_WAIT_SECONDS - 5} seconds'")
    assert 10 < take().wait_seconds <= LONGEST_WAIT_SECONDS


def test_a_refusal_keeps_all_workers_waiting_and_doubles_the_gap() -> None:
    refused = take()
    slow(refused)
    one, next_ = take(), take()
    assert one.at - refused.at >= timedelta(seconds=1) - ROUNDING
    assert next_.at - one.at >= 2 * GAP * 0.98


def test_refusals_of_one_moment_count_once() -> None:
    slots = [take() for _ in range(4)]
    for slot in slots:
        slow(slot)
    one, next_ = take(), take()
    assert next_.at - one.at < 2 * GAP + ROUNDING


def test_refusal_after_refusal_ends_at_ten_seconds(owner: Connection) -> None:
    for _ in range(15):
        slot = take()
        put(owner, "slowed_from = NULL, next_at = now()")
        slow(slot)
    gap = owner.execute(text("SELECT gap_seconds FROM mail_pace")).scalar_one()
    assert gap == 10


def test_the_gap_comes_down_again_but_not_below_the_rate(owner: Connection) -> None:
    slow(take())
    gaps = []
    for _ in range(100):
        put(owner, "next_at = now()")
        take()
        gaps.append(owner.execute(text("SELECT gap_seconds FROM mail_pace")).scalar_one())
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > gaps[10]
    assert gaps[-1] == 1 / get_settings().mail_rate_per_second


def test_a_lower_rate_counts_from_the_next_slot_on(monkeypatch: pytest.MonkeyPatch) -> None:
    take()
    monkeypatch.setenv("MAIL_RATE_PER_SECOND", "2")
    reset_settings()
    one, next_ = take(), take()
    assert next_.at - one.at >= timedelta(seconds=0.5) - ROUNDING

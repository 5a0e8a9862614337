"""The function of every hour: digests to whose hour it is, and reminders that are due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

from chalicelib.announcements.fanout import fan_out
from functions.send_digests import handler as send_digests
from functions.send_digests.handler import Unfinished, handler
from tests.announcements.board import Board
from tests.functions.events import Context, schedule_event
from tests.mail.post import Post


@pytest.fixture
def board(post: Post) -> Board:
    return Board(post)


@pytest.fixture(autouse=True)
def at_18_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 9, 1, 18, 0, 7, tzinfo=UTC)
    monkeypatch.setattr(send_digests, "read_clock", lambda _: now)


def age(board: Board, interval: str) -> None:
    board.write(
        "UPDATE announcements SET published_at = published_at - CAST(:age AS interval),"
        " reminded_at = reminded_at - CAST(:age AS interval)",
        age=interval,
    )


def test_two_runs_in_one_hour_send_one_digest_to_each(board: Board) -> None:
    board.reader("chloe", wants=None)
    board.reader("dai", wants="digest")
    board.reader("femi", wants="off")
    board.announce()
    assert handler(schedule_event(), Context()) == {"digests": 2, "reminders": 0}
    assert handler(schedule_event(), Context()) == {"digests": 0, "reminders": 0}
    board.deliver("announcement_digest")
    board.deliver("announcement_digest")
    assert [mail["To"].partition("@")[0] for mail in board.post.sent] == ["chloe", "dai"]


def test_who_gets_mails_at_once_is_reminded_a_day_later_and_every_third_day(board: Board) -> None:
    board.reader("chloe", wants="immediate")
    board.reader("dai", wants="digest")
    board.announce()
    rounds = []
    for waited in ("23 hours", "2 hours", "2 days", "2 days", "4 days", "1 day", "4 days"):
        age(board, waited)
        rounds.append(handler(schedule_event(), Context())["reminders"])
    assert rounds == [0, 1, 0, 1, 1, 0, 0]
    assert len(board.mails("announcement_reminder")) == 3
    board.deliver("announcement_reminder")
    assert {mail["To"] for mail in board.post.sent} == {"chloe@rollcall.example"}


def test_what_needs_no_answer_or_has_it_reminds_nobody(board: Board) -> None:
    chloe = board.reader("chloe")
    board.announce(requires_ack=False)
    answered = board.announce()
    board.withdraw(board.announce())
    board.acknowledge(chloe)
    age(board, "2 days")
    assert handler(schedule_event(), Context())["reminders"] == 1
    assert board.mails("announcement_reminder") == []
    assert board.read("SELECT reminders FROM announcements WHERE id = :id", id=answered)[0][0] == 1


def test_a_long_round_goes_on_in_the_fan_out(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.announcements.reminding.BATCH", 2)
    for n in range(5):
        board.reader(f"student{n}")
    told = board.announce()
    age(board, "2 days")
    assert handler(schedule_event(), Context())["reminders"] == 1
    assert len(board.mails("announcement_reminder")) == 2
    fan_out(told, lambda: True)
    assert len(board.mails("announcement_reminder")) == 5


def test_without_time_it_says_that_it_is_not_done(board: Board, owner: Connection) -> None:
    board.reader(wants=None)
    board.announce()
    with pytest.raises(Unfinished):
        handler(schedule_event(), Context(timeout_seconds=10))
    assert board.mails("announcement_digest") == []
    assert handler(schedule_event(), Context())["digests"] == 1

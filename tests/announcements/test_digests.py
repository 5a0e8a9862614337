"""Digests by the reader's clock, once a day, of what is not acknowledged when they are sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chalicelib.announcements import digests
from chalicelib.announcements.letters import MOST_TITLES
from chalicelib.announcements.rules import local_time
from tests.announcements.board import Board, digest_all
from tests.mail.post import links, plain

KIND = "announcement_digest"


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("timezone", "hour", "moment", "day"),
    [
        ("UTC", 18, "2026-09-01T18:00", 20260901),
        ("UTC", 18, "2026-09-01T18:59", 20260901),
        ("UTC", 18, "2026-09-01T17:59", None),
        ("UTC", 18, "2026-09-01T19:00", None),
        ("UTC", 0, "2026-09-01T00:00", 20260901),
        ("Asia/Shanghai", 18, "2026-09-01T10:00", 20260901),
        ("Asia/Shanghai", 7, "2026-08-31T23:00", 20260901),
        ("America/Los_Angeles", 18, "2026-09-02T01:00", 20260901),
        ("Asia/Kolkata", 18, "2026-09-01T13:00", 20260901),
        ("Europe/Berlin", 18, "2026-10-24T16:00", 20261024),
        ("Europe/Berlin", 18, "2026-10-25T17:00", 20261025),
        ("Europe/Berlin", 2, "2026-10-25T00:00", 20261025),
        ("Europe/Berlin", 2, "2026-10-25T01:00", 20261025),
        ("Mars/Olympus", 18, "2026-09-01T18:00", 20260901),
    ],
)
def test_it_is_due_at_the_readers_hour_and_named_after_the_readers_day(
    board: Board, timezone: str, hour: int, moment: str, day: int | None
) -> None:
    chloe = board.reader(wants=None)
    board.prefer(chloe, digest_hour=hour, timezone=timezone)
    board.announce()
    assert digest_all(at(moment)) == (day is not None)
    rows = board.read("SELECT user_id, about, occasion FROM mails")
    assert [tuple(row) for row in rows] == ([(chloe, None, day)] if day else [])


def test_who_never_said_gets_one_at_18_utc(board: Board) -> None:
    board.reader(wants=None)
    board.announce()
    assert digest_all(at("2026-09-01T17:00")) == 0
    assert digest_all(at("2026-09-01T18:00")) == 1


def test_two_runs_in_an_hour_or_in_the_hour_that_comes_twice_are_one_digest(board: Board) -> None:
    chloe = board.reader(wants=None)
    board.prefer(chloe, digest_hour=2, timezone="Europe/Berlin")
    board.announce()
    moments = ("2026-10-25T00:00", "2026-10-25T00:59", "2026-10-25T01:00", "2026-10-26T01:00")
    assert [digest_all(at(moment)) for moment in moments] == [1, 0, 0, 1]


def test_each_digest_has_a_message(board: Board) -> None:
    board.reader(wants=None)
    board.announce()
    digest_all(at("2026-09-01T18:00"))
    (mail_id,) = board.mails(KIND)
    bodies = [row.body for row in board.read("SELECT body FROM outbox WHERE queue = 'mail'")]
    assert bodies == [{"mail_id": mail_id}]


def test_who_has_nothing_to_acknowledge_gets_none(board: Board) -> None:
    chloe, dai = board.reader(wants=None), board.reader("dai", wants=None)
    withdrawn = board.announce(audience={"kind": "users", "ids": [dai]})
    board.withdraw(withdrawn)
    board.announce(audience={"kind": "users", "ids": [chloe]})
    board.acknowledge(chloe)
    assert digest_all(at("2026-09-01T18:00")) == 0


def test_who_is_inactive_or_wants_none_gets_none(board: Board) -> None:
    board.reader("chloe", wants="immediate")
    board.reader("dai", wants="off")
    femi = board.reader("femi", wants="digest")
    board.announce()
    board.write("UPDATE users SET active = false WHERE id = :id", id=femi)
    assert digest_all(at("2026-09-01T18:00")) == 0


def test_a_zone_that_is_none_costs_others_nothing(board: Board) -> None:
    chloe, dai = board.reader(wants=None), board.reader("dai", wants=None)
    board.prefer(chloe, timezone="Mars/Olympus")
    board.prefer(dai, timezone="Asia/Shanghai", digest_hour=2)
    board.announce()
    assert digest_all(at("2026-09-01T18:00")) == 2


def test_all_readers_are_gone_through_in_batches(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "BATCH", 2)
    for n in range(5):
        board.reader(f"student{n}", wants=None)
    board.announce()
    assert digest_all(at("2026-09-01T18:00")) == 5
    assert digest_all(at("2026-09-01T18:30")) == 0


@pytest.mark.parametrize(
    ("locale", "subject", "line", "more"),
    [
        ("en", "Announcements that wait for you", "- Notice 24 (Rosa Ortiz)", "And 5 more."),
        ("zh-CN", "您有待确认的公告", "- Notice 24（Rosa Ortiz）", "另有 5 条未列出。"),
    ],
)
def test_it_lists_the_newest_and_says_how_many_more(
    board: Board, locale: str, subject: str, line: str, more: str
) -> None:
    board.reader(wants=None, locale=locale)
    for n in range(25):
        board.announce(title=f"Notice {n}")
    digest_all(at("2026-09-01T18:00"))
    board.deliver(KIND)
    (mail,) = board.post.sent
    assert mail["Subject"] == subject
    lines = [shown for shown in plain(mail).splitlines() if shown.startswith("- ")]
    assert (len(lines), lines[0]) == (MOST_TITLES, line)
    assert more in plain(mail)
    assert any(link.endswith("/messages") for link in links(mail))
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_it_says_what_is_true_when_it_is_sent(board: Board) -> None:
    board.reader(wants=None)
    first, second = board.announce(title="First"), board.announce(title="Second")
    digest_all(at("2026-09-01T18:00"))
    board.withdraw(first)
    board.edit(second, title="Renamed")
    board.deliver(KIND)
    (mail,) = board.post.sent
    lines = [shown for shown in plain(mail).splitlines() if shown.startswith("- ")]
    assert lines == ["- Renamed (Rosa Ortiz)"]
    assert " more." not in plain(mail)


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        ("acknowledged", "no_longer_due"),
        ("withdrawn", "no_longer_due"),
        ("wants mails at once", "no_longer_due"),
        ("wants none", "mail_off"),
        ("late", "no_longer_due"),
    ],
)
def test_what_happened_before_it_is_sent_counts(board: Board, meanwhile: str, reason: str) -> None:
    chloe = board.reader(wants=None)
    told = board.announce()
    digest_all(at("2026-09-01T18:00"))
    match meanwhile:
        case "acknowledged":
            board.acknowledge(chloe)
        case "withdrawn":
            board.withdraw(told)
        case "wants mails at once":
            board.prefer(chloe, mail="immediate")
        case "wants none":
            board.prefer(chloe, mail="off")
        case "late":
            board.write("UPDATE mails SET created_at = now() - interval '25 hours'")
    board.deliver(KIND)
    assert board.ends(KIND) == [("skipped", reason)]
    assert board.post.sent == []


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "a\0b", "Europe"])
def test_a_clock_that_there_is_not_shows_utc(name: str) -> None:
    assert local_time(name, at("2026-09-01T18:00")) == at("2026-09-01T18:00")
    assert local_time(name, at("2026-09-01T18:00")).hour == 18

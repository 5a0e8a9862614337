"""Mails about announcements: to whom, what they say, when not at all, and that each comes once."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from chalicelib.core.settings import reset_settings
from tests.announcements.board import TITLE, Board
from tests.mail.post import links, markup, plain

ORIGIN = os.environ["WEB_ORIGIN"]
KINDS = ("announcement_published", "announcement_reminder")


def queued(board: Board, kind: str) -> int:
    """Announce, remind where the kind is that, and return the announcement."""
    told = board.announce()
    if kind == "announcement_reminder":
        board.remind(told)
    return told


def one_click(mail: EmailMessage) -> str:
    """Return the URL by which a mail program unsubscribes."""
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    given = str(mail["List-Unsubscribe"])
    assert (given[0], given[-1]) == ("<", ">")
    return given[1:-1]


def test_who_wants_mails_at_once_gets_one_when_it_is_published(board: Board) -> None:
    board.reader("chloe")
    for name, wants in (("dai", "digest"), ("femi", "off"), ("gil", None)):
        board.reader(name, wants=wants)
    board.announce()
    board.deliver("announcement_published")
    (mail,) = board.post.sent
    assert mail["To"] == "chloe@rollcall.example"
    assert mail["Subject"] == f"Announcement: {TITLE}"
    assert "Rosa Ortiz has announced:" in plain(mail)
    assert "\n    No class on Friday\n" in plain(mail)
    assert "\nThe whole school is on a trip.\n" in plain(mail)
    assert links(mail) == {f"{ORIGIN}/messages", one_click(mail)}


def test_a_reminder_goes_to_who_has_not_acknowledged_and_wants_mails(board: Board) -> None:
    chloe = board.reader("chloe")
    for name, wants in (("dai", "digest"), ("femi", "off"), ("gil", None)):
        board.reader(name, wants=wants)
    told = board.announce()
    board.acknowledge(chloe)
    board.remind(told)
    board.deliver("announcement_reminder")
    assert [mail["To"].partition("@")[0] for mail in board.post.sent] == ["dai", "gil"]
    assert {mail["Subject"] for mail in board.post.sent} == {f"Please confirm: {TITLE}"}


@pytest.mark.parametrize(
    ("kind", "subject", "words"),
    [
        ("announcement_published", f"公告：{TITLE}", "Rosa Ortiz 发布了公告："),
        ("announcement_reminder", f"请确认：{TITLE}", "Rosa Ortiz 请您确认已阅读以下公告："),
    ],
)
def test_it_is_told_in_the_readers_language(
    board: Board, kind: str, subject: str, words: str
) -> None:
    board.reader("dai", full_name="戴明", locale="zh-CN")
    queued(board, kind)
    board.deliver(kind)
    (mail,) = board.post.sent
    assert mail["Subject"] == subject
    assert plain(mail).startswith("戴明，您好：\n")
    assert words in plain(mail)
    assert "退订" in plain(mail)
    assert "退订" in markup(mail)


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_comes_twice_is_one_mail_each(board: Board, kind: str) -> None:
    for name in ("chloe", "dai", "femi"):
        board.reader(name)
    queued(board, kind)
    mails = board.mails(kind)
    chance = random.Random(5)
    messages = [mail_id for mail_id in mails for _ in range(chance.randint(1, 5))]
    chance.shuffle(messages)
    assert board.post.deliver(*messages) == 0
    to = sorted(mail["To"].partition("@")[0] for mail in board.post.sent)
    assert to == ["chloe", "dai", "femi"]


def acknowledged(board: Board, chloe: int, _told: int) -> None:
    board.acknowledge(chloe)


def withdrawn(board: Board, _chloe: int, told: int) -> None:
    board.withdraw(told)


def turned_off(board: Board, chloe: int, _told: int) -> None:
    board.prefer(chloe, mail="off")


def deactivated(board: Board, chloe: int, _told: int) -> None:
    board.write("UPDATE users SET active = false WHERE id = :id", id=chloe)


def erased(board: Board, chloe: int, _told: int) -> None:
    board.write("UPDATE users SET active = false, erased_at = now() WHERE id = :id", id=chloe)


def suppressed(board: Board, _chloe: int, _told: int) -> None:
    board.write(
        "INSERT INTO mail_suppressions (address, reason) VALUES ('chloe@rollcall.example',"
        " 'complaint')"
    )


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (acknowledged, "no_longer_due"),
        (withdrawn, "withdrawn"),
        (turned_off, "mail_off"),
        (deactivated, "inactive"),
        (erased, "no_account"),
        (suppressed, "suppressed"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_happened_meanwhile_counts(
    board: Board, kind: str, meanwhile: Callable[[Board, int, int], None], reason: str
) -> None:
    chloe = board.reader()
    meanwhile(board, chloe, queued(board, kind))
    board.deliver(kind)
    assert board.ends(kind) == [("skipped", reason)]
    assert board.post.sent == []
    assert board.read("SELECT 1 FROM unsubscribe_links") == [], "no link that nobody gets"
    assert board.read("SELECT 1 FROM mail_pace") == [], "no slot either"


def test_a_version_that_asks_again_has_a_mail_of_its_own(board: Board) -> None:
    board.reader()
    told = board.announce()
    board.edit(told, body="On Monday.", material=True)
    board.edit(told, title="Renamed")
    board.deliver("announcement_published")
    assert board.ends("announcement_published") == [("skipped", "no_longer_due"), ("sent", None)]
    (mail,) = board.post.sent
    assert mail["Subject"] == "Announcement: Renamed"
    assert "On Monday." in plain(mail)


def test_the_text_is_words_only_and_no_more_than_a_beginning(board: Board) -> None:
    board.reader()
    board.announce(
        body=f"# Hall **A**\n\n<b>1 < 2</b> `$name` [x](https://evil.example)\n{'y ' * 999}"
    )
    board.deliver("announcement_published")
    (mail,) = board.post.sent
    words = " ".join(plain(mail).split())
    assert "Hall A <b>1 < 2</b> $name x y y y" in words
    assert "y y…" in words
    assert len(words) < 1000
    assert "&lt;b&gt;1 &lt; 2&lt;/b&gt;" in markup(mail)
    assert "evil.example" not in markup(mail) + plain(mail)


def test_a_title_can_add_neither_header_nor_line_nor_tag(board: Board) -> None:
    board.reader()
    evil = "Free\r\nBcc: all@school.example\r\n\r\n<script>x</script>\u202e $link \x85" + "好" * 100
    told = board.announce()
    board.write("UPDATE announcements SET title = :title WHERE id = :id", title=evil, id=told)
    board.deliver("announcement_published")
    (mail,) = board.post.sent
    assert set(mail.keys()) == {
        *("To", "From", "Subject", "Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post"),
        *("MIME-Version", "Content-Type"),
    }
    subject = " ".join(str(mail["Subject"]).split())
    shown = "Free Bcc: all@school.example <script>x</script> $link"
    assert subject.startswith(f"Announcement: {shown} 好好")
    assert subject.endswith("好…")
    assert len(subject) <= len("Announcement: ") + 120
    assert "<script" not in markup(mail)
    assert len(links(mail)) == 2


def test_each_reader_has_one_link_in_all_mails(board: Board) -> None:
    board.reader("chloe")
    board.reader("dai")
    queued(board, "announcement_reminder")
    for kind in KINDS:
        board.deliver(kind)
    found: dict[str, set[str]] = {}
    for mail in board.post.sent:
        found.setdefault(str(mail["To"]), set()).add(one_click(mail))
    assert [len(urls) for urls in found.values()] == [1, 1]
    chloes, dais = (urls.pop() for urls in found.values())
    assert chloes != dais
    for url in (chloes, dais):
        assert url.startswith(f"{ORIGIN}/unsubscribe/")
        assert len(url.rpartition("/")[2]) == 43


def test_the_link_leads_to_the_api_where_that_is_elsewhere(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.reader()
    board.announce()
    monkeypatch.setenv("API_ORIGIN", "https://api.school.example/prod/")
    reset_settings()
    board.deliver("announcement_published")
    assert one_click(board.post.sent[0]).startswith("https://api.school.example/prod/unsubscribe/")
    assert f"{ORIGIN}/messages" in links(board.post.sent[0])
    monkeypatch.undo()
    reset_settings()


def test_mails_that_an_account_needs_have_no_such_link(board: Board) -> None:
    mail_id = board.post.queue("forgot_username", user_id=board.reader(wants="off"))
    assert board.post.deliver(mail_id) == 0
    (mail,) = board.post.sent
    assert mail["List-Unsubscribe"] is mail["List-Unsubscribe-Post"] is None

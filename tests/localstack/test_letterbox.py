"""Mails are kept as they were sent, the newest of them, and read back with their headers."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import letterbox
import pytest
from local_routes import _mail_of


def mail(subject: str = "Hello", **headers: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = "Rollcall <no-reply@rollcall.example>"
    message["To"] = "Chloe <chloe@rollcall.example>, dai@rollcall.example"
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("一\n二\n", cte="base64")
    message.add_alternative("<p>一</p>", subtype="html", cte="base64")
    return message.as_bytes()


def test_a_mail_is_read_as_it_was_sent(tmp_path: Path) -> None:
    letterbox.keep(
        tmp_path, mail("停课通知", List_Unsubscribe="<https://x.example>"), 1_790_000_000 * 10**9
    )
    (kept,) = letterbox.read(tmp_path)
    assert kept["to"] == ["chloe@rollcall.example", "dai@rollcall.example"]
    assert kept["from"] == kept["headers"]["From"] == "Rollcall <no-reply@rollcall.example>"
    assert kept["subject"] == kept["headers"]["Subject"] == "停课通知"
    assert kept["headers"]["List-Unsubscribe"] == "<https://x.example>"
    assert (kept["text"], kept["html"]) == ("一\n二\n", "<p>一</p>\n")
    assert kept["sent_at"] == "2026-09-21T14:13:20Z"


def test_the_newest_come_first_and_the_oldest_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letterbox, "KEPT", 3)
    for sent_ns in (5, 3, 9, 3, 7):
        letterbox.keep(tmp_path, mail(f"at {sent_ns}"), sent_ns)
    assert [kept["subject"] for kept in letterbox.read(tmp_path)] == ["at 9", "at 7", "at 5"]
    assert len(list(tmp_path.iterdir())) == 3


def test_two_at_the_same_moment_are_both_kept(tmp_path: Path) -> None:
    names = {letterbox.keep(tmp_path, mail(), 7) for _ in range(3)}
    assert len(names) == len(letterbox.read(tmp_path)) == 3


def test_only_the_owner_may_read_and_what_is_half_written_is_not_read(tmp_path: Path) -> None:
    letterbox.keep(tmp_path, mail(), 7)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "0000000000000000008.new").write_bytes(b"Subject: half")
    assert len(letterbox.read(tmp_path)) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no header at all",
        b"\xff\xfe\0",
        b"Content-Type: text/plain; charset=klingon\r\n\r\nx",
        b"To: @@@\r\nContent-Type: multipart/mixed\r\n\r\n--",
        b"Subject: =?klingon?q?x?=\r\n\r\nx",
        b"Subject: =?utf-8?b?%%%?=\r\nTo: \xff <>,;:\r\n\r\n\xff",
        b"Content-Type: text/plain; charset=\xff\r\nContent-Transfer-Encoding: base64\r\n\r\n%",
    ],
)
def test_whatever_was_sent_can_be_listed(tmp_path: Path, content: bytes) -> None:
    letterbox.keep(tmp_path, content, 7)
    (kept,) = letterbox.read(tmp_path)
    assert set(kept) == {"to", "cc", "from", "subject", "text", "html", "headers", "sent_at"}


def test_a_header_of_several_lines_is_one(tmp_path: Path) -> None:
    subject = "明天停课，请各位同学留意教务处通知。" * 8
    letterbox.keep(tmp_path, mail(subject, X_Note="word " * 60), 7)
    (kept,) = letterbox.read(tmp_path)
    assert kept["subject"] == subject
    assert kept["headers"]["X-Note"].split() == ["word"] * 60
    assert "\n" not in "".join(kept["headers"].values())


def test_a_header_that_comes_twice_shows_both(tmp_path: Path) -> None:
    letterbox.keep(tmp_path, b"X-Note: a\r\nX-Note: b\r\n\r\n", 7)
    assert letterbox.read(tmp_path)[0]["headers"] == {"X-Note": "a, b"}


def test_another_emulators_mails_have_the_headers_that_it_knows() -> None:
    shown = _mail_of(
        {
            "To": ["chloe@rollcall.example"],
            "CC": [],
            "Source": "no-reply@rollcall.example",
            "Subject": "Hello",
            "BodyText": "x",
            "BodyHtml": None,
            "Timestamp": "1790000000.5",
        }
    )
    assert shown["headers"] == {
        "From": "no-reply@rollcall.example",
        "To": "chloe@rollcall.example",
        "Subject": "Hello",
    }

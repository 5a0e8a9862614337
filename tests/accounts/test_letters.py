"""The mails of an account: to whom, in which language, with which link, and when not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Connection, text

from chalicelib.core.settings import reset_settings
from tests.mail.post import Post, links, markup, open_post, plain

ORIGIN = os.environ["WEB_ORIGIN"]


@pytest.fixture
def post(clean_database: None, owner: Connection) -> Iterator[Post]:
    with open_post(owner) as opened:
        yield opened


def test_a_forgotten_username_goes_to_the_address_that_the_account_has(post: Post) -> None:
    post.user(email="Chloe@Rollcall.Example")
    mail_id = post.queue("forgot_username", address="cHLOE@rollcall.EXAMPLE")
    assert post.deliver(mail_id) == 0
    (mail,) = post.sent
    assert mail["To"] == "Chloe@Rollcall.Example"
    assert mail["Subject"] == "Your Rollcall username"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "\n    chloe\n" in plain(mail)
    assert links(mail) == {f"{ORIGIN}/login"}
    assert post.tokens() == 0


def test_a_forgotten_password_brings_a_link_that_holds_half_an_hour(post: Post) -> None:
    user_id = post.user()
    post.deliver(post.queue("forgot_password", address="chloe@rollcall.example"))
    (mail,) = post.sent
    (link,) = links(mail)
    assert link.startswith(f"{ORIGIN}/reset-password?token=")
    row = _only_token(post)
    assert bytes(row.token_hash) == hashlib.sha256(_token(link).encode()).digest()
    assert (row.user_id, row.seconds) == (user_id, 30 * 60)


def test_an_invitation_names_the_user_and_holds_a_week(post: Post) -> None:
    user_id = post.user("dai", full_name="戴明", locale="zh-CN")
    post.deliver(post.queue("invitation", user_id=user_id))
    (mail,) = post.sent
    assert (mail["To"], mail["Subject"]) == ("dai@rollcall.example", "您的 Rollcall 账号已开通")
    assert plain(mail).startswith("戴明，您好：\n")
    assert "\n    dai\n" in plain(mail)
    assert '<html lang="zh-CN">' in markup(mail)
    assert _only_token(post).seconds == 7 * 24 * 60 * 60


def test_a_changed_password_is_told_with_the_plain_page_to_sign_in(post: Post) -> None:
    user_id = post.user(password_hash="$argon2id$")
    post.deliver(post.queue("password_changed", user_id=user_id))
    (mail,) = post.sent
    assert links(mail) == {f"{ORIGIN}/login"}
    assert post.tokens() == 0


def test_the_language_is_the_users_own_and_not_the_requests(post: Post) -> None:
    user_id = post.user(locale="zh-CN")
    post.deliver(post.queue("password_changed", user_id=user_id))
    assert post.sent[0]["Subject"] == "您的 Rollcall 密码已更改"


def test_who_has_no_full_name_is_called_by_the_username(post: Post) -> None:
    post.deliver(post.queue("invitation", user_id=post.user(full_name="\u202e")))
    assert plain(post.sent[0]).startswith("Hello chloe,\n")


@pytest.mark.parametrize("kind", ["forgot_username", "forgot_password"])
def test_an_address_that_nobody_has_gets_nothing_and_is_forgotten(post: Post, kind: str) -> None:
    post.user()
    mail_id = post.queue(kind, address="stranger@elsewhere.example")
    assert post.deliver(mail_id) == 0
    row = post.row(mail_id)
    assert (row.state, row.reason, row.address) == ("skipped", "no_account", None)
    assert post.sent == []


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        ({"active": False}, "inactive"),
        ({"erased_at": "2026-01-01", "active": False}, "no_account"),
    ],
)
@pytest.mark.parametrize(
    "kind", ["forgot_username", "forgot_password", "invitation", "password_changed"]
)
def test_who_is_inactive_or_erased_gets_nothing(
    post: Post, kind: str, account: dict[str, Any], reason: str
) -> None:
    mail_id = post.queue(kind, user_id=post.user(**account))
    assert post.deliver(mail_id) == 0
    assert (post.row(mail_id).state, post.row(mail_id).reason) == ("skipped", reason)
    assert post.sent == []
    assert post.tokens() == 0


def test_who_has_a_password_already_needs_no_invitation(post: Post) -> None:
    mail_id = post.queue("invitation", user_id=post.user(password_hash="$argon2id$"))
    assert post.deliver(mail_id) == 0
    assert (post.row(mail_id).state, post.row(mail_id).reason) == ("skipped", "no_longer_due")
    assert post.sent == []


@pytest.mark.parametrize(
    ("kind", "hours", "state"),
    [
        ("forgot_password", 23, "sent"),
        ("forgot_password", 25, "skipped"),
        ("forgot_username", 25, "skipped"),
        ("invitation", 25, "sent"),
        ("password_changed", 25, "sent"),
    ],
)
def test_a_mail_that_was_held_up_is_sent_where_it_still_makes_sense(
    post: Post, kind: str, hours: int, state: str
) -> None:
    mail_id = post.queue(kind, user_id=post.user())
    post.owner.execute(
        text("UPDATE mails SET created_at = now() - make_interval(hours => :hours)"),
        {"hours": hours},
    )
    post.owner.commit()
    assert post.deliver(mail_id) == 0
    assert post.row(mail_id).state == state


def test_links_start_with_the_origin_that_is_set(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = post.user()
    monkeypatch.setenv("WEB_ORIGIN", "https://rollcall.school.example/")
    reset_settings()
    post.deliver(post.queue("forgot_password", user_id=user_id))
    (link,) = links(post.sent[0])
    assert link.startswith("https://rollcall.school.example/reset-password?token=")
    monkeypatch.undo()
    reset_settings()


def test_a_name_can_add_neither_header_nor_line_nor_tag_nor_link(post: Post) -> None:
    evil = "Eve\r\nBcc: all@school.example\n\n<script>$link</script> https://evil.example \u202e"
    post.deliver(post.queue("invitation", user_id=post.user(full_name=evil)))
    (mail,) = post.sent
    assert mail["Bcc"] is None
    assert set(mail.keys()) == {
        *("To", "From", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type")
    }
    assert len(links(mail)) == 1
    shown = "Hello Eve Bcc all school. example script $link script https evil. example,"
    assert " ".join(plain(mail).partition("\n\n")[0].split()) == shown
    assert "<script" not in markup(mail)


def _only_token(post: Post) -> Any:
    row = post.owner.execute(
        text(
            "SELECT token_hash, user_id,"
            " extract(epoch FROM expires_at - created_at)::integer AS seconds FROM recovery_tokens"
        )
    ).one()
    post.owner.rollback()
    return row


def _token(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]

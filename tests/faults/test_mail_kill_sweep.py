"""A worker dies at every statement and around the send: the mail goes out, and twice only where the
docs say so, when SES's yes was never written down.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

from chalicelib.core import batches
from tests.announcements.board import Board, digest_all
from tests.faults.dying import GIVEN_BACK, code_of
from tests.faults.mail_process import AFTER_SEND, WAYS, killed_at, start
from tests.mail.post import Post, open_post


@pytest.fixture
def post(
    clean_database: None, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Post]:
    # Time enough for the server to notice that a client died.
    monkeypatch.setattr(batches, "PAUSES_SECONDS", (0.1,) * 10)
    with open_post(owner) as opened:
        yield opened


def _sent_to(address: str) -> int:
    """Count the mails that the emulator took."""
    url = f"{os.environ['AWS_ENDPOINT_URL']}/_ministack/ses/messages"
    with urllib.request.urlopen(url, timeout=5) as answer:
        accounts = json.load(answer)["messages"]
    return sum(mail["To"] == [address] for mails in accounts.values() for mail in mails)


def _queued(post: Post, kind: str, n: int) -> tuple[int, str]:
    """Queue a mail of a kind to a user of its own; return its id and the address."""
    name = f"chloe{n}-{kind[-6:]}"
    address = f"{name}-{os.getpid()}@rollcall.example"
    user_id = post.user(name, email=address)
    if kind == "forgot_password":
        return post.queue(kind, user_id=user_id), address
    board = Board(post, f"rosa{n}")
    board.prefer(user_id, mail="digest" if kind == "announcement_digest" else "immediate")
    board.announce(audience={"kind": "users", "ids": [user_id]})
    if kind == "announcement_digest":
        digest_all(datetime(2026, 9, 1, 18, tzinfo=UTC))
    (mail_id,) = board.mails(kind, user_id)
    return mail_id, address


@pytest.mark.parametrize("kind", WAYS)
def test_killed_at_any_point_it_is_sent_and_at_most_once_more(post: Post, kind: str) -> None:
    seen: list[str] = []
    for nth in range(1, 50):
        mail_id, address = _queued(post, kind, nth)
        points = killed_at(mail_id, nth)
        if not points:
            break
        seen = points
        was_sent = AFTER_SEND in points
        assert _sent_to(address) == was_sent
        # SQLAlchemy tells of a commit before it is sent.
        was_claimed = "COMMIT" in points[:-1]
        assert post.deliver(mail_id) == was_claimed, "a claim is respected while it lasts"
        assert _sent_to(address) == (was_sent or not was_claimed)
        post.end_claims()
        assert post.deliver(mail_id) == 0
        assert post.row(mail_id).state == "sent"
        assert _sent_to(address) == 1 + was_sent
        assert post.deliver(mail_id) == 0
        assert _sent_to(address) == 1 + was_sent
    assert post.row(mail_id).state == "sent"
    assert _sent_to(address) == 1
    assert tuple(seen) == WAYS[kind]


def test_workers_with_the_same_message_send_one_mail(post: Post) -> None:
    for n in range(3):
        address = f"dai{n}-{os.getpid()}@rollcall.example"
        mail_id = post.queue("forgot_password", user_id=post.user(f"dai{n}", email=address))
        workers = [start(mail_id) for _ in range(3)]
        assert {code_of(worker) for worker in workers} <= {0, GIVEN_BACK}
        assert post.deliver(mail_id) == 0
        assert _sent_to(address) == 1

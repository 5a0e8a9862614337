"""What became of mails about an announcement is told once: in its ledger, and on each delivery."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from functions.publish_due.handler import handler as publish_due
from tests.functions.events import Context, schedule_event
from tests.mail.post import Post, open_post

from .conftest import API
from .test_announcements import announce


@pytest.fixture
def post(api: API, owner: Connection) -> Iterator[Post]:
    with open_post(owner) as opened:
        yield opened


def want_mails_at_once(api: API, *names: str) -> None:
    for name in names:
        wanted = {"mail": "immediate", "digest_hour": 18, "timezone": "UTC", "locale": "en"}
        assert api("PUT", "/api/notification_preferences", as_=name, body=wanted).status == 200


def deliver_all(post: Post) -> None:
    ids = post.owner.execute(text("SELECT id FROM mails ORDER BY user_id")).scalars().all()
    post.owner.rollback()
    assert post.deliver(*ids, *ids) == 0


def bounce(post: Post, address: str) -> None:
    message_id = post.owner.execute(
        text(
            "SELECT message_id FROM mails JOIN users ON users.id = user_id WHERE email = :address"
            " ORDER BY mails.id DESC LIMIT 1"
        ),
        {"address": address},
    ).scalar_one()
    post.owner.rollback()
    event = {
        "eventType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": address}]},
        "mail": {"messageId": message_id},
    }
    assert post.tell(event, event) == 0


def run(times: int = 2) -> None:
    """Let the function that keeps the ledger run, more often than it must."""
    for _ in range(times):
        publish_due(schedule_event(), Context(timeout_seconds=50))


def fates(api: API, told: dict[str, Any]) -> dict[str, str | None]:
    items = api.get(f"/api/announcements/{told['id']}/deliveries", as_="rosa").json["items"]
    return {item["user"]["username"]: item["mail"] for item in items}


def ledger(api: API, told: dict[str, Any]) -> list[tuple[str, str]]:
    """Return kind and user ids of the sealed events."""
    seals = api.get(f"/api/announcements/{told['id']}/proof", as_="rosa").json["items"]
    lines = [line.split("|") for seal in seals for line in seal["events"]]
    return [(line[2], line[4]) for line in lines if line[2] != "queued"]


def test_a_mail_that_was_sent_and_then_bounced_is_told_so_once(api: API, post: Post) -> None:
    want_mails_at_once(api, "chloe", "dai")
    chloe, dai = (str(api.callers[name].id) for name in ("chloe", "dai"))
    told = announce(api)
    run()
    assert fates(api, told) == {"chloe": None, "dai": None}
    deliver_all(post)
    run()
    assert fates(api, told) == {"chloe": "mailed", "dai": "mailed"}
    assert ledger(api, told) == [("mailed", f"{chloe} {dai}")]
    bounce(post, "dai@rollcall.example")
    run()
    assert fates(api, told) == {"chloe": "mailed", "dai": "bounced"}
    assert ledger(api, told) == [("mailed", f"{chloe} {dai}"), ("bounced", dai)]


def test_a_bounce_that_comes_before_anybody_looked_is_both(api: API, post: Post) -> None:
    want_mails_at_once(api, "chloe")
    told = announce(api)
    deliver_all(post)
    bounce(post, "chloe@rollcall.example")
    run()
    chloe = str(api.callers["chloe"].id)
    assert fates(api, told) == {"chloe": "bounced", "dai": None}
    assert sorted(ledger(api, told)) == [("bounced", chloe), ("mailed", chloe)]


def test_a_mail_that_was_skipped_is_no_event(api: API, post: Post) -> None:
    want_mails_at_once(api, "chloe")
    told = announce(api)
    wanted = {"mail": "off", "digest_hour": 18, "timezone": "UTC", "locale": "en"}
    api("PUT", "/api/notification_preferences", as_="chloe", body=wanted)
    deliver_all(post)
    run()
    assert fates(api, told) == {"chloe": None, "dai": None}
    assert ledger(api, told) == []
    assert post.sent == []

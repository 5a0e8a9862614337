"""A post, from its message to the host: sent once, whatever comes twice, breaks off or is away."""

from __future__ import annotations

import hashlib
import hmac
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.channels import posting, service
from chalicelib.channels.rules import MOST_ATTEMPTS, pause_after
from chalicelib.core import batches, database
from chalicelib.core.errors import DatabaseAway
from chalicelib.core.settings import reset_settings
from chalicelib.integrations import smtp, webhooks
from functions.post_to_channels.handler import handler
from functions.relay_outbox.handler import handler as relay
from tests.channels.desk import SECRET, Desk
from tests.channels.hosts import Authority, MailHost, WebHost, mail_host, web_host
from tests.functions.events import Context, failed_ids, schedule_event, sqs_event
from tests.mail.post import Post

TOKEN = "123456:AbC-dEf_012345678901234567890"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def host(authority: Authority) -> Iterator[WebHost]:
    with web_host(authority.context_for("localhost")) as host:
        yield host
        webhooks._pool().stop()


@pytest.fixture
def desk(
    post: Post, host: WebHost, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.delenv("QUEUE_FANOUT_URL", raising=False)
    monkeypatch.setenv("CHANNEL_KEY", "a key for channels that is long enough")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("TELEGRAM_URL", f"https://{host.place}")
    monkeypatch.setenv("WEB_ORIGIN", "https://school.example")
    allow(monkeypatch, host.place)
    monkeypatch.setattr(batches, "PAUSES_SECONDS", (0.0, 0.0))
    yield Desk(post, host)
    monkeypatch.undo()
    reset_settings()


def allow(monkeypatch: pytest.MonkeyPatch, *places: str) -> None:
    monkeypatch.setenv("CHANNEL_PRIVATE_HOSTS", ",".join(places))
    reset_settings()
    for pool in (webhooks._pool, smtp._pool):
        pool.cache_clear()


def test_a_webhook_gets_title_excerpt_and_link_signed(desk: Desk) -> None:
    channel = desk.add()
    (post_id,) = desk.announce(channel, body="# On *Friday*\n\nno class & <b>tea</b>.")
    assert desk.deliver(post_id) == 0
    (asked,) = desk.host.asked
    about = desk.row(post_id).about
    assert json.loads(asked.body) == {
        "id": post_id,
        "kind": "announcement",
        "about": about,
        "version": 1,
        "title": "No class",
        "excerpt": "On Friday no class & <b>tea</b>.",
        "link": "https://school.example/messages",
    }
    timestamp = asked.headers["X-Rollcall-Timestamp"]
    mac = hmac.new(SECRET.encode(), timestamp.encode() + b"." + asked.body, hashlib.sha256)
    assert asked.headers["X-Rollcall-Signature"] == f"v1={mac.hexdigest()}"
    assert asked.headers["X-Rollcall-Post"] == str(post_id)
    row = desk.row(post_id)
    assert (row.state, row.code, row.attempts) == ("sent", None, 1)


def test_a_bot_is_told_its_chat_and_nobody_its_token(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    (post_id,) = desk.announce(desk.add("telegram", chat_id="-100", secret=TOKEN), body="x" * 900)
    desk.host.status = 500
    desk.deliver(post_id)
    desk.let_time_pass(61)
    desk.host.status = 200
    desk.deliver(post_id)
    asked = desk.host.asked[-1]
    assert asked.path == f"/bot{TOKEN}/sendMessage"
    told = json.loads(asked.body)
    assert told["chat_id"] == "-100"
    assert told["text"].startswith("No class\n\nxxx")
    assert told["text"].endswith("x…\n\nhttps://school.example/messages")
    assert desk.row(post_id).state == "sent"
    written = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "post_failed" in written
    assert TOKEN not in written
    assert TOKEN not in f"{webhooks._pool().keys()}"


def test_a_relay_of_the_school_sends_to_its_list(
    desk: Desk, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_host(authority.context_for("localhost")) as relay_host:
        allow(monkeypatch, desk.host.place, relay_host.place)
        channel = desk.add(
            "smtp",
            host="localhost",
            port=relay_host.port,
            security="starttls",
            username="rollcall",
            sender="rollcall@school.example",
            to="staff@school.example",
        )
        (post_id,) = desk.announce(channel)
        assert desk.deliver(post_id) == 0
        (envelope,) = relay_host.mails
        mail = message_from_bytes(envelope.content, policy=default)
        assert envelope.rcpt_tos == ["staff@school.example"]
        assert (mail["Subject"], mail["From"]) == ("No class", "rollcall@school.example")
        assert mail["Message-ID"] == f"<channel-post-{post_id}@school.example>"
        words = mail.get_content().splitlines()
        assert words == ["On Friday.", "", "https://school.example/messages"]
        assert relay_host.logins == [("rollcall", SECRET)]
        smtp._pool().stop()


def test_five_messages_are_one_post(desk: Desk) -> None:
    first, second = desk.announce(desk.add(), desk.add(name="Other"))
    assert desk.deliver(first, second, first) == 0
    assert desk.deliver(first) == desk.deliver(second, first) == 0
    posts = [asked.headers["X-Rollcall-Post"] for asked in desk.host.asked]
    assert posts == [str(first), str(second)]


def test_no_transaction_is_open_while_the_host_is_asked(desk: Desk) -> None:
    (post_id,) = desk.announce(desk.add())
    seen: list[Any] = []
    desk.host.before_answer = lambda: seen.append(desk.row(post_id))
    desk.deliver(post_id)
    (row,) = seen
    assert (row.state, row.attempts) == ("queued", 1)
    assert row.pause.total_seconds() > 100


def test_of_two_workers_at_once_one_sends(desk: Desk) -> None:
    (post_id,) = desk.announce(desk.add())
    asked, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        assert go_on.wait(10)

    desk.host.before_answer = wait
    first = threading.Thread(target=desk.deliver, args=(post_id,))
    first.start()
    assert asked.wait(10)
    assert desk.deliver(post_id) == 0, "the relay would call again"
    go_on.set()
    first.join()
    assert len(desk.host.asked) == 1
    assert desk.row(post_id).state == "sent"


def test_a_host_that_is_busy_is_asked_again_later_and_later(desk: Desk) -> None:
    (post_id,) = desk.announce(desk.add())
    desk.host.status = 503
    pauses = []
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert desk.deliver(post_id) == 0
        row = desk.row(post_id)
        assert (row.attempts, row.code) == (attempt, "busy")
        pauses.append(round(row.pause.total_seconds()))
        desk.let_time_pass(pause_after(attempt).total_seconds())
    assert row.state == "failed"
    assert pauses[:4] == [60, 120, 240, 480]
    assert desk.deliver(post_id) == 0
    assert len(desk.host.asked) == MOST_ATTEMPTS


def test_the_relay_calls_when_a_pause_is_over_and_not_before(desk: Desk) -> None:
    (post_id,) = desk.announce(desk.add())
    desk.host.status = 503
    desk.deliver(post_id)
    relay(schedule_event(), Context())
    assert desk.waiting() == []
    desk.let_time_pass(61)
    relay(schedule_event(), Context())
    relay(schedule_event(), Context())
    assert desk.waiting() == [post_id], "once"
    desk.host.status = 200
    desk.deliver(post_id)
    assert desk.row(post_id).state == "sent"
    desk.let_time_pass(100_000)
    relay(schedule_event(), Context())
    assert desk.waiting() == []


def test_a_post_whose_message_was_lost_is_called_for(desk: Desk) -> None:
    (post_id,) = desk.announce(desk.add())
    relay(schedule_event(), Context())
    assert desk.waiting() == []
    desk.let_time_pass(16 * 60)
    relay(schedule_event(), Context())
    assert desk.waiting() == [post_id]


@pytest.mark.parametrize(("status", "code"), [(404, "refused"), (302, "redirected")])
def test_what_will_not_get_better_is_not_tried_again(desk: Desk, status: int, code: str) -> None:
    (post_id,) = desk.announce(desk.add())
    desk.host.status = status
    assert desk.deliver(post_id) == 0
    row = desk.row(post_id)
    assert (row.state, row.code) == ("failed", code)


def test_a_host_that_became_private_is_not_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (post_id,) = desk.announce(desk.add())
    allow(monkeypatch)
    assert desk.deliver(post_id) == 0
    assert desk.row(post_id).code == "address_refused"
    assert desk.host.asked == []


def test_a_secret_that_opens_no_more_is_a_failure_with_a_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (post_id,) = desk.announce(desk.add())
    monkeypatch.setenv("CHANNEL_KEY", "another key that is long enough for all")
    reset_settings()
    desk.deliver(post_id)
    assert (desk.row(post_id).state, desk.row(post_id).code) == ("failed", "secret_unreadable")


def test_an_url_changed_behind_our_backs_gets_no_secret(desk: Desk) -> None:
    (post_id,) = desk.announce(desk.add())
    elsewhere = json.dumps({"url": desk.host.url + "2"})
    desk.post.owner.execute(
        text("UPDATE channels SET settings = CAST(:settings AS jsonb)"), {"settings": elsewhere}
    )
    desk.post.owner.commit()
    desk.deliver(post_id)
    assert desk.row(post_id).code == "secret_unreadable"
    assert desk.host.asked == []


def test_withdrawn_or_not_active_it_is_skipped(desk: Desk) -> None:
    channel = desk.add()
    (first,) = desk.announce(channel)
    (second,) = desk.announce(channel)
    desk.post.owner.execute(
        text(
            "UPDATE announcements SET status = 'withdrawn', withdrawn_at = now()"
            " WHERE id = (SELECT about FROM channel_posts WHERE id = :id)"
        ),
        {"id": first},
    )
    desk.post.owner.commit()
    desk.deliver(first)
    assert (desk.row(first).state, desk.row(first).code) == ("skipped", "no_longer_due")
    desk.post.owner.execute(text("UPDATE channels SET active = false"))
    desk.post.owner.commit()
    desk.deliver(second)
    assert (desk.row(second).state, desk.row(second).code) == ("skipped", "inactive")
    assert desk.host.asked == []


def test_taken_out_of_an_announcement_it_is_skipped(desk: Desk) -> None:
    taken_out, left = desk.announce(desk.add(), desk.add(name="Other"))
    desk.choose(desk.row(left).about, desk.row(left).channel_id)
    desk.deliver(taken_out, left)
    assert (desk.row(taken_out).state, desk.row(taken_out).code) == ("skipped", "no_longer_due")
    assert desk.row(left).state == "sent"
    assert len(desk.host.asked) == 1


def test_a_test_reaches_a_channel_that_is_not_active_yet(desk: Desk) -> None:
    channel_id = desk.add(active=False)
    with database.transaction() as connection:
        channel = service.get_channel_for(connection, desk.manager, channel_id)
        post_id = service.test_channel(connection, desk.manager, channel)
    assert desk.waiting() == [post_id]
    assert desk.deliver(post_id) == 0
    assert json.loads(desk.host.asked[0].body)["kind"] == "test"


def test_a_channel_that_is_gone_is_nothing_to_do(desk: Desk) -> None:
    (post_id,) = desk.announce(desk.add())
    desk.post.owner.execute(text("DELETE FROM channels"))
    desk.post.owner.commit()
    assert desk.deliver(post_id) == 0
    assert desk.host.asked == []


def test_a_note_that_fails_is_written_when_the_database_is_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (post_id,) = desk.announce(desk.add())
    note, tries = database.retry_idempotent, []

    def away_at_first(work: Callable[[Connection], Any]) -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise DatabaseAway
        return note(work)

    monkeypatch.setattr(database, "retry_idempotent", away_at_first)
    assert desk.deliver(post_id) == 0
    assert (desk.row(post_id).state, len(desk.host.asked)) == ("sent", 1)


def test_a_worker_killed_after_the_send_is_the_one_way_to_two_posts(desk: Desk) -> None:
    (post_id,) = desk.announce(desk.add())
    parent = os.getpid()

    def die() -> None:
        posting.insist = lambda _: os.kill(os.getpid(), signal.SIGKILL)
        assert os.getpid() != parent
        desk.deliver(post_id)

    worker = multiprocessing.get_context("fork").Process(target=die)
    worker.start()
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL
    assert len(desk.host.asked) == 1
    assert desk.deliver(post_id) == 0
    assert len(desk.host.asked) == 1, "a claim is respected while it lasts"
    desk.let_time_pass(151)
    relay(schedule_event(), Context())
    assert desk.waiting() == [post_id]
    assert desk.deliver(post_id) == 0
    ids = [asked.headers["X-Rollcall-Post"] for asked in desk.host.asked]
    assert ids == [str(post_id)] * 2, "who gets both can tell"
    assert desk.row(post_id).state == "sent"


def test_a_dead_host_keeps_nobody_from_an_announcement(desk: Desk) -> None:
    (post_id,) = desk.announce(desk.add())
    desk.host.status = 503
    desk.deliver(post_id)
    left = text("SELECT CAST(body ->> 'announcement_id' AS bigint) FROM outbox")
    assert desk.post.owner.execute(left).scalars().all() == [desk.row(post_id).about]
    desk.post.owner.rollback()


@pytest.mark.parametrize(
    "body", ["{", "[]", {}, {"post_id": "1"}, {"post_id": 0}, {"post_id": 2**63}]
)
def test_a_message_that_makes_no_sense_fails_alone(desk: Desk, body: Any) -> None:
    (post_id,) = desk.announce(desk.add())
    event = sqs_event([body, {"post_id": post_id}], queue="channels")
    assert failed_ids(handler(event, Context())) == [event["Records"][0]["messageId"]]
    assert len(desk.host.asked) == 1


def test_mails_leave_by_the_relay_where_the_settings_say_so(
    desk: Desk, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    host: MailHost
    with mail_host(authority.context_for("localhost")) as host:
        monkeypatch.setenv("MAIL_TRANSPORT", "smtp")
        monkeypatch.setenv("SMTP_URL", f"smtp://rollcall:pw@localhost:{host.port}")
        allow(monkeypatch)
        mails = [desk.post.queue("invitation", user_id=desk.post.user(n)) for n in ("dai", "li")]
        assert desk.post.deliver(*mails, mails[0]) == 0
        assert [envelope.rcpt_tos for envelope in host.mails] == [
            ["dai@rollcall.example"],
            ["li@rollcall.example"],
        ]
        assert (desk.post.sent, len(set(host.sessions))) == ([], 1)
        assert desk.post.row(mails[0]).message_id == f"<mail-{mails[0]}@rollcall.example>"
        host.reply = "451 Later"
        third = desk.post.queue("invitation", user_id=desk.post.user("chloe"))
        assert desk.post.deliver(third) == 1
        assert desk.post.row(third).state == "queued"
        host.reply = "550 No such user"
        assert desk.post.deliver(third) == 0
        assert (desk.post.row(third).state, desk.post.row(third).reason) == ("failed", "refused")
        smtp._pool().stop()

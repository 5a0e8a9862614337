"""A mail, from its message to SES: sent once, whatever comes twice, breaks off or is away."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from sqlalchemy import text

from chalicelib.core import batches, database, logs
from chalicelib.core.errors import DatabaseAway
from chalicelib.core.settings import get_settings, reset_settings
from chalicelib.integrations.aws import reset_clients, ses_client
from functions.send_mail.handler import RESERVE_MILLISECONDS, handler
from tests.functions.events import Context, failed_ids, message_ids, sqs_event
from tests.mail.post import Post, links

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once, twice."""
    monkeypatch.setattr(batches, "PAUSES_SECONDS", (0.0, 0.0))


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def answer_of_ses(status: int, code: str) -> None:
    """Let SES answer every call like this."""
    body = f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>".encode()

    def answer(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, {}, _Body(body))

    ses_client().meta.events.register("before-send.ses.SendRawEmail", answer)


def before_sending(work: Callable[[], object]) -> None:
    """Do something at the moment at which a mail is handed to SES."""
    ses_client().meta.events.register("before-call.ses.SendRawEmail", lambda **_: work())


def test_a_mail_is_sent_and_its_row_says_so(post: Post) -> None:
    mail_id = post.queue("invitation", user_id=post.user())
    assert post.deliver(mail_id) == 0
    row = post.row(mail_id)
    assert (row.state, row.reason, row.attempts, row.claimed_until) == ("sent", None, 1, None)
    assert row.message_id
    assert row.ended_at >= row.created_at
    assert len(post.sent) == 1


def test_the_message_holds_ids_only(post: Post) -> None:
    with logs.correlated("request-0001"):
        mail_id = post.queue("forgot_password", address="chloe@rollcall.example")
    assert post.queues.receive("mail") == [{"mail_id": mail_id, "correlation_id": "request-0001"}]


def test_what_a_stranger_typed_in_is_forgotten_once_the_mail_is_sent(post: Post) -> None:
    post.user()
    mail_id = post.queue("forgot_password", address="chloe@rollcall.example")
    assert post.row(mail_id).address == "chloe@rollcall.example"
    post.deliver(mail_id)
    assert (post.row(mail_id).state, post.row(mail_id).address) == ("sent", None)


def test_five_messages_are_one_mail(post: Post) -> None:
    first = post.queue("forgot_password", user_id=post.user())
    second = post.queue("forgot_username", user_id=post.user("dai"))
    assert post.deliver(first, second, first) == 0
    assert post.deliver(first) == post.deliver(second, first) == 0
    assert [mail["To"] for mail in post.sent] == ["chloe@rollcall.example", "dai@rollcall.example"]
    assert post.tokens() == 1


def test_no_transaction_is_open_while_ses_is_asked(post: Post) -> None:
    mail_id = post.queue("forgot_password", user_id=post.user())
    seen: list[Any] = []
    before_sending(lambda: seen.append((post.row(mail_id), post.tokens())))
    post.deliver(mail_id)
    ((row, tokens),) = seen
    assert (row.state, row.attempts, tokens) == ("queued", 1, 1)
    assert row.claimed_until is not None


def test_of_two_workers_at_once_one_sends(post: Post) -> None:
    mail_id = post.queue("forgot_password", user_id=post.user())
    asked, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        assert go_on.wait(10)

    before_sending(wait)
    first = threading.Thread(target=post.deliver, args=(mail_id,))
    first.start()
    assert asked.wait(10)
    assert post.deliver(mail_id) == 1, "it comes again, in case the first one dies"
    go_on.set()
    first.join()
    assert post.deliver(mail_id) == 0
    assert post.row(mail_id).attempts == len(post.sent) == post.tokens() == 1


def test_a_twin_that_waits_a_moment_finds_it_sent(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PAUSES_SECONDS", (0.1,) * 50)
    mail_id = post.queue("forgot_password", user_id=post.user())
    asked, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        assert go_on.wait(10)

    before_sending(wait)
    failures: list[int] = []
    twins = [
        threading.Thread(target=lambda: failures.append(post.deliver(mail_id))) for _ in range(3)
    ]
    for twin in twins:
        twin.start()
    assert asked.wait(10)
    go_on.set()
    for twin in twins:
        twin.join()
    assert failures == [0, 0, 0]
    assert len(post.sent) == 1


def test_a_mail_whose_worker_died_waits_for_the_end_of_its_claim(post: Post) -> None:
    mail_id = post.queue("invitation", user_id=post.user())
    post.owner.execute(
        text("UPDATE mails SET attempts = 1, claimed_until = now() + interval '1 minute'")
    )
    post.owner.commit()
    assert post.deliver(mail_id) == 1
    assert post.sent == []
    post.end_claims()
    assert post.deliver(mail_id) == 0
    assert (post.row(mail_id).state, post.row(mail_id).attempts) == ("sent", 2)


def test_a_database_that_is_away_after_the_sending_is_waited_for(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_id = post.queue("invitation", user_id=post.user())
    real, tries = database.retry_idempotent, []

    def away_at_first(work: Any) -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise DatabaseAway
        return real(work)

    monkeypatch.setattr(database, "retry_idempotent", away_at_first)
    assert post.deliver(mail_id) == 0
    assert (post.row(mail_id).state, len(post.sent)) == ("sent", 1)


def test_ses_away_gives_the_mail_back_for_the_next_delivery(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_id = post.queue("forgot_password", address="chloe@rollcall.example")
    post.user()
    with monkeypatch.context() as broken:
        broken.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        reset_settings()
        reset_clients()
        assert post.deliver(mail_id) == 1
    row = post.row(mail_id)
    assert (row.state, row.attempts) == ("queued", 3)
    assert row.address == "chloe@rollcall.example"
    reset_settings()
    reset_clients()
    assert post.deliver(mail_id) == 0
    assert post.row(mail_id).state == "sent"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "Throttling"),
        (503, "ServiceUnavailable"),
        (403, "AccessDenied"),
        (400, "ConfigurationSetDoesNotExist"),
        (400, "AccountSendingPausedException"),
    ],
)
def test_what_can_be_mended_costs_no_mail(post: Post, status: int, code: str) -> None:
    mail_id = post.queue("invitation", user_id=post.user())
    answer_of_ses(status, code)
    assert post.deliver(mail_id) == 1
    assert post.row(mail_id).state == "queued"
    reset_clients()
    assert post.deliver(mail_id) == 0
    assert post.row(mail_id).state == "sent"


def test_a_mail_whose_turn_is_too_far_away_is_given_back_unsent(post: Post) -> None:
    first = post.queue("invitation", user_id=post.user())
    second = post.queue("invitation", user_id=post.user("dai"))
    assert post.deliver(first) == 0
    post.owner.execute(text("UPDATE mail_pace SET next_at = now() + interval '1 hour'"))
    post.owner.commit()
    assert post.deliver(second) == 1
    row = post.row(second)
    assert (row.state, row.claimed_until < row.created_at + timedelta(seconds=30)) == (
        "queued",
        True,
    )
    assert len(post.sent) == 1
    post.owner.execute(text("UPDATE mail_pace SET next_at = now()"))
    post.owner.commit()
    assert post.deliver(second) == 0
    assert len(post.sent) == 2


def test_a_mail_waits_for_its_turn_outside_of_any_transaction(post: Post) -> None:
    mail_id = post.queue("invitation", user_id=post.user())
    post.deliver(post.queue("invitation", user_id=post.user("dai")))
    turn = post.owner.execute(
        text("UPDATE mail_pace SET next_at = now() + interval '2 seconds' RETURNING next_at")
    ).scalar_one()
    post.owner.commit()
    sent_at: list[Any] = []
    before_sending(lambda: sent_at.append(look("SELECT clock_timestamp()")))

    def look(question: str) -> Any:
        answer = post.owner.execute(text(question)).scalar_one()
        post.owner.rollback()
        return answer

    sender = threading.Thread(target=post.deliver, args=(mail_id,))
    sender.start()
    while look("SELECT next_at FROM mail_pace") == turn:
        time.sleep(0.02)
    assert look("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in tr%'") == 0
    assert sent_at == []
    sender.join()
    assert sent_at[0] >= turn


def test_throttling_slows_all_workers_down(post: Post) -> None:
    mail_id = post.queue("invitation", user_id=post.user())
    answer_of_ses(400, "Throttling")
    assert post.deliver(mail_id) == 1
    slowed = post.owner.execute(
        text("SELECT gap_seconds, slowed_from IS NOT NULL, next_at >= slowed_from FROM mail_pace")
    ).one()
    post.owner.rollback()
    assert slowed[0] > 1 / get_settings().mail_rate_per_second
    assert tuple(slowed[1:]) == (True, True)
    reset_clients()
    assert post.deliver(mail_id) == 0
    assert post.row(mail_id).state == "sent"


def test_other_refusals_slow_nobody_down(post: Post) -> None:
    mail_id = post.queue("invitation", user_id=post.user())
    answer_of_ses(503, "ServiceUnavailable")
    assert post.deliver(mail_id) == 1
    slowed = post.owner.execute(text("SELECT slowed_from FROM mail_pace")).scalar_one()
    post.owner.rollback()
    assert slowed is None


def test_a_function_with_little_time_left_begins_no_mail(post: Post) -> None:
    mail_id = post.queue("invitation", user_id=post.user())
    event = sqs_event([{"mail_id": mail_id}], queue="mail")
    too_late = Context(timeout_seconds=RESERVE_MILLISECONDS / 1000 - 1)
    assert failed_ids(handler(event, too_late)) == message_ids(event)
    assert post.row(mail_id).attempts == 0
    assert failed_ids(handler(event, Context(timeout_seconds=90))) == []


def test_what_ses_refuses_for_good_is_not_tried_again(post: Post) -> None:
    mail_id = post.queue("invitation", user_id=post.user())
    answer_of_ses(400, "MessageRejected")
    assert post.deliver(mail_id) == 0
    row = post.row(mail_id)
    assert (row.state, row.reason, row.claimed_until) == ("failed", "refused", None)
    reset_clients()
    assert post.deliver(mail_id) == 0
    assert post.row(mail_id).attempts == 1


def test_an_address_that_no_mail_can_have_fails_alone(post: Post) -> None:
    bad = post.queue("invitation", user_id=post.user("bad", email="克洛伊@rollcall.example"))
    good = post.queue("invitation", user_id=post.user())
    assert post.deliver(bad, good) == 0
    assert (post.row(bad).state, post.row(good).state) == ("failed", "sent")


@pytest.mark.parametrize("reason", ["bounce", "complaint"])
def test_a_suppressed_address_gets_nothing_in_whatever_case(post: Post, reason: str) -> None:
    mail_id = post.queue("forgot_password", user_id=post.user(email="Chloe@Rollcall.Example"))
    post.owner.execute(
        text("INSERT INTO mail_suppressions (address, reason) VALUES (:address, :reason)"),
        {"address": "chloe@rollcall.example", "reason": reason},
    )
    post.owner.commit()
    assert post.deliver(mail_id) == 0
    row = post.row(mail_id)
    assert (row.state, row.reason, row.message_id) == ("skipped", "suppressed", None)
    assert post.sent == []
    assert post.tokens() == 0, "no link was made that nobody gets"


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        {},
        {"mail_id": None},
        {"mail_id": "1"},
        {"mail_id": True},
        {"mail_id": 1.0},
        {"mail_id": -1},
        {"mail_id": 2**63},
        {"mail_id": 999_999_999},
    ],
)
def test_a_message_without_sense_fails_alone(post: Post, body: Any) -> None:
    mail_id = post.queue("invitation", user_id=post.user())
    event = sqs_event([body, {"mail_id": mail_id}], queue="mail")
    assert failed_ids(handler(event, Context())) == message_ids(event)[:1]
    assert post.row(mail_id).state == "sent"


def test_a_kind_that_a_later_version_knows_waits_for_it(post: Post) -> None:
    mail_id = post.queue("announcement", user_id=post.user())
    assert post.deliver(mail_id) == 1
    row = post.row(mail_id)
    assert (row.state, row.attempts, row.claimed_until) == ("queued", 0, None)


def test_the_log_names_the_mail_and_nothing_of_it(
    post: Post, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    handlers, root.handlers[:] = root.handlers[:], []
    mail_id = post.queue("forgot_password", address="chloe@rollcall.example")
    post.user(full_name="Chloe Secretname")
    refused = post.queue("invitation", user_id=post.user("bad", email="克洛伊@rollcall.example"))
    post.deliver(mail_id, refused)
    monkeypatch.setenv("MAIL_FROM", "nobody@elsewhere.example")
    reset_settings()
    post.deliver(post.queue("invitation", user_id=post.user("dai")))
    root.handlers[:] = handlers
    logged = capsys.readouterr().out
    assert f'"mail_id": {mail_id}' in logged
    assert '"refusal_code": ""' in logged
    assert '"refusal_code": "MessageRejected"' in logged
    (link,) = links(post.sent[0])
    token = re.split("token=", link)[1]
    for secret in (
        token,
        "@rollcall.example",
        "Secretname",
        "克洛伊",
        "new password",
        "@elsewhere",
    ):
        assert secret not in logged
    monkeypatch.undo()
    reset_settings()

"""What SES tells of mails: who bounced or complained gets no more, whatever comes twice or late."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from chalicelib.core import database
from chalicelib.mail.queries import find_suppression
from tests.mail.post import Post, new_id

CHLOE = "chloe@rollcall.example"


def bounce(message_id: str, *addresses: str, permanent: bool = True, **mail: Any) -> dict[str, Any]:
    return {
        "eventType": "Bounce",
        "bounce": {
            "bounceType": "Permanent" if permanent else "Transient",
            "bounceSubType": "General",
            "bouncedRecipients": [
                {"emailAddress": address, "action": "failed", "status": "5.1.1"}
                for address in addresses or (CHLOE,)
            ],
            "timestamp": "2026-09-01T08:00:00.000Z",
            "feedbackId": "0100017f-a",
        },
        "mail": {"messageId": message_id, "destination": [CHLOE], **mail},
    }


def complaint(message_id: str, *addresses: str, **details: Any) -> dict[str, Any]:
    return {
        "eventType": "Complaint",
        "complaint": {
            "complainedRecipients": [{"emailAddress": a} for a in addresses or (CHLOE,)],
            **details,
        },
        "mail": {"messageId": message_id},
    }


def delivery(message_id: str, **mail: Any) -> dict[str, Any]:
    return {
        "eventType": "Delivery",
        "delivery": {"recipients": [CHLOE], "smtpResponse": "250 ok"},
        "mail": {"messageId": message_id, **mail},
    }


def in_envelope(event: dict[str, Any] | str) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "c4f0c7a0-0000-5000-8000-000000000000",
        "TopicArn": "arn:aws:sns:eu-central-1:000000000000:rollcall-test-mail-events",
        "Message": event if isinstance(event, str) else json.dumps(event),
        "Timestamp": "2026-09-01T08:00:01.000Z",
        "SignatureVersion": "1",
    }


def as_notification(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as an identity's own notifications name it."""
    return {("notificationType" if k == "eventType" else k): v for k, v in event.items()}


def suppressed(post: Post) -> dict[str, str]:
    rows = post.owner.execute(text("SELECT address, reason FROM mail_suppressions")).all()
    post.owner.rollback()
    return {row.address: row.reason for row in rows}


@pytest.fixture
def sent(post: Post) -> int:
    """A mail to Chloe that went out."""
    mail_id = post.queue("forgot_username", user_id=post.user())
    assert post.deliver(mail_id) == 0
    return mail_id


@pytest.mark.parametrize("wrap", [in_envelope, dict, as_notification])
def test_a_bounce_marks_the_mail_and_ends_mails_to_the_address(
    post: Post, sent: int, wrap: Any
) -> None:
    event = bounce(post.row(sent).message_id, "Chloe@Rollcall.Example")
    assert post.tell(wrap(event)) == 0
    assert suppressed(post) == {CHLOE: "bounce"}
    assert post.row(sent).state == "bounced"
    again = post.queue("forgot_username", address="CHLOE@rollcall.example")
    post.deliver(again)
    assert (post.row(again).state, post.row(again).reason) == ("skipped", "suppressed")
    assert len(post.sent) == 1


def test_a_complaint_too(post: Post, sent: int) -> None:
    assert post.tell(in_envelope(complaint(post.row(sent).message_id))) == 0
    assert suppressed(post) == {CHLOE: "complaint"}
    assert post.row(sent).state == "complained"


@pytest.mark.parametrize(
    "event",
    [
        bounce("x", permanent=False),
        complaint("x", complaintFeedbackType="not-spam"),
        delivery("x"),
    ],
    ids=["full for today", "not spam after all", "arrived"],
)
def test_what_is_no_refusal_suppresses_nobody(post: Post, sent: int, event: dict[str, Any]) -> None:
    event["mail"]["messageId"] = post.row(sent).message_id
    assert post.tell(in_envelope(event)) == 0
    assert suppressed(post) == {}
    assert post.row(sent).state == "sent"


@pytest.mark.parametrize(
    "order", [("d", "b", "c", "t"), ("c", "t", "b", "d"), ("b", "c", "b", "c", "d", "d")]
)
def test_events_may_come_in_any_order_and_more_than_once(
    post: Post, sent: int, order: tuple[str, ...]
) -> None:
    message_id = post.row(sent).message_id
    events = {
        "d": delivery(message_id),
        "b": bounce(message_id),
        "t": bounce(message_id, permanent=False),
        "c": complaint(message_id),
    }
    ended_at = post.row(sent).ended_at
    assert post.tell(*(in_envelope(events[name]) for name in order)) == 0
    assert suppressed(post) == {CHLOE: "complaint"}
    assert (post.row(sent).state, post.row(sent).ended_at) == ("complained", ended_at)


def test_each_named_recipient_is_suppressed(post: Post) -> None:
    event = bounce(new_id(), CHLOE, "Dai <dai@rollcall.example>", CHLOE.upper())
    assert post.tell(event) == 0
    assert suppressed(post) == {CHLOE: "bounce", "dai@rollcall.example": "bounce"}


def test_an_event_of_a_mail_that_is_swept_still_suppresses(post: Post) -> None:
    assert post.tell(bounce(new_id())) == 0
    assert suppressed(post) == {CHLOE: "bounce"}


@pytest.mark.parametrize(
    ("event", "state"), [(delivery, "sent"), (bounce, "bounced"), (complaint, "complained")]
)
def test_an_event_speaks_for_a_worker_that_died_before_its_note(
    post: Post, event: Any, state: str
) -> None:
    mail_id = post.queue("forgot_username", user_id=post.user())
    post.owner.execute(
        text("UPDATE mails SET attempts = 1, claimed_until = now() + interval '1 minute'")
    )
    post.owner.commit()
    told = event(new_id())
    told["mail"]["tags"] = {"mail_id": [str(mail_id)], "ses:from-domain": ["rollcall.example"]}
    assert post.tell(in_envelope(told)) == 0
    row = post.row(mail_id)
    assert (row.state, row.message_id) == (state, told["mail"]["messageId"])
    post.end_claims()
    assert post.deliver(mail_id) == 0
    assert post.sent == [], "it went out already"


@pytest.mark.parametrize("tags", [{}, {"mail_id": []}, {"mail_id": ["x"]}, {"mail_id": "1"}, None])
def test_an_event_without_our_tag_marks_no_other_mail(post: Post, tags: Any) -> None:
    mail_id = post.queue("forgot_username", user_id=post.user())
    assert post.tell(delivery(new_id(), tags=tags)) == 0
    assert post.row(mail_id).state == "queued"


def test_a_tag_of_a_mail_that_has_another_id_changes_nothing(post: Post, sent: int) -> None:
    told = bounce(new_id(), tags={"mail_id": [str(sent)]})
    assert post.tell(told) == 0
    assert post.row(sent).state == "sent"


@pytest.mark.parametrize(
    "body",
    [
        in_envelope("Successfully validated SNS topic for Amazon SES event publishing."),
        in_envelope({"eventType": "Send", "mail": {"messageId": "x"}, "send": {}}),
        in_envelope({"eventType": "DeliveryDelay", "mail": {"messageId": "x"}}),
    ],
    ids=["greeting", "send", "delay"],
)
def test_what_says_nothing_new_is_done_with(post: Post, body: dict[str, Any]) -> None:
    assert post.tell(body) == 0


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        {},
        {"eventType": "Earthquake", "mail": {"messageId": "x"}},
        {"eventType": ["Bounce"]},
        {"Type": "SubscriptionConfirmation", "Message": "x", "SubscribeURL": "https://x.example"},
        {"Type": "Notification"},
        in_envelope("not json"),
        in_envelope("[" * 100_000),
        in_envelope("3"),
        bounce(""),
        bounce("x\0"),
        bounce("x", "nobody"),
        bounce("x", "a\0@b.example"),
        bounce("x", "a" * 400 + "@b.example"),
        {**bounce("x"), "bounce": {"bounceType": "Permanent", "bouncedRecipients": []}},
        {**bounce("x"), "bounce": None},
        {**bounce("x"), "mail": "x"},
        {**complaint("x"), "complaint": {"complainedRecipients": [7]}},
    ],
)
def test_what_is_not_from_ses_fails_alone(post: Post, sent: int, body: Any) -> None:
    good = bounce(post.row(sent).message_id, "dai@rollcall.example")
    assert post.tell(body, in_envelope(good)) == 1
    assert suppressed(post) == {"dai@rollcall.example": "bounce"}


def test_others_can_ask_why_an_address_gets_no_mail(post: Post) -> None:
    post.tell(bounce(new_id()), complaint(new_id(), "dai@rollcall.example"))
    with database.transaction() as connection:
        assert find_suppression(connection, "CHLOE@rollcall.example") == "bounce"
        assert find_suppression(connection, "dai@rollcall.example") == "complaint"
        assert find_suppression(connection, "rosa@rollcall.example") is None

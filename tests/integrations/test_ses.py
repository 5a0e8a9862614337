"""One mail to one recipient, on moto and on the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from chalicelib.core.settings import reset_settings
from chalicelib.integrations import ses
from chalicelib.integrations.aws import reset_clients, ses_client
from chalicelib.integrations.errors import MailAway, MailRefused, MailThrottled

SENDER = "Rollcall <office@school.example>"


@pytest.fixture
def sent(cloud: Any) -> Iterator[list[Any]]:
    """The raw mails as SES gets them: what it keeps of them differs between the two clouds."""
    client = cloud.client("ses")
    client.verify_email_identity(EmailAddress="office@school.example")
    mails: list[Any] = []

    def keep(params: dict[str, Any], **_: Any) -> None:
        mails.append(message_from_bytes(params["RawMessage"]["Data"], policy=default))

    ses_client().meta.events.register("provide-client-params.ses.SendRawEmail", keep)
    yield mails
    client.delete_identity(Identity="office@school.example")


def _send(**changed: Any) -> str:
    mail: dict[str, Any] = {
        "sender": SENDER,
        "to": "chloe@rollcall.example",
        "subject": "停课通知: no class",
        "text": "明天停课。\n",
    }
    return ses.send(**{**mail, **changed})


def test_a_mail_is_taken_and_gets_an_id(sent: list[Any]) -> None:
    message_id = _send(
        html="<p>明天停课。</p>",
        headers={
            "List-Unsubscribe": "<https://school.example/unsubscribe/abc>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    assert message_id
    (mail,) = sent
    assert mail["To"] == "chloe@rollcall.example"
    assert mail["From"] == SENDER
    assert mail["Subject"] == "停课通知: no class"
    assert mail["List-Unsubscribe"] == "<https://school.example/unsubscribe/abc>"
    assert mail.get_body(("plain",)).get_content().splitlines() == ["明天停课。"]
    assert mail.get_body(("html",)).get_content().strip() == "<p>明天停课。</p>"
    assert mail.as_bytes().isascii()


def test_the_url_that_unsubscribes_is_on_a_line_of_its_own_however_long(sent: list[Any]) -> None:
    raw: list[bytes] = []
    ses_client().meta.events.register(
        "provide-client-params.ses.SendRawEmail",
        lambda params, **_: raw.append(params["RawMessage"]["Data"]),
    )
    url = f"<https://api.a-rather-long-name.school.example/production/unsubscribe/{'a-_9' * 11}>"
    _send(headers={"List-Unsubscribe": url, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"})
    (content,) = raw
    assert f"\r\nList-Unsubscribe: {url}\r\n".encode() in content
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content


def test_each_mail_has_its_own_id(sent: list[Any]) -> None:
    assert _send() != _send()


def test_an_unverified_sender_is_refused_for_good(sent: list[Any]) -> None:
    with pytest.raises(MailRefused):
        _send(sender="nobody@elsewhere.example")


def test_a_subject_cannot_add_a_header(sent: list[Any]) -> None:
    _send(subject="Hello\r\nBcc: all@school.example")
    (mail,) = sent
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Hello  Bcc: all@school.example"


@pytest.mark.parametrize(
    "to",
    [
        "",
        "chloe",
        "chloe@rollcall.example, dai@rollcall.example",
        "chloe@rollcall.example\r\nBcc: dai@rollcall.example",
        "Chloe <chloe@rollcall.example>",
        "克洛伊@rollcall.example",
    ],
)
def test_a_recipient_is_one_bare_address(sent: list[Any], to: str) -> None:
    with pytest.raises(MailRefused):
        _send(to=to)
    assert sent == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Note", "a\r\nBcc: all@school.example"),
        ("X-Note", "a\nb"),
        ("X-Note\r\nBcc", "all@school.example"),
        ("Bcc", "all@school.example"),
        ("content-type", "text/html"),
        ("X Note", "a"),
        ("", "a"),
    ],
)
def test_headers_cannot_be_injected_or_replaced(sent: list[Any], name: str, value: str) -> None:
    with pytest.raises(MailRefused):
        _send(headers={name: value})
    assert sent == []


def test_an_unreachable_service_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    reset_settings()
    reset_clients()
    try:
        with pytest.raises(MailAway):
            _send()
    finally:
        monkeypatch.undo()
        reset_settings()
        reset_clients()


def test_a_configuration_set_and_tags_go_along(sent: list[Any]) -> None:
    asked: list[dict[str, Any]] = []
    ses_client().meta.events.register(
        "provide-client-params.ses.SendRawEmail", lambda params, **_: asked.append(params)
    )
    _send(configuration_set="rollcall-test", tags={"mail_id": "7"})
    _send(tags={"mail_id": "8"})
    with_set, without = asked
    assert with_set["ConfigurationSetName"] == "rollcall-test"
    assert with_set["Tags"] == [{"Name": "mail_id", "Value": "7"}]
    assert not {"ConfigurationSetName", "Tags"} & without.keys(), "nobody would tell of them"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDenied", MailAway),
        ("ConfigurationSetDoesNotExist", MailAway),
        ("Throttling", MailThrottled),
        ("TooManyRequestsException", MailThrottled),
    ],
)
def test_what_somebody_can_mend_is_not_the_mails_fault(
    monkeypatch: pytest.MonkeyPatch, code: str, told: type[Exception]
) -> None:
    refusal = ClientError({"Error": {"Code": code, "Message": "no"}}, "SendRawEmail")
    client = ses_client()
    monkeypatch.setattr(client, "_make_api_call", Mock(side_effect=refusal))
    with pytest.raises(told):
        _send()

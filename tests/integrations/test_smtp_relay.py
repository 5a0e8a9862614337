"""Mails by a relay: over TLS where it was asked for, over few connections, with what it answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from chalicelib.core.settings import reset_settings
from chalicelib.integrations import smtp
from chalicelib.integrations.destinations import Destination
from chalicelib.integrations.errors import MailAway, MailRefused, OutboundFailure
from chalicelib.integrations.ses import composed
from chalicelib.integrations.smtp import Relay, Security, UnreadableRelay, parse_relay
from tests.channels.hosts import Authority, MailHost, mail_host


@pytest.fixture(autouse=True)
def _trust(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    smtp._pool.cache_clear()
    yield
    smtp._pool().stop()
    smtp._pool.cache_clear()
    monkeypatch.undo()
    reset_settings()


@pytest.fixture
def host(authority: Authority) -> Iterator[MailHost]:
    """A relay that wants STARTTLS and a login."""
    with mail_host(authority.context_for("localhost")) as host:
        yield host
        smtp._pool().stop()


def relay_to(host: MailHost, security: Security = "starttls", **login: str) -> Relay:
    to = Destination("localhost", host.port, is_trusted=True)
    return Relay(f"smtp {to}", to, security, **login)


LOGIN = {"username": "rollcall", "password": "a password that nobody knows"}


def mail(subject: str = "Hello") -> Any:
    return composed(
        sender="Rollcall <no-reply@rollcall.example>",
        to="chloe@rollcall.example",
        subject=subject,
        text="你好",
        html=None,
        headers={},
    )


def code_of(relay: Relay) -> str:
    with pytest.raises(OutboundFailure) as raised:
        smtp.send_by(relay, mail())
    return raised.value.code


def test_a_mail_arrives_over_starttls_with_a_login(host: MailHost) -> None:
    smtp.send_by(relay_to(host, **LOGIN), mail("停课"))
    (envelope,) = host.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == (
        "no-reply@rollcall.example",
        ["chloe@rollcall.example"],
    )
    assert message_from_bytes(envelope.content, policy=default)["Subject"] == "停课"
    assert host.logins == [("rollcall", LOGIN["password"])]


def test_a_mail_arrives_over_tls_from_the_first_byte(authority: Authority) -> None:
    with mail_host(authority.context_for("localhost"), implicit=True) as host:
        smtp.send_by(relay_to(host, "tls", **LOGIN), mail())
        assert len(host.mails) == len(host.logins) == 1
        smtp._pool().stop()


def test_the_connection_and_its_login_are_kept(host: MailHost) -> None:
    for _ in range(4):
        smtp.send_by(relay_to(host, **LOGIN), mail())
    assert len(host.mails) == 4
    assert len(set(host.sessions)) == len(host.logins) == 1
    smtp._pool().close_key(relay_to(host).key)
    smtp.send_by(relay_to(host, **LOGIN), mail())
    assert len(host.logins) == 2


def test_without_starttls_nothing_is_sent(authority: Authority) -> None:
    with mail_host(authority.context_for("localhost"), offers_tls=False) as host:
        assert code_of(relay_to(host, **LOGIN)) == "tls_failed"
        assert host.logins == host.mails == []


@pytest.mark.parametrize("implicit", [False, True])
def test_the_certificate_has_to_be_that_of_the_name(authority: Authority, implicit: bool) -> None:
    with mail_host(authority.context_for("somebody.example"), implicit=implicit) as host:
        assert code_of(relay_to(host, "tls" if implicit else "starttls", **LOGIN)) == "tls_failed"
        assert host.logins == host.mails == []


def test_a_wrong_login_is_final(host: MailHost) -> None:
    host.is_let_in = False
    assert code_of(relay_to(host, **LOGIN)) == "login_refused"
    assert OutboundFailure("login_refused").is_final


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        *(("451 Later", "busy"), ("452 Full", "busy"), ("550 No", "refused")),
        *(("554 Spam", "refused"), ("530 Who are you", "login_refused")),
    ],
)
def test_what_the_relay_replies_has_a_code(host: MailHost, reply: str, code: str) -> None:
    host.reply = reply
    assert code_of(relay_to(host, **LOGIN)) == code
    assert smtp._pool().figures().connections == 0


def test_a_dead_relay_is_unreachable_and_one_that_hangs_is_timed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smtp, "_READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        to = Destination("localhost", silent.getsockname()[1], is_trusted=True)
        assert code_of(Relay("silent", to, "none")) == "timed_out"
    assert code_of(Relay("dead", to, "none")) == "unreachable"


def test_a_relay_that_died_while_idle_costs_no_mail(authority: Authority) -> None:
    context = authority.context_for("localhost")
    with mail_host(context) as first:
        smtp.send_by(relay_to(first, **LOGIN), mail())
    with mail_host(context) as second:
        # The same relay on another port: its key is what connections are kept under.
        moved = Relay(relay_to(first).key, relay_to(second).to, "starttls", **LOGIN)
        smtp.send_by(moved, mail())
        assert len(second.mails) == 1
        assert smtp._pool().figures().found_dead == 1
        smtp._pool().stop()


def test_nothing_of_a_login_is_in_keys_figures_or_words(host: MailHost) -> None:
    relay = relay_to(host, **LOGIN)
    smtp.send_by(relay, mail())
    assert LOGIN["password"] not in f"{relay} {smtp._pool().keys()} {smtp._pool().figures()}"


class TestTheOperatorsOwn:
    @pytest.fixture
    def own(self, host: MailHost, monkeypatch: pytest.MonkeyPatch) -> MailHost:
        url = f"smtp://rollcall:a%20password@localhost:{host.port}"
        monkeypatch.setenv("SMTP_URL", url)
        reset_settings()
        return host

    def send(self) -> str:
        return smtp.send(
            sender="Rollcall <no-reply@rollcall.example>",
            to="chloe@rollcall.example",
            subject="Hello",
            text="t",
            html="<p>t</p>",
            headers={"Auto-Submitted": "auto-generated"},
            tags={"mail_id": "7"},
        )

    def test_it_sends_what_ses_would(self, own: MailHost) -> None:
        assert self.send() == "<mail-7@rollcall.example>"
        sent = message_from_bytes(own.mails[0].content, policy=default)
        assert sent["Message-ID"] == "<mail-7@rollcall.example>"
        assert own.logins == [("rollcall", "a password")]

    def test_a_refusal_is_the_mails_and_anything_else_is_mended(self, own: MailHost) -> None:
        own.reply = "550 No such user"
        with pytest.raises(MailRefused):
            self.send()
        own.reply = "451 Later"
        with pytest.raises(MailAway):
            self.send()
        own.is_let_in = False
        with pytest.raises(MailAway):
            self.send()

    @pytest.mark.parametrize(
        ("url", "security", "port"),
        [
            *(("smtps://relay.example", "tls", 465), ("smtp://relay.example", "starttls", 587)),
            *(("smtp+plain://10.0.0.7", "none", 25), ("smtps://relay.example:2525/", "tls", 2525)),
        ],
    )
    def test_an_url_says_how(self, url: str, security: str, port: int) -> None:
        relay = parse_relay(url)
        assert (relay.security, relay.to.port, relay.to.is_trusted) == (security, port, True)

    @pytest.mark.parametrize(
        "url", ["", "relay", "http://relay", "smtp://", "smtp://r:x", "smtp://r/x"]
    )
    def test_an_url_that_is_none_is_not_repeated(self, url: str) -> None:
        with pytest.raises(UnreadableRelay) as raised:
            parse_relay(url)
        assert str(raised.value) == "SMTP_URL is not the URL of a relay."

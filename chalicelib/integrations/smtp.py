"""Mails by an SMTP relay: the operator's own instead of SES, or one that a manager added.

Connections are kept for the next mail. TLS is never optional where it is asked for: a relay that
does not offer STARTTLS gets nothing.
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parseaddr
from functools import cache
from typing import Literal
from urllib.parse import unquote, urlsplit

from chalicelib.core.errors import RollcallError
from chalicelib.core.settings import get_settings
from chalicelib.integrations import secrets
from chalicelib.integrations.destinations import (
    Destination,
    cut_off_after,
    is_quiet,
    open_socket,
    secured,
)
from chalicelib.integrations.errors import MailAway, MailRefused, OutboundFailure
from chalicelib.integrations.outbound_pool import outbound_pool
from chalicelib.integrations.ses import composed
from chalicelib.pools.errors import NoFreeConnection, TooManyKeys
from chalicelib.pools.pool import KeyedPool

Security = Literal["tls", "starttls", "none"]
PORTS = frozenset({25, 465, 587, 2525})

_CONNECT_SECONDS = 5
_READ_SECONDS = 10
_WHOLE_SECONDS = 30
_SCHEMES: Mapping[str, tuple[Security, int]] = {
    "smtps": ("tls", 465),
    "smtp": ("starttls", 587),
    "smtp+plain": ("none", 25),
}
_LOGIN_CODES = frozenset({530, 534, 535, 538})


class UnreadableRelay(RollcallError):
    """SMTP_URL is not the address of a relay; `detail` does not repeat it."""


@dataclass(frozen=True)
class Relay:
    """An SMTP server that sends for us; `key` names it where its figures are shown."""

    key: str
    to: Destination
    security: Security
    username: str = ""
    password: str = field(default="", repr=False)


class _Connection(smtplib.SMTP):
    """An SMTP connection over a socket that is made elsewhere."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(local_hostname="rollcall", timeout=_READ_SECONDS)
        self._relay = relay

    def open(self) -> None:
        """Connect, secure and sign in."""
        relay = self._relay
        self.sock = open_socket(relay.to, _CONNECT_SECONDS)
        self.sock.settimeout(_READ_SECONDS)
        if relay.security == "tls":
            self._secure()
        with cut_off_after(_WHOLE_SECONDS, self.connected):
            code, _ = self.getreply()
            if code != 220:
                raise smtplib.SMTPConnectError(code, "")
            self.ehlo_or_helo_if_needed()
            if relay.security == "starttls":
                self._ask_for_tls()
        if relay.security == "starttls":
            self._secure()
        with cut_off_after(_WHOLE_SECONDS, self.connected):
            self.ehlo_or_helo_if_needed()
            if relay.username:
                self.login(relay.username, relay.password)

    @property
    def connected(self) -> socket.socket:
        """Return the socket.

        Raises:
            SMTPServerDisconnected: there is none any more.
        """
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected
        return self.sock

    def _ask_for_tls(self) -> None:
        if not self.has_extn("starttls"):
            raise OutboundFailure("tls_failed")
        code, _ = self.docmd("STARTTLS")
        if code != 220:
            raise OutboundFailure("tls_failed")

    def _secure(self) -> None:
        self.sock = secured(self.connected, self._relay.to.host, _WHOLE_SECONDS)
        self.sock.settimeout(_READ_SECONDS)
        # What came before in plain text does not count any more (RFC 3207, section 4.2).
        self.file = None
        self.helo_resp = None
        self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False


def send_by(relay: Relay, message: EmailMessage) -> None:
    """Send a mail to the one address in its To header.

    Raises:
        OutboundFailure: the relay did not take it, or was not asked.
    """
    sender, to = parseaddr(message["From"])[1], parseaddr(message["To"])[1]
    try:
        with _pool().connection(relay.key, lambda: _opened(relay)) as connection:
            _send(connection, sender, to, message)
    except (NoFreeConnection, TooManyKeys):
        raise OutboundFailure("busy") from None


def send(
    *,
    sender: str,
    to: str,
    subject: str,
    text: str,
    html: str | None = None,
    headers: Mapping[str, str] | None = None,
    configuration_set: str | None = None,  # noqa: ARG001
    tags: Mapping[str, str] | None = None,
) -> str:
    """Send one mail by the relay of SMTP_URL, and return its Message-ID; as `ses.send`.

    A relay tells nothing of bounces: the configuration set and tags are SES's.

    Raises:
        MailRefused: a header or address is not acceptable, or the relay rejects the mail for good.
        MailAway: the relay does not answer, is too busy, or does not let us in.
        SettingMissing, UnreadableRelay, SecretMissing, SecretsAway: there is no relay to be had.
    """
    number = (tags or {}).get("mail_id", "")
    domain = parseaddr(sender)[1].partition("@")[2]
    message_id = f"<mail-{number}@{domain}>"
    message = composed(
        sender=sender,
        to=to,
        subject=subject,
        text=text,
        html=html,
        # The same each time a mail is sent: who gets two of them can tell.
        headers={**(headers or {}), "Message-ID": message_id},
    )
    try:
        send_by(_own_relay(), message)
    except OutboundFailure as failure:
        if failure.code == "refused":
            raise MailRefused("The relay rejects the mail.") from failure
        raise MailAway from failure
    return message_id


def parse_relay(url: str) -> Relay:
    """Return the relay that an operator names; it may well be private.

    Raises:
        UnreadableRelay: the URL is none of those that SMTP_URL may be.
    """
    try:
        parts = urlsplit(url)
        security, port = _SCHEMES[parts.scheme]
        host, port = parts.hostname or "", parts.port or port
    except (ValueError, KeyError):
        raise UnreadableRelay("SMTP_URL is not the URL of a relay.") from None
    if not host or parts.path not in ("", "/"):
        raise UnreadableRelay("SMTP_URL is not the URL of a relay.")
    return Relay(
        f"smtp {host}:{port}",
        Destination(host, port, is_trusted=True),
        security,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def _own_relay() -> Relay:
    settings = get_settings()
    if settings.smtp_url is None and settings.smtp_url_arn:
        return parse_relay(secrets.get_secret(settings.smtp_url_arn))
    return parse_relay(settings.require("smtp_url"))


def _opened(relay: Relay) -> _Connection:
    connection = _Connection(relay)
    try:
        connection.open()
    except BaseException as failure:
        connection.close()
        if isinstance(failure, Exception):
            raise _meaning(failure) from None
        raise
    return connection


def _send(connection: _Connection, sender: str, to: str, message: EmailMessage) -> None:
    try:
        with cut_off_after(_WHOLE_SECONDS, connection.connected):
            connection.send_message(message, sender, [to])
    except (OSError, smtplib.SMTPException, ValueError) as failure:
        raise _meaning(failure) from None


def _meaning(failure: Exception) -> Exception:
    """Return what a failure of smtplib means; its text holds what the server said."""
    match failure:
        case OutboundFailure():
            return failure
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return _by_code(*(code for code, _ in refused.values()))
        case smtplib.SMTPResponseException(smtp_code=code):
            return _by_code(code)
        # smtplib hides a time-out in what it raises.
        case OSError() if isinstance(failure.__context__ or failure, TimeoutError):
            return OutboundFailure("timed_out")
        case smtplib.SMTPNotSupportedError():
            return OutboundFailure("refused")
        case OSError() | smtplib.SMTPException():
            return OutboundFailure("broken_off")
    return failure


def _by_code(*codes: int) -> OutboundFailure:
    if _LOGIN_CODES.intersection(codes):
        return OutboundFailure("login_refused")
    return OutboundFailure("refused" if min(codes) >= 500 else "busy")


@cache
def _pool() -> KeyedPool[_Connection]:
    return outbound_pool("smtp", is_valid=_still_talks, close=_Connection.close)


def _still_talks(connection: _Connection) -> bool:
    return is_quiet(connection.sock) and connection.noop()[0] == 250

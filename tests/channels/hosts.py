"""Hosts outside, for tests: an HTTPS server and an SMTP relay on this machine, with certificates of
a CA of the test's own; what they were sent, and what they are to answer.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.core.clock import utc_now
from chalicelib.core.settings import reset_settings
from chalicelib.integrations import webhooks

# It resolves to the loopback wherever the hosts file is as usual.
NAME = "localhost"


class Authority:
    """A certificate authority; `file` is what has to be trusted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        certificate = self._signed(self._name, self._key, ca=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context_for(self, name: str) -> ssl.SSLContext:
        """Return what a server that has this name serves with."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._signed(subject, key, name=name)
        path = self._folder / f"{name}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self, subject: x509.Name, key: Any, *, ca: bool = False, name: str = ""
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(utc_now() - timedelta(days=1))
            .not_valid_after(utc_now() + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if name:
            names = x509.SubjectAlternativeName([x509.DNSName(name)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


@dataclass
class Asked:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes
    peer: tuple[str, int]


@dataclass
class WebHost:
    """An HTTPS server that answers as it is told."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b"{}"
    asked: list[Asked] = field(default_factory=list)
    before_answer: Callable[[], object] = lambda: None

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}/hook?room=1"

    @property
    def place(self) -> str:
        return f"{NAME}:{self.port}"


@contextmanager
def web_host(context: ssl.SSLContext) -> Iterator[WebHost]:
    """Serve until the block ends."""
    host = WebHost()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            host.asked.append(Asked(self.path, dict(self.headers), body, self.client_address))
            host.before_answer()
            self.send_response(host.status)
            for name, value in host.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(host.answer)))
            self.end_headers()
            self.wfile.write(host.answer)

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def finish_request(self, request: Any, client_address: Any) -> None:
            # Each in its own thread: a client that does not like the certificate is no failure.
            try:
                with context.wrap_socket(request, server_side=True) as secured:
                    super().finish_request(secured, client_address)
            except OSError:
                return

    server = Server(("127.0.0.1", 0), Handler)
    host.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class MailHost:
    """An SMTP server that takes mails as it is told, from one login."""

    port: int = 0
    mails: list[Any] = field(default_factory=list)
    sessions: list[Any] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    reply: str = "250 Taken"
    is_let_in: bool = True

    @property
    def place(self) -> str:
        return f"{NAME}:{self.port}"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        if self.reply.startswith("250"):
            self.mails.append(envelope)
            self.sessions.append(session.peer)
        return self.reply

    def authenticate(self, _server: Any, _s: Any, _e: Any, _mechanism: str, data: Any) -> Any:
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.is_let_in, handled=False)


@contextmanager
def mail_host(
    context: ssl.SSLContext | None, *, implicit: bool = False, offers_tls: bool = True
) -> Iterator[MailHost]:
    """Serve until the block ends; with STARTTLS, with TLS from the first byte, or plainly."""
    host = MailHost()
    loop = asyncio.new_event_loop()

    made: list[SMTP] = []

    def make() -> SMTP:
        starttls = context if context and not implicit and offers_tls else None
        protocol = SMTP(
            host,
            hostname="relay",
            loop=loop,
            tls_context=starttls,
            require_starttls=bool(starttls),
            authenticator=host.authenticate if context and offers_tls else None,
            auth_require_tls=not implicit,
        )
        made.append(protocol)
        return protocol

    async def begin() -> asyncio.Server:
        return await loop.create_server(make, "127.0.0.1", 0, ssl=context if implicit else None)

    server = loop.run_until_complete(begin())
    host.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def end() -> None:
        server.close()
        for protocol in made:
            if protocol.transport:
                protocol.transport.abort()
        await asyncio.sleep(0.01)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    try:
        yield host
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def trust_host(monkeypatch: pytest.MonkeyPatch, authority: Authority, place: str) -> None:
    """Let posts go to a host of this machine, from a pool that knows none yet."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("CHANNEL_PRIVATE_HOSTS", place)
    reset_settings()
    webhooks._pool.cache_clear()

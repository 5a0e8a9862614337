"""JSON to hosts outside over HTTPS: few connections of each host, kept for the next one.

The certificate is that of the name, the socket goes to the address that was judged; a redirect is
a refusal, and of an answer no more is read than what shows that it ended.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit

from chalicelib.integrations.destinations import (
    Destination,
    cut_off_after,
    destination,
    is_quiet,
    open_socket,
    secured,
)
from chalicelib.integrations.errors import OutboundFailure
from chalicelib.integrations.outbound_pool import outbound_pool
from chalicelib.pools.errors import NoFreeConnection, TooManyKeys
from chalicelib.pools.pool import KeyedPool

PORTS = frozenset({443, 8443})
LONGEST_URL = 2000

_CONNECT_SECONDS = 5
_READ_SECONDS = 10
_WHOLE_SECONDS = 20
_MOST_ANSWER_BYTES = 64 * 1024
_BUSY = frozenset({408, 425, 429})
_LOGIN = frozenset({401, 403})


class _Connection(http.client.HTTPSConnection):
    """A connection whose socket is made by `open_socket`, so that no name is looked up again."""

    def __init__(self, to: Destination) -> None:
        super().__init__(to.host, to.port, timeout=_READ_SECONDS)
        self._to = to

    def connect(self) -> None:
        """Connect to the address, and check the certificate by the name."""
        plain = open_socket(self._to, _CONNECT_SECONDS)
        self.sock = secured(plain, self._to.host, _WHOLE_SECONDS)
        self.sock.settimeout(_READ_SECONDS)


def target(url: str) -> tuple[Destination, str]:
    """Return where an URL leads, and what to ask there for.

    Raises:
        OutboundFailure: `address_refused`: it is not HTTPS, holds a login, or leads where nothing
            may be sent.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        raise OutboundFailure("address_refused") from None
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST_URL
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or not plain:
        raise OutboundFailure("address_refused")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return destination(parts.hostname, port, PORTS), path


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post JSON to an URL, and return when the host has taken it (2xx).

    Raises:
        OutboundFailure: it did not, or was not asked.
    """
    to, path = target(url)
    try:
        with _pool().connection(f"https {to}", lambda: _opened(to)) as connection:
            status = _asked(connection, path, body, headers)
    except (NoFreeConnection, TooManyKeys):
        raise OutboundFailure("busy") from None
    if status in _BUSY or status >= 500:
        raise OutboundFailure("busy")
    if status in _LOGIN:
        raise OutboundFailure("login_refused")
    if 300 <= status < 400:
        raise OutboundFailure("redirected")
    if not 200 <= status < 300:
        raise OutboundFailure("refused")


def _opened(to: Destination) -> _Connection:
    connection = _Connection(to)
    connection.connect()
    return connection


def _asked(connection: _Connection, path: str, body: bytes, headers: Mapping[str, str]) -> int:
    try:
        with cut_off_after(_WHOLE_SECONDS, connection.sock):
            connection.request(
                "POST",
                path,
                body,
                {"Content-Type": "application/json", "User-Agent": "Rollcall", **headers},
            )
            answer = connection.getresponse()
            rest = answer.read(_MOST_ANSWER_BYTES)
    except TimeoutError:
        raise OutboundFailure("timed_out") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise OutboundFailure("broken_off") from None
    if len(rest) == _MOST_ANSWER_BYTES or answer.will_close:
        connection.close()
    return answer.status


@cache
def _pool() -> KeyedPool[_Connection]:
    return outbound_pool("https", is_valid=_is_quiet, close=_Connection.close)


def _is_quiet(connection: _Connection) -> bool:
    return is_quiet(connection.sock)

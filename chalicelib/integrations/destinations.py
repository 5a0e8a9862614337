"""Where a manager may have us connect to: a host of the public internet, and no other.

A name is resolved once, all of its addresses are judged, and the socket goes to one of them: there
is no second look-up that could answer otherwise (DNS rebinding). What an address looks like in
text does not matter, since it is the resolved one that is judged. See OWASP's Server-Side Request
Forgery Prevention Cheat Sheet.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Timer

from chalicelib.core.settings import get_settings
from chalicelib.integrations.errors import OutboundFailure

# Two labels at least: a name without a dot is one of the inner network.
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+{_LABEL}")
_MOST_ADDRESSES = 3

# Private, shared, loopback, link-local (the metadata address among them), documentation,
# benchmarks, multicast, reserved: the special-purpose registries of IANA; and Azure's own server.
_REFUSED_4 = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32"),
        *("169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24"),
        *("192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4"),
    )
)
# What is not global unicast, IPv4-mapped addresses among it, is refused as a whole; in it, Teredo
# and its neighbours, documentation, and 6to4, which hides an IPv4 address.
_GLOBAL_6 = ip_network("2000::/3")
_REFUSED_6 = tuple(
    ip_network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
# What a network without IPv4 makes of IPv4 addresses (RFC 6052).
_TRANSLATED = ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Destination:
    """A host, in lower case and ASCII, and a port of it; `is_trusted` is what the settings name."""

    host: str
    port: int
    is_trusted: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is one of the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_4)
    if address in _TRANSLATED:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL_6 and not any(address in network for network in _REFUSED_6)


def destination(host: str, port: int, ports: Collection[int]) -> Destination:
    """Return a destination that looks public; where its name leads is found out when connecting.

    Raises:
        OutboundFailure: `address_refused`: it is no host name, an address that is not public or
            in an unusual notation, or a port that is not one of `ports`.
    """
    host = _ascii(host.strip().removeprefix("[").removesuffix("]"))
    if f"{host}:{port}" in get_settings().trusted_private_hosts:
        return Destination(host, port, is_trusted=True)
    literal = _literal(host)
    if literal is not None:
        allowed = is_public(literal)
    else:
        # 0x7f.1 and 2130706433 are addresses, too.
        allowed = bool(_NAME.fullmatch(host)) and not _is_number(host)
    if not allowed or port not in ports:
        raise OutboundFailure("address_refused")
    return Destination(host, port, is_trusted=False)


def open_socket(to: Destination, timeout_seconds: float) -> socket.socket:
    """Connect to a destination; the socket keeps the time-out for each read and write.

    Raises:
        OutboundFailure: `unresolvable`, `address_refused`, `timed_out`, `unreachable`.
    """
    failure = OutboundFailure("unresolvable")
    for address in _resolved(to)[:_MOST_ADDRESSES]:
        try:
            return socket.create_connection((address, to.port), timeout_seconds)
        except TimeoutError:
            failure = OutboundFailure("timed_out")
        except OSError:
            failure = OutboundFailure("unreachable")
    raise failure


def _resolved(to: Destination) -> list[str]:
    try:
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OutboundFailure("unresolvable") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    # One that is not public makes the others suspicious.
    if not to.is_trusted and not all(is_public(ip_address(address)) for address in addresses):
        raise OutboundFailure("address_refused")
    return addresses


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode().lower()
    except UnicodeError:
        raise OutboundFailure("address_refused") from None


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_number(host: str) -> bool:
    try:
        socket.inet_aton(host)
    except (OSError, UnicodeError):
        return False
    return True


@contextmanager
def cut_off_after(seconds: float, connected: socket.socket) -> Iterator[None]:
    """Cut a socket off when a block takes longer: a peer that sends a byte now and then is never
    late for a single read.
    """

    def cut_off() -> None:
        try:
            connected.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    timer = Timer(seconds, cut_off)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def secured(plain: socket.socket, host: str, seconds: float) -> ssl.SSLSocket:
    """Return a socket as one with TLS, to a peer whose certificate is that of the name.

    Raises:
        OutboundFailure: `timed_out`, `tls_failed`; the socket is closed.
    """
    wrapped = ssl.create_default_context().wrap_socket(
        plain, server_hostname=host, do_handshake_on_connect=False
    )
    try:
        with cut_off_after(seconds, wrapped):
            wrapped.do_handshake()
    except TimeoutError:
        wrapped.close()
        raise OutboundFailure("timed_out") from None
    except OSError:
        wrapped.close()
        raise OutboundFailure("tls_failed") from None
    return wrapped


def is_quiet(connected: socket.socket | None) -> bool:
    """Return whether nothing has come in on a connection: what does unasked is its end."""
    return connected is not None and not select.select([connected], [], [], 0)[0]

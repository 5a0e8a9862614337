"""Where nobody may have us connect to: judged by the address that a name has at that moment."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from chalicelib.core.settings import reset_settings
from chalicelib.integrations.destinations import (
    Destination,
    destination,
    is_public,
    open_socket,
)
from chalicelib.integrations.errors import OutboundFailure

PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808"]
NOT_PUBLIC = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"),
    *("169.254.169.254", "0.0.0.0", "192.0.0.8", "192.88.99.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::1", "::", "::ffff:1.1.1.1", "::ffff:127.0.0.1", "fe80::1", "fc00::1", "fd00:ec2::254"),
    *("ff02::1", "2001:db8::1", "2001::1", "2002:101:101::", "64:ff9b::7f00:1", "64:ff9b:1::1"),
    *("fec0::1", "100::1", "::7f00:1"),
]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the next look-ups find, one after the other; a test that asks once more fails."""
    found: list[list[str]] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found.pop(0)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return found


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whereto sockets were opened; none is."""
    seen: list[Any] = []

    def connect(address: Any, _timeout: float) -> None:
        seen.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    return seen


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CHANNEL_PRIVATE_HOSTS", "relay.inner:25")
    reset_settings()
    yield
    monkeypatch.undo()
    reset_settings()


def failure_of(work: Callable[[], object]) -> str:
    with pytest.raises(OutboundFailure) as raised:
        work()
    return raised.value.code


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_others_are_not_and_no_name_leads_there(
    address: str, resolver: list[list[str]], connected: list[Any]
) -> None:
    assert not is_public(ip_address(address))
    resolver.append([address])
    to = destination("hooks.school.example", 443, {443})
    assert failure_of(lambda: open_socket(to, 1)) == "address_refused"
    assert connected == []


def test_one_private_address_among_public_ones_is_enough(
    resolver: list[list[str]], connected: list[Any]
) -> None:
    resolver.append(["1.1.1.1", "10.0.0.1"])
    to = destination("hooks.school.example", 443, {443})
    assert failure_of(lambda: open_socket(to, 1)) == "address_refused"
    assert connected == []


def test_what_was_judged_is_what_is_connected_to(
    resolver: list[list[str]], connected: list[Any]
) -> None:
    # A resolver that rebinds answers with the loopback the second time: nobody asks it then.
    resolver.append(["1.1.1.1", "1.0.0.1"])
    to = destination("hooks.school.example", 443, {443})
    assert failure_of(lambda: open_socket(to, 1)) == "unreachable"
    assert connected == [("1.1.1.1", 443), ("1.0.0.1", 443)]
    assert resolver == []


def test_a_name_that_leads_nowhere_may_lead_somewhere_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    to = destination("hooks.school.example", 443, {443})
    assert failure_of(lambda: open_socket(to, 1)) == "unresolvable"
    assert not OutboundFailure("unresolvable").is_final
    assert OutboundFailure("address_refused").is_final


@pytest.mark.parametrize(
    "host",
    [
        *("", ".", "a..example", "-a.example", "a_b", "localhost", "a b.example", "a.example:25"),
        *("a.example/", "a@b.example", "a.example\0", "x" * 64 + ".example", "a." * 130 + "b"),
        *("::1%lo", "1.2.3", "0x1.0x2.3.4", "%31.example"),
    ],
)
def test_what_is_no_host_of_the_internet_is_refused(host: str) -> None:
    assert failure_of(lambda: destination(host, 443, {443})) == "address_refused"


def test_names_are_lower_case_ascii() -> None:
    assert str(destination("学校.Example", 443, {443})) == "xn--48s290a.example:443"
    assert destination("[2606:4700::1111]", 443, {443}).host == "2606:4700::1111"


def test_only_ports_that_are_meant_are_asked() -> None:
    assert failure_of(lambda: destination("hooks.school.example", 22, {443})) == "address_refused"


def test_a_private_host_is_trusted_where_the_settings_name_it_with_its_port(
    resolver: list[list[str]], connected: list[Any]
) -> None:
    to = destination("Relay.Inner", 25, {587})
    assert to == Destination("relay.inner", 25, is_trusted=True)
    resolver.append(["10.0.0.7"])
    assert failure_of(lambda: open_socket(to, 1)) == "unreachable"
    assert connected == [("10.0.0.7", 25)]
    assert not destination("relay.inner", 587, {587}).is_trusted

"""Posts to an HTTPS host: by its name, over few connections, and never anywhere else."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from chalicelib.core.settings import reset_settings
from chalicelib.integrations import destinations, webhooks
from chalicelib.integrations.errors import OutboundFailure
from tests.channels.hosts import Authority, WebHost, trust_host, web_host


@pytest.fixture
def host(web: WebHost) -> WebHost:
    return web


def code_of(url: str) -> str:
    with pytest.raises(OutboundFailure) as raised:
        webhooks.post(url, b"{}", {})
    return raised.value.code


def test_a_post_arrives_as_it_was_sent(host: WebHost) -> None:
    webhooks.post(host.url, b'{"id":1}', {"X-Rollcall-Post": "1"})
    (asked,) = host.asked
    assert (asked.path, asked.body) == ("/hook?room=1", b'{"id":1}')
    assert asked.headers["Host"] == host.place
    assert asked.headers["X-Rollcall-Post"] == "1"
    assert asked.headers["Content-Type"] == "application/json"


def test_the_connection_is_kept_for_the_next_post(host: WebHost) -> None:
    for _ in range(5):
        webhooks.post(host.url, b"{}", {})
    assert len({asked.peer for asked in host.asked}) == 1
    figures = webhooks._pool().figures(f"https {host.place}")
    assert (figures.created, figures.reused, figures.idle) == (1, 4, 1)


def test_one_that_the_host_closed_meanwhile_is_replaced(host: WebHost) -> None:
    host.headers["Connection"] = "close"
    for _ in range(3):
        webhooks.post(host.url, b"{}", {})
    assert len({asked.peer for asked in host.asked}) == 3


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((301, "redirected"), (302, "redirected"), (307, "redirected"), (400, "refused")),
        *((401, "login_refused"), (403, "login_refused"), (404, "refused"), (408, "busy")),
        *((410, "refused"), (429, "busy"), (500, "busy"), (503, "busy")),
    ],
)
def test_what_the_host_answers_has_a_code(host: WebHost, status: int, code: str) -> None:
    host.status = status
    host.headers["Location"] = f"https://localhost:{host.port}/elsewhere"
    assert code_of(host.url) == code
    assert [asked.path for asked in host.asked] == ["/hook?room=1"], "nobody follows a redirect"


def test_of_a_long_answer_only_the_beginning_is_read(host: WebHost) -> None:
    host.answer = b"x" * 2_000_000
    webhooks.post(host.url, b"{}", {})
    assert webhooks._pool().figures().connections == 0


def test_the_certificate_has_to_be_that_of_the_name(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_host(authority.context_for("somebody.example")) as host:
        trust_host(monkeypatch, authority, host.place)
        assert code_of(host.url) == "tls_failed"
        assert host.asked == []


def test_and_of_an_authority_that_is_known(host: WebHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert code_of(host.url) == "tls_failed"


def test_what_is_private_is_not_asked_once_the_settings_name_it_no_more(
    host: WebHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHANNEL_PRIVATE_HOSTS", "")
    reset_settings()
    for name in ("localhost", "127.0.0.1", "127.0.0.1.nip.example"):
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda _h, port, **_: [(2, 1, 6, "", ("127.0.0.1", port))]
        )
        monkeypatch.setattr(webhooks, "PORTS", {host.port})
        assert code_of(f"https://{name}:{host.port}/") == "address_refused"
    assert host.asked == []


def test_a_host_that_is_away_is_unreachable(host: WebHost, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place = f"localhost:{unused.getsockname()[1]}"
        monkeypatch.setenv("CHANNEL_PRIVATE_HOSTS", place)
        reset_settings()
        assert code_of(f"https://{place}/") == "unreachable"


def test_a_host_that_never_answers_is_timed_out(
    host: WebHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_READ_SECONDS", 0.2)
    done = threading.Event()
    host.before_answer = lambda: done.wait(5)
    assert code_of(host.url) == "timed_out"
    done.set()


def test_a_host_that_sends_a_byte_now_and_then_is_cut_off(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, the whole does not."""
    context = authority.context_for("localhost")
    listening = socket.create_server(("127.0.0.1", 0))
    place = f"localhost:{listening.getsockname()[1]}"
    trust_host(monkeypatch, authority, place)
    monkeypatch.setattr(webhooks, "_WHOLE_SECONDS", 0.5)

    def drip() -> None:
        plain, _ = listening.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as secured:
                secured.recv(10_000)
                for _ in range(100):
                    secured.send(b"H")
                    time.sleep(0.05)
        except OSError:
            return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    began = time.monotonic()
    assert code_of(f"https://{place}/") == "broken_off"
    assert time.monotonic() - began < 3
    thread.join(10)
    listening.close()
    reset_settings()


def test_a_handshake_that_does_not_end_is_cut_off(
    host: WebHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"localhost:{silent.getsockname()[1]}"
        monkeypatch.setenv("CHANNEL_PRIVATE_HOSTS", place)
        monkeypatch.setattr(webhooks, "_WHOLE_SECONDS", 0.3)
        reset_settings()
        began = time.monotonic()
        assert code_of(f"https://{place}/") == "tls_failed"
        assert time.monotonic() - began < 3


def test_a_fourth_post_at_once_waits_for_one_of_three_connections(host: WebHost) -> None:
    at_once: list[int] = []
    lock, under_way = threading.Lock(), [0]

    def count() -> None:
        with lock:
            under_way[0] += 1
            at_once.append(under_way[0])
        time.sleep(0.05)
        with lock:
            under_way[0] -= 1

    host.before_answer = count
    threads = [threading.Thread(target=webhooks.post, args=(host.url, b"{}", {})) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(host.asked) == 9
    assert max(at_once) <= 3
    assert len({asked.peer for asked in host.asked}) <= 3


def test_keys_name_hosts_and_hold_no_secret(host: WebHost) -> None:
    webhooks.post(f"https://{host.place}/bot123:secret/sendMessage", b"{}", {})
    assert webhooks._pool().keys() == [f"https {host.place}"]


def test_the_guard_leaves_a_socket_alone_that_was_in_time() -> None:
    one, other = socket.socketpair()
    with one, other:
        with destinations.cut_off_after(0.05, one):
            pass
        time.sleep(0.1)
        other.send(b"x")
        assert one.recv(1) == b"x"

"""What is counted of connections to hosts outside, held against what the pool and the host know."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from chalicelib.core import figures
from chalicelib.core.settings import reset_settings
from chalicelib.integrations import outbound_pool as outbound
from chalicelib.integrations import webhooks
from chalicelib.integrations.errors import OutboundFailure
from chalicelib.operations import exposition
from chalicelib.pools.connections import Limits
from tests.channels.hosts import WebHost
from tests.counting import counted

STATES = ("connecting", "active", "idle")


@pytest.fixture
def host(web: WebHost) -> Iterator[WebHost]:
    """A host that posts go to, and figures from nothing on."""
    figures.reset()
    yield web
    figures.reset()


def of_https(name: str, **labels: str) -> float:
    return counted(f"outbound_{name}", pool="https", **labels)


def by_state() -> tuple[float, ...]:
    return tuple(of_https("connections", state=state) for state in STATES)


def test_a_connection_counts_as_long_as_it_is_there_and_by_what_it_does(host: WebHost) -> None:
    seen: list[tuple[float, ...]] = []
    host.before_answer = lambda: seen.append(by_state())
    for _ in range(3):
        webhooks.post(host.url, b"{}", {})
    assert seen == [(0, 1, 0)] * 3
    assert by_state() == (0, 0, 1)
    assert of_https("connections_opened_total") == 1
    webhooks._pool().stop()
    assert by_state() == (0, 0, 0)
    assert of_https("connections_closed_total", state="disconnected") == 1
    assert of_https("connections_closed_total", state="error") == 0


def test_what_is_found_dead_or_does_not_come_about_counts_apart(
    host: WebHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.headers["Connection"] = "close"
    webhooks.post(host.url, b"{}", {})
    assert of_https("connections_closed_total", state="error") == 1
    assert by_state() == (0, 0, 0)
    monkeypatch.setenv("CHANNEL_PRIVATE_HOSTS", f"{host.place},localhost:1")
    reset_settings()
    with pytest.raises(OutboundFailure, match="unreachable"):
        webhooks.post("https://localhost:1/", b"{}", {})
    assert of_https("connect_failures_total") == 1
    assert of_https("connections_opened_total") == 1
    assert by_state() == (0, 0, 0)


def test_waits_count_with_their_time_and_those_in_vain_as_timeouts(
    host: WebHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = webhooks._pool()
    assert of_https("timeouts_total") == of_https("wait_seconds_bucket") == 0
    taken, go_on = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        taken.release()
        assert go_on.wait(10)

    host.before_answer = hold
    threads = [threading.Thread(target=webhooks.post, args=(host.url, b"{}", {})) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        assert taken.acquire(timeout=10)
    assert by_state() == (0, 3, 0)
    give_up = time.monotonic() + 10
    while pool.figures().waiting == 0:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    monkeypatch.setattr(pool, "_limits", Limits(wait_seconds=0.1))
    with pytest.raises(OutboundFailure, match="busy"):
        webhooks.post(host.url, b"{}", {})
    assert of_https("timeouts_total") == 1
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert len(host.asked) == 4
    assert of_https("wait_seconds_bucket") == 2
    assert of_https("wait_seconds_sum") >= 0.1
    assert by_state() == (0, 0, 3)


def test_figures_and_the_pool_agree_after_many_posts_at_once(host: WebHost) -> None:
    def post_often() -> None:
        for number in range(20):
            host.headers = {"Connection": "close"} if number % 5 == 0 else {}
            webhooks.post(host.url, b"{}", {})

    threads = [threading.Thread(target=post_often) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    known = webhooks._pool().figures()
    assert by_state() == (known.connecting, known.active, known.idle)
    assert of_https("connections_opened_total") == known.created
    assert of_https("connections_closed_total") == known.closed
    assert known.created - known.closed == known.idle
    assert known.event_failures == 0


def test_metrics_and_cloudwatch_are_told(
    host: WebHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("METRICS_NAMESPACE", "Rollcall")
    reset_settings()
    figures.reset()
    webhooks.post(host.url, b"{}", {})
    told = exposition.metrics_text().splitlines()
    assert 'outbound_connections{pool="https",state="idle"} 1.0' in told
    assert 'outbound_connections_opened_total{pool="https"} 1.0' in told
    with caplog.at_level(logging.INFO, logger=figures.__name__):
        figures.flush("post_to_channels")
    (line,) = (vars(record) for record in caplog.records if record.message == "figures")
    assert line["outbound_connections_opened_total"] == 1
    assert (line["pool"], line["function"]) == ("https", "post_to_channels")


def test_each_pool_has_a_name_of_its_own() -> None:
    pool = outbound.outbound_pool("probe", is_valid=bool, close=len)
    with pool.connection("key", lambda: "a line"):
        assert counted("outbound_connections", pool="probe", state="active") == 1
    pool.stop()
    assert counted("outbound_connections", pool="probe") == 0
    assert counted("outbound_connections_closed_total", pool="probe") == 1

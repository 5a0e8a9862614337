"""What operators and their tools see over HTTP: /metrics and /api/ops/health."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import boto3
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from chalicelib.core import database
from chalicelib.core.settings import get_settings, reset_settings
from chalicelib.operations import pooler, queues

from .conftest import API, Answer

Configure = Callable[..., None]


@pytest.fixture
def mail_queue(api: API, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The queue mail with two messages and one dead letter."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    reset_settings()
    sqs = boto3.client("sqs", endpoint_url=get_settings().aws_endpoint_url)
    url = sqs.create_queue(QueueName="rollcall-figures-mail")["QueueUrl"]
    dead = sqs.create_queue(QueueName="rollcall-figures-mail-dlq")["QueueUrl"]
    for queue, messages in ((url, 2), (dead, 1)):
        for _ in range(messages):
            sqs.send_message(QueueUrl=queue, MessageBody="{}")
    monkeypatch.setenv("QUEUE_MAIL_URL", url)
    reset_settings()
    queues.forget_figures()
    yield url
    for queue in (url, dead):
        sqs.delete_queue(QueueUrl=queue)
    monkeypatch.undo()
    reset_settings()
    queues.forget_figures()


@pytest.fixture
def settings(api: API, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Change settings for a test; the pool is made anew for it, and after it."""

    def change(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        reset_settings()
        database.close()
        pooler.forget_figures()

    yield change
    monkeypatch.undo()
    reset_settings()
    database.close()
    pooler.forget_figures()


def with_key(api: API, key: str) -> Answer:
    return api.get("/metrics", headers={"Authorization": f"Bearer {key}"})


def numbers(answer: Answer) -> dict[str, float]:
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def test_metrics_open_to_managers_and_to_their_key(api: API, settings: Configure) -> None:
    settings()
    key = os.environ["METRICS_TOKEN"]
    assert numbers(api.get("/metrics", as_="amara"))["db_pool_size"] == 1
    assert numbers(with_key(api, key))["db_pool_size"] == 1
    assert api.get("/metrics", as_="rosa").code == "forbidden"
    for wrong in (key[:-1], f"{key}x", key.upper(), "", "none"):
        assert with_key(api, wrong).status == 401
    assert api.get("/api/ops/health", headers={"Authorization": f"Bearer {key}"}).status == 401


def test_without_a_key_only_managers_see_them(api: API, settings: Configure) -> None:
    settings(METRICS_TOKEN="")
    assert with_key(api, "").status == 401
    assert api.get("/metrics").status == 401
    assert api.get("/metrics", as_="amara").status == 200


def test_the_key_needs_no_database(api: API, settings: Configure) -> None:
    settings(DB_PORT="1")
    found = numbers(with_key(api, os.environ["METRICS_TOKEN"]))
    assert found["db_errors_total 08"] >= 1
    assert "outbox_oldest_age_seconds" not in found
    assert api.get("/metrics", as_="amara").code == "database_away"


def test_requests_count_by_the_template_of_their_path(api: API) -> None:
    name = "http_requests_total GET /api/courses/{id} 404"
    before = numbers(api.get("/metrics", as_="amara"))
    for course in (999_998, 999_999):
        api.get(f"/api/courses/{course}", as_="rosa")
    after = numbers(api.get("/metrics", as_="amara"))
    assert after[name] - before.get(name, 0) == 2
    took = "http_request_duration_seconds_count GET /api/courses/{id}"
    assert after[took] - before.get(took, 0) == 2
    assert not [name for name in after if "99999" in name]


def test_outbox_queues_and_pooler_are_looked_up(api: API, mail_queue: str) -> None:
    with database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox (queue, body, correlation_id, created_at, claimed_until)"
                " VALUES ('imports', '{}', 'x', now() - interval '90 seconds', now()),"
                " ('mail', '{}', 'waits for its pace', now() - interval '1 hour', now())"
            )
        )
    found = numbers(api.get("/metrics", as_="amara"))
    assert found["outbox_oldest_age_seconds"] == pytest.approx(90, abs=10)
    assert found["dlq_depth mail"] == 1
    assert found["queue_depth mail"] == 2
    assert found["pooler_clients_waiting"] == 0
    assert found["pooler_servers_max"] == 30


def test_health_shows_process_pooler_and_queues(api: API, mail_queue: str) -> None:
    answer = api.get("/api/ops/health", as_="amara")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["process"] == {
        "pool_size": 1,
        "checked_out": 0,
        "overflow": 0,
        "max_overflow": 0,
        "max_connections": 1,
        "usage_ratio": 0.0,
    }
    assert answer.json["pooler"]["kind"] == "pgbouncer"
    assert answer.json["pooler"]["reason"] is None
    (mail,) = [queue for queue in answer.json["queues"] if queue["name"] == "mail"]
    assert mail == {
        "name": "mail",
        "visible": 2,
        "in_flight": 0,
        "oldest_age_seconds": None,
        "dead_letters": 1,
        "oldest_dead_letter_age_seconds": None,
    }


def test_health_and_metrics_show_the_same_use(api: API, settings: Configure) -> None:
    settings(DB_POOL_SIZE="3", DB_MAX_OVERFLOW="2")
    with database.lone_read(), database.lone_read():
        process = api.get("/api/ops/health", as_="amara").json["process"]
        found = numbers(with_key(api, os.environ["METRICS_TOKEN"]))
    in_use, most = found["db_pool_connections_in_use"], found["db_pool_max_connections"]
    assert process["checked_out"] == 2
    # /metrics reads the outbox while it looks, on a connection more.
    assert in_use in (2, 3)
    assert process["usage_ratio"] == 100 * process["checked_out"] / most == 40.0


def test_a_pool_without_a_free_connection_is_a_503_in_time_and_counts(api: API) -> None:
    key = os.environ["METRICS_TOKEN"]
    name = "db_pool_connection_timeouts_total"
    before = numbers(with_key(api, key)).get(name, 0)
    with database.transaction() as connection:
        connection.execute(text("SELECT 1"))
        started = time.monotonic()
        answer = api.get("/auth/me", as_="chloe")
        seconds = time.monotonic() - started
    assert (answer.status, answer.code) == (503, "pool_exhausted")
    assert int(answer.headers["Retry-After"]) >= 1
    assert seconds < get_settings().db_pool_timeout_seconds
    after = numbers(with_key(api, key))
    assert after[name] == before + 1
    assert after["http_requests_total GET /auth/me 503"] >= 1
    assert api.get("/auth/me", as_="chloe").status == 200


def test_a_pooler_that_is_away_is_a_reason_and_no_error(api: API, settings: Configure) -> None:
    settings(POOLER_ADMIN_URL="postgresql://a:b@127.0.0.1:1/pgbouncer")
    answer = api.get("/api/ops/health", as_="amara")
    assert answer.json["pooler"]["reason"] == "away"
    assert answer.json["pooler"]["servers_used"] is None

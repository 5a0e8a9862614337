"""Health over HTTP, with real parts that are there or not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from chalicelib.core import database
from chalicelib.core.settings import get_settings, reset_settings
from chalicelib.operations import health
from chalicelib.operations.health import run_checks

from .conftest import API


@pytest.fixture
def installation(api: API, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A bucket and queues on the AWS endpoint, and settings that name them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("BUCKET", "rollcall-health")
    reset_settings()
    endpoint = get_settings().aws_endpoint_url
    boto3.client("s3", endpoint_url=endpoint).create_bucket(
        Bucket="rollcall-health",
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    sqs = boto3.client("sqs", endpoint_url=endpoint)
    urls = {}
    for name in ("imports", "exports", "mail", "mail_events"):
        urls[name] = sqs.create_queue(QueueName=f"rollcall-health-{name}")["QueueUrl"]
        monkeypatch.setenv(f"QUEUE_{name.upper()}_URL", urls[name])
    reset_settings()
    health.forget_health()
    yield monkeypatch
    monkeypatch.undo()
    reset_settings()
    health.forget_health()
    database.close()
    boto3.client("s3", endpoint_url=endpoint).delete_bucket(Bucket="rollcall-health")
    for url in urls.values():
        sqs.delete_queue(QueueUrl=url)


def checks(api: API) -> dict[str, str]:
    health.forget_health()
    answer = api.get("/health")
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, str] = answer.json["checks"]
    healthy = set(found.values()) == {"ok"}
    assert answer.status == (200 if healthy else 503)
    assert answer.json == {"status": "healthy" if healthy else "unhealthy", "checks": found}
    return found


ALL_OK = {"database": "ok", "pooler": "ok", "queues": "ok", "storage": "ok"}


def test_all_is_well(api: API, installation: Any) -> None:
    assert checks(api) == ALL_OK


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({"BUCKET": "rollcall-health-gone"}, {"storage"}),
        ({"BUCKET": ""}, {"storage"}),
        ({"QUEUE_EXPORTS_URL": "http://127.0.0.1:1/000000000000/x"}, {"queues"}),
        ({"QUEUE_IMPORTS_URL": ""}, {"queues"}),
        ({"QUEUE_MAIL_EVENTS_URL": ""}, {"queues"}),
        ({"DB_NAME": "nowhere"}, {"database"}),
        ({"DB_PORT": "1"}, {"database", "pooler"}),
    ],
)
def test_what_is_away_is_named(
    api: API, installation: pytest.MonkeyPatch, change: dict[str, str], failing: set[str]
) -> None:
    for name, value in change.items():
        installation.setenv(name, value)
    reset_settings()
    database.close()
    assert checks(api) == ALL_OK | dict.fromkeys(failing, "failing")


def test_who_asks_all_the_time_gets_what_was_found(
    api: API, installation: pytest.MonkeyPatch
) -> None:
    checks(api)
    installation.setenv("BUCKET", "rollcall-health-gone")
    reset_settings()
    assert api.get("/health").status == 200
    health.forget_health()
    assert api.get("/health").status == 503


def test_a_check_that_hangs_costs_no_more_than_its_time() -> None:
    started = time.monotonic()
    found = run_checks({"hangs": lambda: time.sleep(3), "works": lambda: None}, 0.2)
    assert found == {"hangs": "failing", "works": "ok"}
    assert time.monotonic() - started < 1

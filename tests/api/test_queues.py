"""Queues over HTTP: what waits, what failed, and dead letters put back, on the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from sqlalchemy import Connection, text

from chalicelib.core import database
from chalicelib.core.jobs import Ending
from chalicelib.core.settings import get_settings, reset_settings
from chalicelib.integrations.aws import reset_clients
from chalicelib.operations import queues as figures
from chalicelib.operations import runs

from .conftest import API

NAMES = ("imports", "exports", "fanout", "mail", "mail_events")
AUDITED = text("SELECT object_id, before FROM audit_events WHERE action = 'queue_redriven'")


class Cloud:
    """The queues of this test and their dead letters, looked at past our own code."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs", endpoint_url=get_settings().aws_endpoint_url)
        self.urls: dict[str, str] = {}

    def create(self, name: str) -> str:
        url: str = self.sqs.create_queue(QueueName=f"rollcall-ops-{name}")["QueueUrl"]
        self.urls[name] = url
        return url

    def fill(self, name: str, count: int) -> None:
        for first in range(0, count, 10):
            entries = [
                {"Id": str(n), "MessageBody": json.dumps({"mail_id": n})}
                for n in range(first, min(first + 10, count))
            ]
            self.sqs.send_message_batch(QueueUrl=self.urls[name], Entries=entries)

    def taken(self, name: str) -> list[int]:
        found: list[int] = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.urls[name], MaxNumberOfMessages=10
        ).get("Messages"):
            found += [json.loads(message["Body"])["mail_id"] for message in messages]
        return sorted(found)

    def clean_up(self) -> None:
        for url in self.urls.values():
            self.sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def cloud(api: API, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    reset_settings()
    made = Cloud()
    for name in NAMES:
        monkeypatch.setenv(f"QUEUE_{name.upper()}_URL", made.create(name))
        made.create(f"{name}-dlq")
    reset_settings()
    figures.forget_figures()
    yield made
    made.clean_up()
    monkeypatch.undo()
    reset_settings()
    reset_clients()
    figures.forget_figures()


def seen(api: API) -> dict[str, dict[str, Any]]:
    figures.forget_figures()
    items = api.get("/api/ops/queues", as_="amara").json["items"]
    return {item["name"]: item for item in items}


def test_it_counts_what_waits_what_is_worked_on_and_what_is_dead(api: API, cloud: Cloud) -> None:
    cloud.fill("mail", 3)
    cloud.fill("mail-dlq", 2)
    cloud.sqs.receive_message(QueueUrl=cloud.urls["mail"], MaxNumberOfMessages=1)
    mail = seen(api)["mail"]
    assert (mail["visible"], mail["in_flight"], mail["dead_letters"]) == (2, 1, 2)
    assert mail["oldest_age_seconds"] is None
    assert seen(api)["imports"]["visible"] == 0


def test_each_queue_names_its_function_and_what_that_did_last(api: API, cloud: Cloud) -> None:
    with database.transaction() as connection:
        runs.add(connection, Ending("record_mail_events", "success", 0.5), 7)
        runs.add(connection, Ending("record_mail_events", "failure", 2, "KeyError", "m-1"), 1)
    queues = seen(api)
    assert {name: queue["function"] for name, queue in queues.items()} == {
        "imports": "import_rows",
        "exports": "export_rows",
        "fanout": "fan_out",
        "mail": "send_mail",
        "mail_events": "record_mail_events",
        "channels": "post_to_channels",
    }
    last = queues["mail_events"]["last_runs"]
    assert [(r["state"], r["cause"], r["message_id"], r["ms"], r["times"]) for r in last] == [
        ("failure", "KeyError", "m-1", 2000.0, 1),
        ("success", None, None, 500.0, 7),
    ]
    assert queues["mail"]["last_runs"] == []


def test_functions_of_the_clock_are_listed_with_their_runs(api: API, cloud: Cloud) -> None:
    with database.transaction() as connection:
        runs.add(connection, Ending("sweep", "failure", 2, "OSError"), 1)
    schedules = api.get("/api/ops/queues", as_="amara").json["schedules"]
    found = {schedule["name"]: schedule for schedule in schedules}
    assert {"relay_outbox", "publish_due", "sweep"} <= set(found)
    assert found["relay_outbox"]["trigger"] == "rate(1 minute)"
    assert [run["cause"] for run in found["sweep"]["last_runs"]] == ["OSError"]


def test_a_queue_that_does_not_answer_is_unknown_and_hides_no_other(api: API, cloud: Cloud) -> None:
    cloud.fill("imports", 1)
    cloud.sqs.delete_queue(QueueUrl=cloud.urls.pop("mail"))
    queues = seen(api)
    assert queues["mail"]["visible"] is None
    assert queues["imports"]["visible"] == 1


def test_dead_letters_go_back_into_their_queue(api: API, cloud: Cloud, owner: Connection) -> None:
    cloud.fill("mail-dlq", 23)
    answer = api.post("/api/ops/queues/mail/redrive", as_="amara")
    assert (answer.status, answer.json) == (200, {"moved": 23, "more": False})
    assert cloud.taken("mail") == list(range(23))
    assert cloud.taken("mail-dlq") == []
    assert [tuple(row) for row in owner.execute(AUDITED)] == [("mail", {"dead_letters": 23})]


def test_a_call_moves_a_hundred_and_says_that_there_are_more(api: API, cloud: Cloud) -> None:
    cloud.fill("imports-dlq", 130)
    again = "/api/ops/queues/imports/redrive"
    assert api.post(again, as_="amara").json == {"moved": 100, "more": True}
    assert api.post(again, as_="amara").json == {"moved": 30, "more": False}
    assert api.post(again, as_="amara").json == {"moved": 0, "more": False}
    assert cloud.taken("imports") == list(range(130))


@pytest.mark.parametrize("name", ["nobody", "mail-dlq", "MAIL", "queue_mail_url", "%2e%2e"])
def test_a_queue_that_is_not_there_is_404(
    api: API, cloud: Cloud, owner: Connection, name: str
) -> None:
    assert api.post(f"/api/ops/queues/{name}/redrive", as_="amara").code == "not_found"
    assert owner.execute(AUDITED).all() == []


def test_a_queue_that_takes_nothing_is_away_and_keeps_its_dead_letters(
    api: API, cloud: Cloud
) -> None:
    cloud.fill("mail-dlq", 2)
    cloud.sqs.delete_queue(QueueUrl=cloud.urls.pop("mail"))
    answer = api.post("/api/ops/queues/mail/redrive", as_="amara")
    assert (answer.status, answer.code) == (503, "queue_away")
    dead = seen(api)["mail"]["dead_letters"]
    assert dead is not None
    attributes = cloud.sqs.get_queue_attributes(
        QueueUrl=cloud.urls["mail-dlq"], AttributeNames=["All"]
    )["Attributes"]
    waiting = int(attributes["ApproximateNumberOfMessages"])
    assert waiting + int(attributes["ApproximateNumberOfMessagesNotVisible"]) == 2


def test_nobody_but_a_manager_moves_them(api: API, cloud: Cloud) -> None:
    cloud.fill("mail-dlq", 1)
    for name in ("rosa", "ben", "chloe"):
        assert api.post("/api/ops/queues/mail/redrive", as_=name).code == "forbidden"
    assert cloud.taken("mail") == []

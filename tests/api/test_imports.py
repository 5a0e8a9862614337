"""Imports over HTTP: the form, the body, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import Connection

from chalicelib.bulk.service import MAX_BODY_BYTES
from functions.import_rows.handler import handler
from tests.bulk.desk import bucket_and_queues, csv_file, uploaded
from tests.functions.events import Context, failed_ids, sqs_event
from tests.outbox.queues import Queues

CONTENT = csv_file([["CS101", "微积分", "", "3.0"]])


@pytest.fixture(scope="module")
def queues() -> Iterator[Queues]:
    with bucket_and_queues() as queues:
        yield queues


@pytest.fixture(autouse=True)
def _empty_queues(queues: Queues) -> Iterator[None]:
    yield
    queues.receive("imports")


def work_off(message: dict[str, Any]) -> None:
    assert failed_ids(handler(sqs_event([message]), Context())) == []


def test_a_form_takes_the_file_and_its_upload_starts_the_import(api: Any) -> None:
    answer = api.post("/api/imports/courses", as_="rosa", body={"filename": "fall.csv"})
    assert answer.status == 201
    task_id, upload = answer.json["task_id"], answer.json["upload"]
    assert answer.headers["Location"] == f"/api/tasks/{task_id}"
    assert upload["expires_at"].endswith("Z")
    waiting = api.get(f"/api/tasks/{task_id}", as_="rosa").json
    assert (waiting["state"], waiting["filename"], waiting["mode"]) == (
        "PENDING",
        "fall.csv",
        "apply",
    )

    form = {"data": upload["fields"], "files": {"file": ("fall.csv", CONTENT, "text/csv")}}
    assert requests.post(upload["url"], **form, timeout=10).status_code == 204
    work_off(uploaded(task_id))
    task = api.get(f"/api/tasks/{task_id}", as_="rosa").json
    assert task["state"] == "SUCCESS"
    assert task["progress"] == {"done": 1, "total": 1}
    assert task["result"]["created"] == 1
    assert api.get("/api/courses", as_="dai").json["items"][0]["title"] == "微积分"


def test_the_form_takes_text_csv_only(api: Any) -> None:
    upload = api.post("/api/imports/courses", as_="rosa", body={"filename": "x.csv"}).json["upload"]
    fields = upload["fields"] | {"Content-Type": "text/html"}
    answer = requests.post(upload["url"], data=fields, files={"file": b"<p>"}, timeout=10)
    assert answer.status_code == 403


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_a_small_file_may_be_the_body(api: Any, queues: Queues, encoding: str) -> None:
    content = CONTENT.decode().encode(encoding)
    answer = api.post(
        "/api/imports/courses",
        as_="rosa",
        raw=content,
        headers={"Content-Type": "text/csv; charset=whatever"},
        query={"filename": "small.csv", "mode": "plan"},
    )
    assert answer.status == 202
    (message,) = queues.receive("imports")
    assert message["task_id"] == answer.json["task_id"]
    assert message["correlation_id"] == answer.headers["X-Request-Id"]
    work_off(message)
    task = api.get(f"/api/tasks/{message['task_id']}", as_="rosa").json
    assert (task["state"], task["mode"], task["filename"]) == ("SUCCESS", "plan", "small.csv")
    assert task["result"]["created"] == 1


def test_a_body_beyond_five_mebibytes_is_too_large(api: Any) -> None:
    for size, status in ((MAX_BODY_BYTES, 202), (MAX_BODY_BYTES + 1, 413)):
        answer = api.post(
            "/api/imports/courses",
            as_="rosa",
            raw=b"x" * size,
            headers={"Content-Type": "text/csv"},
        )
        assert answer.status == status


def test_an_idempotency_key_makes_one_task(api: Any, owner: Connection) -> None:
    for sent in (
        {"body": {"filename": "fall.csv"}},
        {"raw": CONTENT, "headers": {"Content-Type": "text/csv"}},
    ):
        headers = {"Idempotency-Key": f"key-{len(sent)}", **sent.pop("headers", {})}
        first, second = (
            api.post("/api/imports/courses", as_="rosa", headers=headers, **sent) for _ in range(2)
        )
        assert first.json == second.json
    assert len(api.get("/api/tasks", as_="rosa").json["items"]) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "filename"),
        ({"filename": ""}, "filename"),
        ({"filename": "a/b.csv"}, "filename"),
        ({"filename": "x" * 256}, "filename"),
        ({"filename": "x.csv", "mode": "guess"}, "mode"),
        ({"filename": "x.csv", "invite": True}, "invite"),
    ],
)
def test_what_is_asked_must_make_sense(api: Any, body: dict[str, Any], field: str) -> None:
    answer = api.post("/api/imports/courses", as_="rosa", body=body)
    assert answer.status == 422
    assert field in answer.fields


def test_an_unknown_kind_is_not_found(api: Any) -> None:
    for raw in (None, CONTENT):
        sent = {"raw": raw, "headers": {"Content-Type": "text/csv"}} if raw else {}
        answer = api.post(
            "/api/imports/unicorns", as_="rosa", body=None if raw else {"filename": "x"}, **sent
        )
        assert (answer.status, answer.code) == (404, "unknown_kind")


@pytest.mark.parametrize("content_type", ["application/pdf", "text/plain", ""])
def test_other_media_types_are_refused(api: Any, content_type: str) -> None:
    answer = api.post(
        "/api/imports/courses", as_="rosa", raw=b"x", headers={"Content-Type": content_type}
    )
    assert answer.status == 415


@pytest.mark.parametrize(("who", "status"), [("ben", 403), ("dai", 403), ("amara", 201)])
def test_registrars_and_managers_import(api: Any, who: str, status: int) -> None:
    answer = api.post("/api/imports/courses", as_=who, body={"filename": "x.csv"})
    assert answer.status == status

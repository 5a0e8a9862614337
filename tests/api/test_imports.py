"""Imports over HTTP: the form, the body, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import Connection, text

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


def test_a_timetable_only_goes_out(api: Any) -> None:
    answer = api.post("/api/imports/timetable", as_="rosa", body={"filename": "x.csv"})
    assert (answer.status, answer.code) == (404, "unknown_kind")


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


USERS = csv_file([["max", "max@rollcall.example", "teacher"]], header=("username", "email", "role"))


@pytest.mark.parametrize(("who", "status"), [("ben", 403), ("rosa", 403), ("amara", 201)])
def test_managers_import_users(api: Any, who: str, status: int) -> None:
    answer = api.post("/api/imports/users", as_=who, body={"filename": "x.csv", "invite": True})
    assert answer.status == status


def test_imported_users_are_invited_where_it_is_said(
    api: Any, queues: Queues, owner: Connection
) -> None:
    path, headers = "/api/imports/users", {"Content-Type": "text/csv"}
    for query, mails in (({"mode": "plan", "invite": "true"}, 0), ({"invite": "true"}, 1)):
        answer = api.post(path, as_="amara", raw=USERS, headers=headers, query=query)
        assert answer.status == 202
        (message,) = queues.receive("imports")
        work_off(message)
        task = api.get(f"/api/tasks/{answer.json['task_id']}", as_="amara").json
        assert (task["state"], task["result"]["created"]) == ("SUCCESS", 1)
        assert len(owner.execute(text("SELECT 1 FROM mails")).all()) == mails
        owner.rollback()
    (added,) = api.get("/api/users?q=max", as_="amara").json["items"]
    assert (added["role"], added["active"]) == ("teacher", True)
    created = api.get("/api/audit?action=user_created", as_="amara").json["items"][0]
    assert created["object"] == {"kind": "user", "id": str(added["id"])}
    assert created["request_id"] == answer.headers["X-Request-Id"]


def test_an_import_of_courses_invites_nobody(api: Any) -> None:
    path, headers = "/api/imports/courses", {"Content-Type": "text/csv"}
    for invite, status in (("true", 422), ("false", 202)):
        answer = api.post(path, as_="amara", raw=CONTENT, headers=headers, query={"invite": invite})
        assert answer.status == status
    assert api.post(path, as_="amara", body={"filename": "x.csv", "invite": False}).status == 201


@pytest.mark.parametrize("invite", ["yes", 1, None])
def test_an_invitation_is_asked_for_or_not(api: Any, invite: Any) -> None:
    body = {"filename": "x.csv", "invite": invite}
    answer = api.post("/api/imports/users", as_="amara", body=body)
    assert (answer.status, answer.fields) == (422, {"invite": "wrong_type"})

"""Tasks over HTTP: whose they are, their files, and plans."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from functions.import_rows.handler import handler
from tests.bulk.desk import bucket_and_queues, csv_file, parsed
from tests.functions.events import Context, failed_ids, sqs_event
from tests.outbox.queues import Queues

GOOD = ["CS101", "Computing", "", "3.0"]
BAD = ["CS102", "", "", "3.0"]


@pytest.fixture(scope="module")
def queues() -> Iterator[Queues]:
    with bucket_and_queues() as queues:
        yield queues


class Imports:
    def __init__(self, api: Any, queues: Queues) -> None:
        self.api = api
        self._queues = queues

    def start(self, *rows: list[str], as_: str = "rosa", mode: str = "apply") -> str:
        answer = self.api.post(
            "/api/imports/courses",
            as_=as_,
            raw=csv_file(rows),
            headers={"Content-Type": "text/csv"},
            query={"mode": mode, "filename": "Fall 课程.csv"},
        )
        assert answer.status == 202
        return str(answer.json["task_id"])

    def work_off(self) -> None:
        messages = self._queues.receive("imports")
        assert failed_ids(handler(sqs_event(messages), Context())) == []

    def done(self, *rows: list[str], as_: str = "rosa", mode: str = "apply") -> dict[str, Any]:
        task_id = self.start(*rows, as_=as_, mode=mode)
        self.work_off()
        task: dict[str, Any] = self.api.get(f"/api/tasks/{task_id}", as_=as_).json
        assert task["state"] == "SUCCESS"
        return task

    def apply(self, plan: dict[str, Any], plan_hash: str | None = None) -> Any:
        body = {"plan_hash": plan_hash or plan["result"]["plan_hash"]}
        return self.api.post(f"/api/tasks/{plan['id']}/apply", as_="rosa", body=body)


@pytest.fixture
def imports(api: Any, queues: Queues) -> Iterator[Imports]:
    yield Imports(api, queues)
    queues.receive("imports")


def test_a_task_is_its_owners_and_a_managers(imports: Imports) -> None:
    path = f"/api/tasks/{imports.done(GOOD)['id']}"
    seen = {who: imports.api.get(path, as_=who).status for who in ("rosa", "amara", "ben", "dai")}
    assert seen == {"rosa": 200, "amara": 200, "ben": 404, "dai": 404}
    assert imports.api.get(path).status == 401
    assert imports.api.get(path, as_="rosa").headers["Cache-Control"] == "no-store"


def test_the_list_shows_the_own_tasks_newest_first(imports: Imports) -> None:
    rosas = [imports.start(GOOD) for _ in range(3)]
    amaras = imports.start(GOOD, as_="amara")

    def listed(who: str) -> list[str]:
        return [task["id"] for task in imports.api.get("/api/tasks", as_=who).json["items"]]

    assert listed("rosa") == rosas[::-1]
    assert listed("amara") == [amaras, *rosas[::-1]]
    assert listed("ben") == []


def test_the_list_is_paged(imports: Imports) -> None:
    started = [imports.start(GOOD) for _ in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        answer = imports.api.get("/api/tasks", as_="rosa", query=query)
        seen += [task["id"] for task in answer.json["items"]]
        if answer.json["next"] is None:
            break
        assert 'rel="next"' in answer.headers["Link"]
        imports.start(GOOD)
        query["cursor"] = answer.json["next"]
    assert seen == started[::-1]
    for cursor in ("x", "", answer.json["next"] or "e30"):
        refused = imports.api.get("/api/tasks", as_="rosa", query={"cursor": cursor})
        assert (refused.status, refused.code) == (422, "invalid_cursor")


def test_a_failed_task_says_why(imports: Imports) -> None:
    answer = imports.api.post(
        "/api/imports/courses", as_="rosa", raw=b"", headers={"Content-Type": "text/csv"}
    )
    imports.work_off()
    task = imports.api.get(f"/api/tasks/{answer.json['task_id']}", as_="rosa").json
    assert (task["state"], task["result"]) == ("FAILURE", None)
    assert task["error"]["code"] == "empty"
    assert task["finished_at"].endswith("Z")


def test_the_error_report_is_downloaded_under_a_telling_name(imports: Imports) -> None:
    task = imports.done(GOOD, BAD)
    answer = imports.api.get(f"/api/tasks/{task['id']}/errors", as_="rosa")
    assert answer.status == 302
    file = requests.get(answer.headers["Location"], timeout=10)
    assert (
        "filename*=UTF-8''Fall%20%E8%AF%BE%E7%A8%8B-errors.csv"
        in (file.headers["Content-Disposition"])
    )
    assert [row["error_code"] for row in parsed(file.content)] == ["required"]
    assert imports.api.get(f"/api/tasks/{task['id']}/errors", as_="ben").status == 404


def test_files_that_are_not_there(imports: Imports) -> None:
    clean = imports.done(GOOD)["id"]
    waiting = imports.start(GOOD)
    for task_id, file, status, code in (
        (clean, "errors", 404, "no_result"),
        (clean, "download", 404, "no_result"),
        (waiting, "errors", 409, "task_unfinished"),
        (waiting, "download", 409, "task_unfinished"),
        (uuid.uuid4(), "download", 404, "not_found"),
        ("7", "download", 404, "not_found"),
    ):
        answer = imports.api.get(f"/api/tasks/{task_id}/{file}", as_="rosa")
        assert (answer.status, answer.code) == (status, code)


def test_a_plan_is_read_and_applied(imports: Imports) -> None:
    plan = imports.done(GOOD, BAD, mode="plan")
    rows = imports.api.get(f"/api/tasks/{plan['id']}/plan", as_="rosa", query={"limit": 1})
    assert rows.json["items"][0]["changes"]["title"] == {"from": None, "to": "Computing"}
    assert rows.json["items"][0]["outcome"] == "created"
    failed = imports.api.get(f"/api/tasks/{plan['id']}/plan?outcome=failed", as_="rosa").json
    assert [row["key"] for row in failed["items"]] == ["CS102"]

    answer = imports.apply(plan)
    assert answer.status == 202
    imports.work_off()
    applied = imports.api.get(f"/api/tasks/{answer.json['task_id']}", as_="rosa").json
    assert (applied["state"], applied["plan_of"]) == ("SUCCESS", plan["id"])
    assert applied["result"]["created"] == 1
    again = imports.apply(plan)
    assert (again.status, again.code) == (409, "plan_applied")


def test_a_plan_of_data_that_changed_is_stale(imports: Imports) -> None:
    plan = imports.done(GOOD, mode="plan")
    imports.api.post("/api/courses", as_="rosa", body={"code": "cs101", "title": "Mine"})
    answer = imports.apply(plan)
    assert (answer.status, answer.code) == (409, "plan_stale")


def test_what_is_no_plan_is_not_applied(imports: Imports) -> None:
    plan = imports.done(GOOD, mode="plan")
    other = imports.apply(plan, plan_hash="of another plan")
    assert (other.status, other.code) == (409, "plan_mismatch")
    applied = imports.done(GOOD)
    answer = imports.apply(applied, plan_hash="x")
    assert (answer.status, answer.code) == (409, "not_a_plan")
    assert imports.api.get(f"/api/tasks/{applied['id']}/plan", as_="rosa").code == "not_a_plan"
    for who, status in (("ben", 403), ("dai", 403)):
        path = f"/api/tasks/{plan['id']}/apply"
        assert imports.api.post(path, as_=who, body={"plan_hash": "x"}).status == status
    assert imports.apply({"id": uuid.uuid4()}, plan_hash="x").status == 404

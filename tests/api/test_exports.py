"""Exports over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from functions.export_rows.handler import handler
from tests.bulk.desk import bucket_and_queues, parsed
from tests.functions.events import Context, failed_ids, sqs_event
from tests.outbox.queues import Queues

from .test_announcements import announce


@pytest.fixture(scope="module")
def queues() -> Iterator[Queues]:
    with bucket_and_queues() as queues:
        yield queues


def exported(api: Any, queues: Queues, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post("/api/exports/courses", as_="rosa", body=body)
    assert answer.status == 202
    assert answer.headers["Location"] == f"/api/tasks/{answer.json['task_id']}"
    messages = queues.receive("exports")
    assert failed_ids(handler(sqs_event(messages, queue="exports"), Context())) == []
    task: dict[str, Any] = api.get(f"/api/tasks/{answer.json['task_id']}", as_="rosa").json
    return task


def test_what_the_list_shows_comes_out_as_a_file(
    api: Any, queues: Queues, add_course: Callable[..., dict[str, Any]]
) -> None:
    add_course("CS101", "微积分", credits=2.5)
    add_course("MA1", "Algebra")
    task = exported(api, queues, {"q": "微"})
    assert (task["state"], task["result"]) == ("SUCCESS", {"status": "success", "count": 1})
    assert (task["job"], task["kind"], task["progress"]) == (
        "export",
        "courses",
        {"done": 1, "total": 1},
    )
    answer = api.get(f"/api/tasks/{task['id']}/download", as_="rosa")
    assert answer.status == 302
    file = requests.get(answer.headers["Location"], timeout=10)
    assert "courses-20" in file.headers["Content-Disposition"]
    assert parsed(file.content) == [
        {"code": "CS101", "title": "微积分", "description": "", "credits": "2.5"}
    ]


def test_filters_may_be_null_or_absent(api: Any, queues: Queues) -> None:
    for body in ({}, {"q": None}, {"q": "", "code": ""}):
        assert exported(api, queues, body)["result"]["count"] == 0


@pytest.mark.parametrize("body", [{"color": "red"}, {"q": 7}, {"q": "x" * 201}, {"q": "a\0"}])
def test_unknown_filters_are_refused(api: Any, body: dict[str, Any]) -> None:
    assert api.post("/api/exports/courses", as_="rosa", body=body).status == 422


def test_an_unknown_kind_is_not_found(api: Any) -> None:
    answer = api.post("/api/exports/unicorns", as_="rosa", body={})
    assert (answer.status, answer.code) == (404, "unknown_kind")


@pytest.mark.parametrize(("who", "status"), [("ben", 403), ("dai", 403), ("amara", 202)])
def test_registrars_and_managers_export(api: Any, queues: Queues, who: str, status: int) -> None:
    assert api.post("/api/exports/courses", as_=who, body={}).status == status
    queues.receive("exports")


def test_managers_export_users_without_a_password(api: Any, queues: Queues) -> None:
    body = {"role": "teacher", "active": True}
    for who in ("rosa", "ben"):
        assert api.post("/api/exports/users", as_=who, body=body).status == 403
    answer = api.post("/api/exports/users", as_="amara", body=body)
    assert answer.status == 202
    messages = queues.receive("exports")
    assert failed_ids(handler(sqs_event(messages, queue="exports"), Context())) == []
    link = api.get(f"/api/tasks/{answer.json['task_id']}/download", as_="amara")
    rows = parsed(requests.get(link.headers["Location"], timeout=10).content)
    assert [row["username"] for row in rows] == ["ben", "tilda"]
    assert set(rows[0]) == {"username", "email", "full_name", "role", "active"}
    api.callers["amara"] = api.callers["amara"]._replace(role="registrar")
    refused = api.get(f"/api/tasks/{answer.json['task_id']}/download", as_="amara")
    assert (refused.status, refused.code) == (403, "forbidden")


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("users", {"code": "x"}, "code"),
        ("courses", {"role": "teacher"}, "role"),
        ("courses", {"active": False}, "active"),
        ("users", {"role": "owner"}, "role"),
        ("users", {"active": "false"}, "active"),
        ("courses", {"status": "draft"}, "status"),
        ("sections", {"role": "student"}, "role"),
        ("enrollments", {"status": "withdrawn"}, "status"),
        ("timetable", {"course": "CS101"}, "course"),
        ("sections", {"teacher": 2**63}, "teacher"),
        ("courses", {"announcement": 1}, "announcement"),
        ("unacknowledged", {"announcement": 1, "term": "autumn"}, "term"),
        ("unacknowledged", {"announcement": 0}, "announcement"),
        ("unacknowledged", {"announcement": None}, "announcement"),
        ("unacknowledged", {}, "announcement"),
    ],
)
def test_filters_are_those_of_the_kind(
    api: Any, kind: str, body: dict[str, Any], field: str
) -> None:
    answer = api.post(f"/api/exports/{kind}", as_="amara", body=body)
    assert (answer.status, list(answer.fields)) == (422, [field])


def unacknowledged(api: Any, announcement: int, as_: str) -> Any:
    return api.post("/api/exports/unacknowledged", as_=as_, body={"announcement": announcement})


@pytest.mark.parametrize("who", ["ben", "rosa", "amara"])
def test_its_author_and_the_office_export_who_has_not_acknowledged(
    api: Any, queues: Queues, who: str
) -> None:
    told = announce(api, "ben")
    (delivery,) = api.get("/api/deliveries", as_="dai").json["items"]
    api.post(f"/api/deliveries/{delivery['id']}/ack", as_="dai")
    answer = unacknowledged(api, told["id"], who)
    assert answer.status == 202
    messages = queues.receive("exports")
    assert failed_ids(handler(sqs_event(messages, queue="exports"), Context())) == []
    task = f"/api/tasks/{answer.json['task_id']}"
    link = api.get(f"{task}/download", as_=who).headers["Location"]
    (row,) = parsed(requests.get(link, timeout=10).content)
    assert (row["username"], row["state"]) == ("chloe", "queued")
    assert "@" not in "".join(row.values())
    assert api.get(f"{task}/download", as_="tilda").status == 404


@pytest.mark.parametrize(("who", "status"), [("tilda", 404), ("dai", 403)])
def test_of_others_announcements_teachers_export_nothing(api: Any, who: str, status: int) -> None:
    told = announce(api, "ben")
    assert unacknowledged(api, told["id"], who).status == status
    assert unacknowledged(api, 999_999, "amara").status == 404


def test_who_left_the_office_gets_no_file_of_others_announcements(api: Any, queues: Queues) -> None:
    told = announce(api, "ben")
    answer = unacknowledged(api, told["id"], "rosa")
    messages = queues.receive("exports")
    assert failed_ids(handler(sqs_event(messages, queue="exports"), Context())) == []
    api.callers["rosa"] = api.callers["rosa"]._replace(role="teacher")
    assert api.get(f"/api/tasks/{answer.json['task_id']}/download", as_="rosa").status == 404

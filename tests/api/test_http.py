"""What holds for every route: how bodies are read, what every answer carries, who may call."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest

from app import app
from chalicelib.api import registry
from chalicelib.core import database
from chalicelib.core.settings import reset_settings

from .conftest import API, AddCourse

ORIGIN = "http://127.0.0.1:8000"
STRANGER = "https://evil.example"


def example(path: str) -> str:
    return re.sub(r"{\w+}", "1", path)


MALFORMED = {
    "nothing": b"",
    "no JSON": b"{'code': 1}",
    "half": b'{"code": "CS1"',
    "two": b"{}{}",
    "a byte order mark": "\ufeff{}".encode(),
    "NaN": b'{"credits": NaN}',
    "Infinity": b'{"credits": -Infinity}',
    "a member twice": b'{"code": "A", "title": "t", "code": "B"}',
    "a member twice further in": b'{"x": [{"a": 1, "a": 1}]}',
    "a raw line break in a text": b'{"code": "a\nb"}',
    "a raw NUL": b'{"code": "a\0b"}',
    "five thousand digits": b'{"credits": ' + b"1" * 5000 + b"}",
    "nested lists": b"[" * 100_000,
    "nested objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "nested to the end": b'{"code": ' + b"[" * 500 + b"]" * 500 + b"}",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_json_is_400(api: API, kind: str) -> None:
    answer = api.post("/api/courses", as_="rosa", raw=MALFORMED[kind])
    assert (answer.status, answer.code) == (400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b"[{}]"])
def test_json_that_is_no_object_is_422(api: API, body: bytes) -> None:
    answer = api.post("/api/courses", as_="rosa", raw=body)
    assert (answer.status, answer.fields) == (422, {"": "wrong_type"})


def test_a_field_name_cannot_flood_the_answer(api: API) -> None:
    body: dict[str, Any] = {"x" * 100_000: 1} | {f"unknown{n}": 1 for n in range(1000)}
    answer = api.post("/api/courses", as_="rosa", body=body)
    assert answer.status == 422
    assert len(answer.body) < 20_000


def test_a_field_name_that_is_no_text(api: API) -> None:
    answer = api.post("/api/courses", as_="rosa", raw=rb'{"\ud800": 1, "\u0000": {"a": "\u0000"}}')
    assert answer.status == 422
    assert {error["code"] for error in answer.json["errors"]} == {"not_unicode", "nul_character"}


@pytest.mark.parametrize(
    "content_type",
    [
        "", "text/plain", "text/csv", "application/x-www-form-urlencoded", "application/jsonp",
        "application/json; charset=latin-1", "multipart/form-data; boundary=x", "application/*",
    ],
)  # fmt: skip
def test_another_content_type_is_415(api: API, content_type: str) -> None:
    for method, path in (("POST", "/api/courses"), ("PATCH", "/api/courses/1")):
        headers = {"Content-Type": content_type}
        answer = api(method, path, as_="rosa", raw=b'{"code":"A","title":"t"}', headers=headers)
        assert (answer.status, answer.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", 'application/json; charset="UTF-8"'],
)
def test_json_may_say_that_it_is_utf_8(api: API, content_type: str) -> None:
    body = '{"code":"A","title":"课程"}'.encode()
    headers = {"Content-Type": content_type}
    answer = api.post("/api/courses", as_="rosa", raw=body, headers=headers)
    assert (answer.status, answer.json["title"]) == (201, "课程")


@pytest.mark.parametrize(("size", "status"), [(1024 * 1024 + 1, 413), (7 * 1024 * 1024, 413)])
def test_a_body_that_is_too_large(api: API, size: int, status: int) -> None:
    answer = api.post("/api/courses", as_="rosa", raw=b'{"code":"' + b"x" * size + b'"}')
    assert (answer.status, answer.code) == (status, "payload_too_large")


def test_the_role_comes_before_the_body(api: API) -> None:
    assert api.post("/api/courses", as_="chloe", raw=b"{").status == 403
    assert api.post("/api/courses", raw=b"{").status == 401


@pytest.mark.parametrize("path", ["/", "/api", "/api/nothing", "/api/courses/1/2", "/auth", "//"])
def test_an_unknown_path_is_a_problem_too(api: API, path: str) -> None:
    answer = api.get(path, headers={"Origin": ORIGIN})
    assert (answer.status, answer.code) == (404, "not_found")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize("path", sorted({e.path for e in registry.endpoints()}))
def test_a_method_that_a_path_does_not_know(api: API, path: str) -> None:
    unknown = next(m for m in ("PUT", "PATCH", "DELETE") if m not in registry.methods_of(path))
    answer = api(unknown, example(path), headers={"Origin": ORIGIN})
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {*registry.methods_of(path), "OPTIONS"}
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_a_trailing_slash_is_forgiven(api: API, add_course: AddCourse) -> None:
    course = add_course()
    assert api.get(f"/api/courses/{course['id']}/", as_="dai").json == course
    body = {"code": "B", "title": "t"}
    assert api.post("/api/courses/", as_="rosa", body=body).status == 201


class TestWithoutAGateway:
    """The app does not rely on what a gateway refuses before it."""

    def event(self, method: str, path: str) -> dict[str, Any]:
        return {
            "path": path,
            "headers": None,
            "multiValueQueryStringParameters": None,
            "pathParameters": None,
            "stageVariables": None,
            "body": None,
            "requestContext": {"httpMethod": method, "resourcePath": path, "requestId": "r" * 12},
        }

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/nothing", 404, "not_found"),
            ("PUT", "/api/courses", 405, "method_not_allowed"),
            ("GET", "/api/courses", 401, "unauthenticated"),
        ],
    )
    def test_a_refusal_is_a_problem(self, method: str, path: str, status: int, code: str) -> None:
        answer = app(self.event(method, path), None)
        assert answer["statusCode"] == status
        assert answer["headers"]["Content-Type"] == "application/problem+json"
        assert answer["headers"]["X-Request-Id"] == "r" * 12
        assert json.loads(answer["body"])["code"] == code

    def test_an_event_of_no_request_is_a_problem(self) -> None:
        assert app({}, None)["statusCode"] == 404

    def test_a_broken_event_is_our_fault_and_says_no_more(self) -> None:
        event = self.event("GET", "/api/courses")
        del event["stageVariables"]
        answer = app(event, None)
        assert answer["statusCode"] == 500
        assert json.loads(answer["body"])["code"] == "internal_error"
        assert "stageVariables" not in answer["body"]


class TestOrigins:
    @pytest.mark.parametrize(
        ("path", "as_", "status"),
        [("/auth/me", "dai", 200), ("/auth/me", None, 401), ("/api/courses/5", "dai", 404)],
    )
    def test_a_configured_origin_may_read_every_answer(
        self, api: API, path: str, as_: str | None, status: int
    ) -> None:
        answer = api.get(path, as_=as_, headers={"Origin": ORIGIN})
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"ETag", "Link", "Location", "Retry-After", "X-Request-Id"} <= set(exposed)
        assert answer.headers["Vary"] == "Origin"

    @pytest.mark.parametrize("origin", [STRANGER, "null", ORIGIN + "/", ORIGIN.upper(), ""])
    def test_a_stranger_may_not(self, api: API, origin: str) -> None:
        for method in ("GET", "OPTIONS"):
            answer = api(method, "/auth/me", as_="dai", headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert answer.headers["Vary"] == "Origin"

    @pytest.mark.parametrize("path", sorted({e.path for e in registry.endpoints()}))
    def test_every_path_answers_the_question_before(self, api: API, path: str) -> None:
        asked = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        }
        answer = api("OPTIONS", example(path), headers=asked)
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        methods = set(answer.headers["Access-Control-Allow-Methods"].split(", "))
        assert methods == {*registry.methods_of(path), "OPTIONS"}
        allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert {"authorization", "content-type", "if-match", "idempotency-key"} <= set(allowed)


def test_every_answer_names_its_request_and_forbids_sniffing(api: API) -> None:
    answers = [
        api.get("/auth/me", as_="dai"),
        api.get("/auth/me"),
        api.get("/nothing"),
        api.get("/docs"),
        api.post("/api/courses", as_="rosa", raw=b"{"),
        api("OPTIONS", "/auth/me"),
    ]
    ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert {answer.headers["X-Content-Type-Options"] for answer in answers} == {"nosniff"}
    assert answers[1].json["request_id"] == ids[1]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/auth/me", "no-store"),
        ("POST", "/auth/login", "no-store"),
        ("GET", "/auth/password-rules", "no-store"),
        ("GET", "/api/courses", "private, no-cache"),
        ("POST", "/api/courses", "no-store"),
        ("GET", "/openapi.json", "no-cache"),
    ],
)
def test_what_may_be_stored(api: API, method: str, path: str, expected: str) -> None:
    body = {"username": "rosa", "password": "x"} if path == "/auth/login" else None
    if (method, path) == ("POST", "/api/courses"):
        body = {"code": "A", "title": "t"}
    answer = api(method, path, as_="rosa", body=body)
    assert answer.headers["Cache-Control"] == expected


def test_a_request_is_one_line_of_the_log_without_values(
    api: API, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        api.get("/api/courses/987654?secret=value", as_="dai")
    lines = [vars(record) for record in caplog.records if record.getMessage() == "request"]
    assert len(lines) == 1
    line = lines[0]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/api/courses/{id}", 404)
    assert line["ms"] >= 0
    assert not any("987654" in str(value) or "secret" in str(value) for value in line.values())


class TestOutages:
    @pytest.fixture
    def impatient(self, api: API, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Settings for which a test need not wait; the engine is made anew before and after."""
        monkeypatch.setenv("DB_POOL_TIMEOUT_SECONDS", "0.1")
        reset_settings()
        database.close()
        yield monkeypatch
        monkeypatch.undo()
        reset_settings()
        database.close()

    def test_an_exhausted_pool_is_503(self, api: API, impatient: Any) -> None:
        with database.lone_read():
            answer = api.get("/api/courses", as_="dai")
        assert (answer.status, answer.code) == (503, "pool_exhausted")
        assert int(answer.headers["Retry-After"]) >= 1
        assert api.get("/api/courses", as_="dai").status == 200

    @pytest.mark.parametrize(
        ("method", "body"), [("GET", None), ("POST", {"code": "A", "title": "t"})]
    )
    def test_a_database_that_is_away_is_503(
        self, api: API, impatient: pytest.MonkeyPatch, method: str, body: Any
    ) -> None:
        impatient.setenv("DB_PORT", "1")
        reset_settings()
        answer = api(method, "/api/courses", as_="rosa", body=body)
        assert (answer.status, answer.code) == (503, "database_away")
        assert int(answer.headers["Retry-After"]) >= 1

    def test_a_read_survives_its_connections_death(self, api: API, owner: Any) -> None:
        assert api.get("/api/courses", as_="dai").status == 200
        killed = owner.exec_driver_sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE usename = 'rollcall_app'"
        ).scalar_one()
        owner.commit()
        assert killed >= 1
        assert api.get("/api/courses", as_="dai").status == 200

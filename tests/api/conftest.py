"""The API over HTTP, as its clients see it: requests go through the local gateway into the app.

Every answer is held against the description: its status, media type and body must be what
openapi.json says of that route, and none may be a 500.
"""

from __future__ import annotations

import io
import json
import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
from gateway import Gateway
from jsonschema import Draft202012Validator
from sqlalchemy import Connection, text

from app import app
from chalicelib.accounts import passwords, service, tokens
from chalicelib.accounts.rules import Caller, Role
from chalicelib.accounts.tokens import SessionName
from chalicelib.api import openapi
from chalicelib.core import database, logs
from chalicelib.core.clock import utc_now

DESCRIPTION = openapi.describe()
PASSWORD = "Rollcall-Demo-2026"
BEGIN_SESSIONS = text(
    "WITH begun AS (INSERT INTO sessions (user_id, ip, expires_at)"
    " SELECT id, '127.0.0.1', now() + interval '1 day' FROM users"
    " WHERE username = ANY(CAST(:names AS text[])) RETURNING id, user_id)"
    " SELECT begun.id, user_id, username, role FROM begun JOIN users ON users.id = user_id"
)
CAST: dict[str, Role] = {
    "amara": "manager",
    "rosa": "registrar",
    "ben": "teacher",
    "tilda": "teacher",
    "chloe": "student",
    "dai": "student",
}


@dataclass
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])

    @property
    def fields(self) -> dict[str, str]:
        """The field errors of a 422: field -> code."""
        return {error["field"]: error["code"] for error in self.json["errors"]}


def check_described(answer: Answer, path: str, method: str) -> None:
    """Fail where openapi.json does not say that this route may answer this."""
    described = DESCRIPTION["paths"][path][method.lower()]["responses"]
    assert str(answer.status) in described, f"{method} {path} answered {answer.status}"
    content = described[str(answer.status)].get("content", {})
    if not content:
        assert answer.body == b""
        return
    media_type = answer.headers["Content-Type"].partition(";")[0]
    assert media_type in content, f"{method} {path} answered {media_type}"
    if "schema" in content[media_type]:
        schema = content[media_type]["schema"]
        validator(json.dumps(schema)).validate(answer.json)


@cache
def validator(schema: str) -> Draft202012Validator:
    whole = json.loads(schema) | {"components": DESCRIPTION["components"]}
    return Draft202012Validator(whole)


class API:
    """A client that signs in as whom it is told."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        self.sessions: dict[str, SessionName] = {}
        self._gateway = Gateway(app, allowed_origins=["http://127.0.0.1:8000"])

    def add(self, *people: service.NewUser) -> None:
        """Add people, each with the one session that `as_` stands for."""
        with database.transaction() as connection:
            service.create_missing_users(connection, people)
            names = [person.username for person in people]
            for session, user_id, name, role in connection.execute(
                BEGIN_SESSIONS, {"names": names}
            ):
                self.callers[name] = Caller(user_id, name, role)
                self.sessions[name] = SessionName(session, 1)

    def token(self, name: str) -> str:
        caller, session = self.callers[name], self.sessions[name]
        return tokens.issue_access_token(caller, session, utc_now()).token

    def __call__(
        self,
        method: str,
        path: str,
        *,
        as_: str | None = None,
        body: Any = None,
        raw: bytes | None = None,
        query: Mapping[str, Any] | str = "",
        headers: Mapping[str, str] | None = None,
        ip: str = "127.0.0.1",
    ) -> Answer:
        sent = dict(headers or {})
        if as_:
            sent.setdefault("Authorization", f"Bearer {self.token(as_)}")
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent.setdefault("Content-Type", "application/json")
        path, _, in_path = path.partition("?")
        query_string = query if isinstance(query, str) else urlencode(query, doseq=True)
        status, answered, content = self._gateway.handle(
            method, path, query_string or in_path, sent, raw or b"", source_ip=ip
        )
        answer = Answer(status, dict(answered), content)
        assert status != 500, f"{method} {path} {query_string} {raw!r}"
        route = self._gateway.routes.find(path)
        if route and method in route.methods and method != "OPTIONS":
            check_described(answer, route.pattern, method)
        return answer

    def get(self, path: str, **rest: Any) -> Answer:
        return self("GET", path, **rest)

    def post(self, path: str, **rest: Any) -> Answer:
        return self("POST", path, **rest)

    def patch(self, path: str, **rest: Any) -> Answer:
        return self("PATCH", path, **rest)

    def delete(self, path: str, **rest: Any) -> Answer:
        return self("DELETE", path, **rest)


def patient(api: API, path: str, body: Any) -> int:
    """Send until there is a server connection for it, as on a busy machine; return the status."""
    for _ in range(10):
        status = api.post(path, body=body).status
        if status != 503:
            break
        time.sleep(0.5)
    return status


@pytest.fixture(scope="session")
def password_hash() -> str:
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def api(owner_engine: Any, clean_database: None, password_hash: str) -> API:
    """The demo cast and an empty catalogue."""
    api = API()
    api.add(
        *(
            service.NewUser(name, f"{name}@rollcall.example", name.title(), role, password_hash)
            for name, role in CAST.items()
        )
    )
    return api


AddCourse = Callable[..., dict[str, Any]]


@pytest.fixture
def add_course(api: API) -> AddCourse:
    """Add a course as rosa."""

    def add(code: str = "CS101", title: str = "Computing", **rest: Any) -> dict[str, Any]:
        answer = api.post("/api/courses", as_="rosa", body={"code": code, "title": title, **rest})
        assert answer.status == 201, answer.body
        return answer.json

    return add


AddTerm = Callable[..., dict[str, Any]]


@pytest.fixture
def add_term(api: API) -> AddTerm:
    """Add a term as rosa: sixteen weeks from a Monday, with twelve periods of 45 minutes."""

    def add(code: str = "2026-autumn", **rest: Any) -> dict[str, Any]:
        body = {
            "code": code,
            "name": "Autumn",
            "starts_on": "2026-09-07",
            "ends_on": "2026-12-27",
            "timezone": "Europe/Berlin",
            "periods": [
                {"number": n, "starts_at": f"{n + 7:02}:00", "ends_at": f"{n + 7:02}:45"}
                for n in range(1, 13)
            ],
        }
        answer = api.post("/api/terms", as_="rosa", body=body | rest)
        assert answer.status == 201, answer.body
        return answer.json

    return add


AddSection = Callable[..., dict[str, Any]]


@pytest.fixture
def add_section(api: API, add_course: AddCourse, add_term: AddTerm) -> AddSection:
    """Add a section as rosa, of the one course in the one term unless said otherwise."""
    made: dict[str, Any] = {}

    def add(section_code: str = "01", *, teacher: str | None = None, **rest: Any) -> dict[str, Any]:
        if "course_id" not in rest:
            made["course"] = made.get("course") or add_course()
            rest["course_id"] = made["course"]["id"]
        if "term" not in rest:
            made["term"] = made.get("term") or add_term()
            rest["term"] = made["term"]["code"]
        if teacher:
            rest["teacher_id"] = api.callers[teacher].id
        body = {"section_code": section_code, "status": "published"} | rest
        answer = api.post("/api/sections", as_="rosa", body=body)
        assert answer.status == 201, answer.body
        return answer.json

    return add


def meeting(
    weekday: int = 1, first: int = 1, last: int = 2, weeks: Any = range(1, 17), room: str = ""
) -> dict[str, Any]:
    """The body of a meeting."""
    return {
        "weekday": weekday,
        "first_period": first,
        "last_period": last,
        "weeks": list(weeks),
        "room": room,
    }


@pytest.fixture
def deactivate(api: API) -> Callable[[str], None]:
    def deactivate(name: str) -> None:
        with database.transaction() as connection:
            connection.execute(
                text("UPDATE users SET active = false WHERE username = :name"), {"name": name}
            )

    return deactivate


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All that is logged, at the lowest level, as it would be written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs._JSONFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


MOST_AT_ONCE = 20
Sent = tuple[str, str, Any, dict[str, str]]
AtOnce = Callable[..., list[Answer]]
_api_of_children: list[API] = []


def _send_as_child(request: Sent) -> Answer:
    method, path, body, headers = request
    return _api_of_children[-1](method, path, as_="rosa", body=body, headers=headers)


@pytest.fixture
def at_once(api: API, owner: Connection) -> AtOnce:
    """Send as rosa from a process each, with connections of their own, as on Lambda.

    Nobody can read rows of the tables for update or write any until all requests are under way,
    or as many as the pooler has servers for.
    """

    def send(requests: list[Sent], tables: str = "courses, terms, sections") -> list[Answer]:
        owner.execute(text(f"LOCK TABLE {tables} IN EXCLUSIVE MODE"))
        # the children find it here: they are forks, and routes cannot be pickled
        _api_of_children.append(api)
        with multiprocessing.get_context("fork").Pool(len(requests)) as pool:
            under_way = pool.map_async(_send_as_child, requests, chunksize=1)
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            give_up = time.monotonic() + 8
            while owner.execute(waiting).scalar_one() < min(len(requests), MOST_AT_ONCE):
                assert time.monotonic() < give_up, "not all of them are waiting"
                time.sleep(0.02)
            owner.rollback()
            return under_way.get(timeout=20)

    return send

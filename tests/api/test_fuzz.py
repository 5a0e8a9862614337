"""Whatever is sent, the answer is one that the description knows, and never a 5xx."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.core.pagination import Position, encode_cursor

from .conftest import API

fuzz = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

texts = st.text(st.characters(codec=None), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
near_courses = st.fixed_dictionaries(
    {},
    optional={
        "code": texts | values,
        "title": texts | values,
        "description": texts | values,
        "credits": st.floats() | st.decimals(allow_nan=False).map(str) | values,
        "surprise": values,
    },
)

near_attachments = st.fixed_dictionaries(
    {"course": st.sampled_from([1, 999_999]) | values},
    optional={
        "title": texts | values,
        "filename": texts | values,
        "content_type": st.sampled_from(["application/pdf", "text/html"]) | texts | values,
        "size": st.integers() | st.floats() | values,
        "checksum_sha256": st.binary(max_size=40).map(base64.b64encode).map(bytes.decode) | values,
        "surprise": values,
    },
)
near_parts = st.fixed_dictionaries(
    {"numbers": st.lists(st.integers() | values, max_size=5) | values}, optional={"x": values}
)
near_users = st.fixed_dictionaries(
    {},
    optional={
        "username": texts | values,
        "email": texts | st.emails() | values,
        "full_name": texts | values,
        "role": st.sampled_from(["student", "manager"]) | values,
        "active": values,
        "locale": values,
    },
)


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


@fuzz
@given(body=st.binary(max_size=60) | values.map(dump) | near_courses.map(dump))
def test_any_body(api: API, body: bytes) -> None:
    for method, path in (("POST", "/api/courses"), ("PATCH", "/api/courses/1")):
        assert api(method, path, as_="rosa", raw=body).status < 500
    assert api.post("/auth/login", raw=body).status < 500


@fuzz
@given(body=near_users.map(dump))
def test_any_user(api: API, body: bytes) -> None:
    dai = f"/api/users/{api.callers['dai'].id}"
    for method, path in (("POST", "/api/users"), ("PATCH", dai)):
        assert api(method, path, as_="amara", raw=body).status < 500


@fuzz
@given(
    body=st.fixed_dictionaries(
        {
            "username": texts,
            "email": st.emails(),
            "full_name": texts,
            "role": st.sampled_from(["student", "teacher", "registrar"]),
        }
    )
)
def test_a_user_who_is_taken_is_given_back(api: API, body: dict[str, Any]) -> None:
    answer = api.post("/api/users", as_="amara", body=body)
    assert answer.status in (201, 409, 422)
    if answer.status == 201:
        assert api.get(answer.headers["Location"], as_="amara").json == answer.json
        found = api.get("/api/users", as_="amara", query={"q": answer.json["username"]}).json
        assert answer.json in found["items"]


@fuzz
@given(
    name=st.sampled_from(["q", "role", "active", "sort", "cursor"])
    | st.sampled_from(["actor", "action", "object_kind", "object_id", "since", "until"]),
    value=st.text(max_size=60) | st.datetimes().map(str) | st.integers().map(str),
)
def test_any_query_for_people(api: API, name: str, value: str) -> None:
    for path in ("/api/users", "/api/audit"):
        answer = api.get(path, as_="amara", query=f"{quote(name)}={quote(value)}")
        assert answer.status in (200, 422)


@fuzz
@given(
    body=st.binary(max_size=60)
    | values.map(dump)
    | near_attachments.map(dump)
    | near_parts.map(dump)
)
def test_any_attachment(api: API, body: bytes) -> None:
    for shelf in ("/api/course_attachments", "/api/announcement_attachments"):
        for path in ("", "/1/parts", "/1/complete"):
            assert api.post(shelf + path, as_="rosa", raw=body).status < 500


@fuzz
@given(
    filename=st.text(min_size=1, max_size=255),
    size=st.integers(1, 1024**3),
    content_type=st.sampled_from(["application/pdf", "text/plain", "Image/PNG"]),
)
def test_an_attachment_that_is_taken_is_given_back(
    api: API, course: Callable[[], str], filename: str, size: int, content_type: str
) -> None:
    body = {
        "course": int(course().rpartition("/")[2]),
        "filename": filename,
        "size": size,
        "content_type": content_type,
    }
    answer = api.post("/api/course_attachments", as_="rosa", body=body)
    assert answer.status in (201, 422)
    if answer.status == 201:
        read = api.get(answer.headers["Location"], as_="amara").json
        assert read == answer.json["attachment"]
        kept = {name: read[name] for name in body}
        lower = {"filename": filename.strip(), "content_type": content_type.lower()}
        assert kept == body | lower
        assert read["title"] == filename.strip()


@fuzz
@given(
    body=st.fixed_dictionaries(
        {
            "code": st.text(min_size=1, max_size=32),
            "title": st.text(min_size=1, max_size=128),
            "description": st.text(max_size=200),
            "credits": st.integers(0, 9999).map(lambda tenths: tenths / 10),
        }
    )
)
def test_what_is_taken_is_given_back(api: API, body: dict[str, Any]) -> None:
    answer = api.post("/api/courses", as_="rosa", body=body)
    assert answer.status in (201, 409, 422)
    if answer.status == 201:
        read = api.get(answer.headers["Location"], as_="dai").json
        kept = {name: read[name] for name in body}
        assert kept == body | {"code": body["code"].strip()}
        listed = api.get("/api/courses", as_="dai", query={"q": body["title"], "limit": 200})
        assert read in listed.json["items"]
        coded = api.get("/api/courses", as_="dai", query={"code": body["code"].upper()})
        if body["code"].upper().lower() == body["code"].lower():
            assert coded.status == 200
    elif answer.status == 422:
        assert any(ord(c) < 32 or 127 <= ord(c) < 160 for c in body["code"] + body["title"]) or (
            not body["code"].strip() or "\0" in body["description"]
        )


@fuzz
@given(
    name=st.sampled_from(["q", "code", "limit", "cursor", "sort"]) | st.text(max_size=5),
    value=st.text(max_size=60) | st.binary(max_size=30).map(lambda b: b.decode("latin-1")),
)
def test_any_query(api: API, name: str, value: str) -> None:
    query = f"{quote(name)}={quote(value)}"
    assert api.get("/api/courses", as_="dai", query=query).status in (200, 422)
    raw = f"{name}={value}".encode("ascii", "ignore").decode()
    assert api.get("/api/courses", as_="dai", query=raw).status in (200, 422)


sorts = st.sampled_from(["code", "-code", "title", "credits", "-credits", "updated_at"])


@fuzz
@given(
    sort=sorts,
    key=texts | st.dates().map(str) | st.datetimes().map(str) | st.decimals().map(str),
    id_=st.integers(),
    flip=st.integers(0, 200),
)
def test_any_cursor(api: API, sort: str, key: str, id_: int, flip: int) -> None:
    try:
        forged = encode_cursor(Position(sort, key, id_))
    except UnicodeEncodeError:
        forged = base64.urlsafe_b64encode(json.dumps([sort, key, id_]).encode()).decode()
    spot = flip % len(forged)
    broken = f"{forged[:spot]}A{forged[spot + 1 :]}"
    for cursor in (forged, broken):
        query = {"sort": sort, "cursor": cursor}
        assert api.get("/api/courses", as_="dai", query=query).status in (200, 422)


@fuzz
@given(segment=st.text(min_size=1, max_size=20).filter(lambda s: s not in (".", "..")))
def test_any_id(api: API, segment: str) -> None:
    path = f"/api/courses/{quote(segment, safe='')}"
    for method in ("GET", "PATCH", "DELETE"):
        body = {} if method == "PATCH" else None
        assert api(method, path, as_="rosa", body=body).status == 404


visible = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)


@pytest.fixture
def course(api: API) -> Callable[[], str]:
    answer = api.post("/api/courses", as_="rosa", body={"code": "C", "title": "t"})
    return lambda: answer.headers["Location"]


HEADERS = [
    "Accept",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Origin",
    "X-Request-Id",
]


@fuzz
@given(
    headers=st.dictionaries(
        st.sampled_from(HEADERS),
        visible,
        max_size=4,
    )
)
def test_any_headers(api: API, course: Callable[[], str], headers: dict[str, str]) -> None:
    for method, path in (
        ("GET", course()),
        ("PATCH", course()),
        ("POST", "/api/courses"),
        ("GET", "/auth/me"),
        ("GET", "/openapi.json"),
    ):
        raw = b'{"title":"u"}' if method != "GET" else None
        answer = api(method, path, as_="rosa", raw=raw, headers=headers)
        assert answer.status < 500

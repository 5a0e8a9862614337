"""Any text at any field of any body, one field at a time with the others as they should be: the
answer is one that the description knows, and never a 5xx. A new body fails here until it has its
example.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.api import registry
from chalicelib.core.settings import reset_settings

from .conftest import API, PASSWORD
from .test_fuzz import texts, values

WITH_BODIES = {f"{e.method} {e.path}": e for e in registry.endpoints() if e.body is not None}

EXAMPLES: dict[str, dict[str, Any]] = {
    "POST /api/course_attachments": {
        "course": 1,
        "title": "t",
        "filename": "a.pdf",
        "content_type": "application/pdf",
        "size": 5,
        "checksum_sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    },
    "POST /api/course_attachments/{id}/parts": {"numbers": [1]},
    "POST /api/announcement_attachments": {
        "title": "t",
        "filename": "a.pdf",
        "content_type": "application/pdf",
        "size": 5,
        "checksum_sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    },
    "POST /api/announcement_attachments/{id}/parts": {"numbers": [1]},
    "POST /api/courses": {"code": "CS1", "title": "t", "description": "", "credits": 3.0},
    "PATCH /api/courses/{id}": {"code": "CS1", "title": "t", "description": "", "credits": 3.0},
    "POST /api/exports/{kind}": {
        "q": "",
        "code": "",
        "course": 1,
        "term": "",
        "teacher": 1,
        "status": "draft",
        "role": "student",
        "active": True,
        "announcement": 1,
    },
    "POST /api/imports/{kind}": {"filename": "a.csv", "mode": "plan", "invite": True},
    "PUT /api/notification_preferences": {
        "mail": "off",
        "digest_hour": 7,
        "timezone": "UTC",
        "locale": "en",
    },
    "POST /api/announcements": {
        "title": "t",
        "body": "b",
        "audience": {"kind": "role", "roles": ["student"]},
        "publish_at": "2026-11-26T08:00:00Z",
        "requires_ack": True,
        "attachments": [],
        "channels": [],
    },
    "PATCH /api/announcements/{id}": {
        "title": "t",
        "body": "b",
        "audience": {"kind": "section", "ids": [1]},
        "publish_at": "2026-11-26T08:00:00Z",
        "requires_ack": False,
        "attachments": [1],
        "channels": [1],
        "material": True,
    },
    "POST /api/announcements/preview": {"audience": {"kind": "all_students"}, "body": "b"},
    "POST /api/channels": {
        "kind": "smtp",
        "name": "Relay",
        "active": True,
        "host": "smtp.school.example",
        "port": 587,
        "security": "starttls",
        "username": "rollcall",
        "sender": "rollcall@school.example",
        "to": "staff@school.example",
        "url": "https://hooks.school.example/x",
        "chat_id": "-1001234567890",
        "secret": "a secret that is long enough",
    },
    "PATCH /api/channels/{id}": {
        "name": "Relay",
        "active": True,
        "host": "smtp.school.example",
        "port": 587,
        "security": "starttls",
        "username": "rollcall",
        "sender": "rollcall@school.example",
        "to": "staff@school.example",
        "url": "https://hooks.school.example/x",
        "chat_id": "-1001234567890",
        "secret": "a secret that is long enough",
    },
    "POST /api/sections": {
        "course_id": 1,
        "term": "2026-autumn",
        "section_code": "01",
        "teacher_id": None,
        "capacity": 5,
        "status": "draft",
        "meetings": [],
    },
    "PATCH /api/sections/{id}": {
        "course_id": 1,
        "term": "2026-autumn",
        "section_code": "01",
        "teacher_id": None,
        "capacity": 5,
        "status": "draft",
        "meetings": [],
    },
    "POST /api/sections/{id}/enrollments": {"user_id": 1},
    "POST /api/tasks/{id}/apply": {"plan_hash": "x"},
    "POST /api/terms": {
        "code": "2026-autumn",
        "name": "Autumn",
        "starts_on": "2026-09-07",
        "ends_on": "2026-12-27",
        "timezone": "Europe/Berlin",
        "periods": [{"number": 1, "starts_at": "08:00", "ends_at": "08:45"}],
    },
    "PATCH /api/terms/{id}": {
        "code": "2026-autumn",
        "name": "Autumn",
        "starts_on": "2026-09-07",
        "ends_on": "2026-12-27",
        "timezone": "Europe/Berlin",
        "periods": [{"number": 1, "starts_at": "08:00", "ends_at": "08:45"}],
    },
    "POST /api/users": {
        "username": "femi",
        "email": "femi@new.example",
        "full_name": "Femi",
        "role": "student",
        "locale": "en",
    },
    "PATCH /api/users/{id}": {
        "email": "femi@new.example",
        "full_name": "Femi",
        "role": "student",
        "active": True,
        "locale": "en",
    },
    "POST /auth/change-password": {
        "current_password": PASSWORD,
        "new_password": "A quite different phrase",
    },
    "POST /auth/forgot-password": {"email": "chloe@rollcall.example"},
    "POST /auth/forgot-username": {"email": "chloe@rollcall.example"},
    "POST /auth/login": {"username": "chloe", "password": PASSWORD},
    "POST /auth/logout": {"refresh_token": "x"},
    "PATCH /auth/me": {"full_name": "Amara", "locale": "en"},
    "POST /auth/refresh": {"refresh_token": "x"},
    "POST /auth/register": {
        "username": "femi",
        "email": "femi@new.example",
        "password": PASSWORD,
        "full_name": "Femi",
        "locale": "en",
    },
    "POST /auth/reset-password": {"token": "x", "new_password": "A quite different phrase"},
}
FIELDS = [(route, field) for route, fields in EXAMPLES.items() for field in fields]

HORRORS = [
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\u202eevil\u202c",
    "\u2066\u2069",
    "\ufeff",
    "\U0010ffff",
    "😀" * 1000,
    "a\u0301" * 500,
    "ﷺ" * 300,
    "x" * 1_000_000,
    "中" * 300_000,
    "'; DROP TABLE users; --",
    "%s %(x)s :name $1 {0}",
    "\r\nBcc: all@school.example",
    "../../../etc/passwd",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    10**400,
    -(10**18),
    1e308,
    {"a": {"b": [None] * 100}},
    [[[[[]]]]],
]


def test_every_body_has_its_example() -> None:
    assert set(EXAMPLES) == set(WITH_BODIES)
    for route, fields in EXAMPLES.items():
        body = WITH_BODIES[route].body
        assert body is not None
        assert set(fields) == set(body.model_fields), route


def send(api: API, route: str, body: bytes) -> None:
    method, path = route.split(" ")
    caller = None if WITH_BODIES[route].roles is None else "amara"
    path = re.sub(r"{\w+}", str(api.callers["dai"].id), path)
    answer = api(method, path, as_=caller, raw=body)
    assert answer.status < 500


@pytest.fixture(autouse=True)
def _without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in (
        "LOGIN_FAILURES_PER_ACCOUNT",
        "LOGIN_FAILURES_PER_ADDRESS",
        "REGISTRATIONS_PER_ADDRESS",
        "MAILS_PER_ACCOUNT",
        "MAILS_PER_ADDRESS",
    ):
        monkeypatch.setenv(limit, "1000")
    reset_settings()


@pytest.mark.parametrize(("route", "field"), FIELDS)
def test_the_worst_that_we_can_think_of(api: API, route: str, field: str) -> None:
    for horror in HORRORS:
        send(api, route, json.dumps(EXAMPLES[route] | {field: horror}).encode())
    for depth in (100, 5_000):
        deep = "[" * depth + "]" * depth
        rest = json.dumps({k: v for k, v in EXAMPLES[route].items() if k != field})[1:-1]
        body = f"{{{json.dumps(field)}: {deep}{', ' if rest else ''}{rest}}}"
        send(api, route, body.encode())


@pytest.mark.parametrize("route", EXAMPLES)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_text_at_any_field(api: API, route: str, data: st.DataObject) -> None:
    fields = EXAMPLES[route]
    field = data.draw(st.sampled_from(sorted(fields)))
    value = data.draw(texts | st.text(max_size=300) | values)
    send(api, route, json.dumps(fields | {field: value}).encode())

"""Every route × every role, the refused ones too. A new route fails here until it has its row."""

from __future__ import annotations

import re

import pytest

from chalicelib.accounts.rules import Role
from chalicelib.api import registry

from .conftest import API

ANYONE: tuple[str | None, ...] = (None, "student", "teacher", "registrar", "manager")
SIGNED_IN = ("student", "teacher", "registrar", "manager")
TEACHING = ("teacher", "registrar", "manager")
STAFF = ("registrar", "manager")
MANAGERS = ("manager",)

ADMITTED: dict[str, tuple[str | None, ...]] = {
    "POST /api/announcement_attachments": TEACHING,
    "GET /api/announcement_attachments/{id}": SIGNED_IN,
    "DELETE /api/announcement_attachments/{id}": TEACHING,
    "POST /api/announcement_attachments/{id}/complete": TEACHING,
    "GET /api/announcement_attachments/{id}/download": SIGNED_IN,
    "POST /api/announcement_attachments/{id}/parts": TEACHING,
    "GET /api/announcements": TEACHING,
    "POST /api/announcements": TEACHING,
    "POST /api/announcements/preview": TEACHING,
    "GET /api/announcements/{id}": TEACHING,
    "PATCH /api/announcements/{id}": TEACHING,
    "GET /api/announcements/{id}/deliveries": TEACHING,
    "GET /api/announcements/{id}/proof": TEACHING,
    "POST /api/announcements/{id}/remind_unacked": TEACHING,
    "GET /api/announcements/{id}/stats": TEACHING,
    "GET /api/announcements/{id}/versions": TEACHING,
    "POST /api/announcements/{id}/withdraw": TEACHING,
    "GET /api/audit": MANAGERS,
    "GET /api/channels": STAFF,
    "POST /api/channels": MANAGERS,
    "GET /api/channels/{id}": STAFF,
    "PATCH /api/channels/{id}": MANAGERS,
    "DELETE /api/channels/{id}": MANAGERS,
    "POST /api/channels/{id}/test": MANAGERS,
    "GET /api/course_attachments": SIGNED_IN,
    "POST /api/course_attachments": TEACHING,
    "GET /api/course_attachments/{id}": SIGNED_IN,
    "DELETE /api/course_attachments/{id}": TEACHING,
    "POST /api/course_attachments/{id}/complete": TEACHING,
    "GET /api/course_attachments/{id}/download": SIGNED_IN,
    "POST /api/course_attachments/{id}/parts": TEACHING,
    "GET /api/courses": SIGNED_IN,
    "POST /api/courses": STAFF,
    "GET /api/courses/{id}": SIGNED_IN,
    "PATCH /api/courses/{id}": STAFF,
    "DELETE /api/courses/{id}": STAFF,
    "GET /api/deliveries": SIGNED_IN,
    "POST /api/deliveries/{id}/ack": SIGNED_IN,
    "POST /api/deliveries/{id}/delivered": SIGNED_IN,
    "GET /api/unread_count": SIGNED_IN,
    "POST /api/exports/{kind}": TEACHING,
    "POST /api/imports/{kind}": STAFF,
    "GET /api/ops/budget": MANAGERS,
    "GET /api/ops/queues": MANAGERS,
    "POST /api/ops/queues/{name}/redrive": MANAGERS,
    "GET /api/sections": SIGNED_IN,
    "POST /api/sections": STAFF,
    "GET /api/sections/{id}": SIGNED_IN,
    "PATCH /api/sections/{id}": TEACHING,
    "DELETE /api/sections/{id}": STAFF,
    "GET /api/sections/{id}/conflicts": TEACHING,
    "GET /api/sections/{id}/enrollments": SIGNED_IN,
    "POST /api/sections/{id}/enrollments": ("student", *STAFF),
    "DELETE /api/sections/{id}/enrollments/{user_id}": ("student", *STAFF),
    "GET /api/stats/overview": TEACHING,
    "GET /api/tasks": SIGNED_IN,
    "GET /api/tasks/{id}": SIGNED_IN,
    "POST /api/tasks/{id}/apply": STAFF,
    "GET /api/tasks/{id}/download": SIGNED_IN,
    "GET /api/tasks/{id}/errors": SIGNED_IN,
    "GET /api/tasks/{id}/plan": STAFF,
    "GET /api/notification_preferences": SIGNED_IN,
    "PUT /api/notification_preferences": SIGNED_IN,
    "GET /api/ops/health": MANAGERS,
    "POST /api/users/{id}/erase": MANAGERS,
    "POST /auth/change-password": SIGNED_IN,
    "POST /auth/forgot-password": ANYONE,
    "POST /auth/forgot-username": ANYONE,
    "GET /api/people": STAFF,
    "GET /api/users": MANAGERS,
    "POST /api/users": MANAGERS,
    "GET /api/users/{id}": MANAGERS,
    "PATCH /api/users/{id}": MANAGERS,
    "DELETE /api/users/{id}": MANAGERS,
    "POST /api/users/{id}/invite": MANAGERS,
    "GET /api/terms": SIGNED_IN,
    "POST /api/terms": STAFF,
    "GET /api/terms/{id}": SIGNED_IN,
    "PATCH /api/terms/{id}": STAFF,
    "DELETE /api/terms/{id}": STAFF,
    "GET /api/timetable": SIGNED_IN,
    "GET /api/timetable/feed": SIGNED_IN,
    "POST /api/timetable/feed/rotate": SIGNED_IN,
    "GET /calendar/{file}": ANYONE,
    "POST /auth/login": ANYONE,
    "POST /auth/logout": ANYONE,
    "GET /auth/me": SIGNED_IN,
    "PATCH /auth/me": SIGNED_IN,
    "GET /auth/me/export": SIGNED_IN,
    "GET /auth/password-rules": ANYONE,
    "POST /auth/refresh": ANYONE,
    "POST /auth/register": ANYONE,
    "POST /auth/reset-password": ANYONE,
    "GET /docs": ANYONE,
    "GET /health": ANYONE,
    "GET /metrics": MANAGERS,
    "GET /openapi.json": ANYONE,
    "GET /unsubscribe/{token}": ANYONE,
    "POST /unsubscribe/{token}": ANYONE,
}
SENDERS: dict[str, tuple[Role | None, str | None]] = {
    "anonymous": (None, None),
    "student": ("student", "chloe"),
    "teacher": ("teacher", "ben"),
    "other teacher": ("teacher", "tilda"),
    "registrar": ("registrar", "rosa"),
    "manager": ("manager", "amara"),
}


def test_every_route_has_its_row() -> None:
    assert set(ADMITTED) == {f"{e.method} {e.path}" for e in registry.endpoints()}


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("route", ADMITTED)
def test_who_gets_past_the_door(api: API, route: str, sender: str) -> None:
    method, path = route.split(" ")
    role, name = SENDERS[sender]
    answer = api(
        method,
        re.sub(r"\{\w+\}", "999999", path),
        as_=name,
        raw=None if method in ("GET", "DELETE") else b"{}",
    )
    if role in ADMITTED[route]:
        assert answer.status not in (401, 403)
        assert answer.status < 500
    elif role is None:
        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    else:
        assert (answer.status, answer.code) == (403, "forbidden")

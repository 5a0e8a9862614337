"""One's own profile and preferences."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, text

from .conftest import API

DEFAULTS = {"mail": "digest", "digest_hour": 18, "timezone": "UTC", "locale": "en"}
WANTED = {"mail": "immediate", "digest_hour": 7, "timezone": "Asia/Shanghai", "locale": "zh-CN"}


def test_a_profile_has_a_name_and_a_language(api: API, owner: Connection) -> None:
    before = api.get("/auth/me", as_="chloe")
    body = {"full_name": "  克洛伊 ", "locale": "zh-CN"}
    answer = api.patch("/auth/me", as_="chloe", body=body)
    assert answer.status == 200
    assert answer.json == before.json | {"full_name": "克洛伊", "locale": "zh-CN"}
    assert answer.headers["ETag"] != before.headers["ETag"]
    assert api.get("/auth/me", as_="chloe").json == answer.json
    assert api.get("/auth/me", as_="dai").json["locale"] == "en"
    event = owner.execute(text("SELECT action, after FROM audit_events")).one()
    assert tuple(event) == ("user_updated", {"changed": ["full_name", "locale"]})


def test_a_change_of_nothing_is_none(api: API) -> None:
    before = api.get("/auth/me", as_="chloe")
    for body in ({}, {"full_name": before.json["full_name"]}):
        answer = api.patch("/auth/me", as_="chloe", body=body)
        assert answer.headers["ETag"] == before.headers["ETag"]


@pytest.mark.parametrize("field", ["username", "email", "role", "active", "id"])
def test_what_one_may_not_change_oneself(api: API, field: str) -> None:
    answer = api.patch("/auth/me", as_="chloe", body={field: "manager"})
    assert (answer.status, answer.fields) == (422, {field: "unknown_field"})


def test_a_profile_honours_the_version_that_is_meant(api: API) -> None:
    tag = api.get("/auth/me", as_="chloe").headers["ETag"]
    fresh = api.get("/auth/me", as_="chloe", headers={"If-None-Match": tag})
    assert (fresh.status, fresh.body) == (304, b"")
    for expected in (200, 412):
        answer = api.patch(
            "/auth/me",
            as_="chloe",
            body={"full_name": f"Chloe {expected}"},
            headers={"If-Match": tag},
        )
        assert answer.status == expected


def test_preferences_have_defaults_until_they_are_set(api: API, owner: Connection) -> None:
    path = "/api/notification_preferences"
    assert api.get(path, as_="chloe").json == DEFAULTS
    assert owner.execute(text("SELECT count(*) FROM notification_preferences")).scalar_one() == 0
    for _ in range(2):
        answer = api("PUT", path, as_="chloe", body=WANTED)
        assert (answer.status, answer.json) == (200, WANTED)
    assert api.get(path, as_="chloe").json == WANTED
    assert api.get("/auth/me", as_="chloe").json["locale"] == "zh-CN"
    assert api.get(path, as_="dai").json == DEFAULTS


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"mail": "never"}, {"mail": "not_one_of"}),
        ({"digest_hour": 24}, {"digest_hour": "out_of_range"}),
        ({"digest_hour": -1}, {"digest_hour": "out_of_range"}),
        ({"digest_hour": "7"}, {"digest_hour": "wrong_type"}),
        ({"timezone": "Mars/Olympus"}, {"timezone": "not_one_of"}),
        ({"timezone": "asia/shanghai"}, {"timezone": "not_one_of"}),
        ({"timezone": "../../etc/passwd"}, {"timezone": "not_one_of"}),
        ({"locale": "de"}, {"locale": "not_one_of"}),
        ({"more": 1}, {"more": "unknown_field"}),
    ],
)
def test_preferences_that_make_no_sense(
    api: API, changes: dict[str, Any], fields: dict[str, str]
) -> None:
    answer = api("PUT", "/api/notification_preferences", as_="chloe", body=WANTED | changes)
    assert (answer.status, answer.fields) == (422, fields)


def test_preferences_are_set_as_a_whole(api: API) -> None:
    answer = api("PUT", "/api/notification_preferences", as_="chloe", body={"mail": "off"})
    assert answer.fields == dict.fromkeys(("digest_hour", "timezone", "locale"), "required")

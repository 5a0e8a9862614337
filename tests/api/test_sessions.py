"""Sessions over HTTP: refresh, sign out, and what ends them."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Connection, text

from .conftest import API, PASSWORD, patient

NEW_PASSWORD = "A quite different phrase"


def login(api: API, name: str = "chloe", password: str = PASSWORD) -> dict[str, Any]:
    answer = api.post("/auth/login", body={"username": name, "password": password})
    assert answer.status == 200, answer.body
    tokens: dict[str, Any] = answer.json
    return tokens


def me(api: API, tokens: dict[str, Any]) -> int:
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    return api.get("/auth/me", headers=bearer).status


def refresh(api: API, tokens: dict[str, Any]) -> Any:
    return api.post("/auth/refresh", body={"refresh_token": tokens["refresh_token"]})


def test_a_refresh_brings_new_tokens_of_the_same_session(api: API, owner: Connection) -> None:
    first = login(api)
    second = refresh(api, first).json
    assert second.keys() == first.keys()
    assert second["refresh_token"] != first["refresh_token"]
    assert (me(api, first), me(api, second)) == (200, 200)
    third = refresh(api, second)
    assert third.status == 200
    count = text(
        "SELECT count(*) FROM sessions JOIN users u ON u.id = user_id"
        " WHERE username = 'chloe' AND sessions.id <> :fixture"
    )
    assert owner.execute(count, {"fixture": api.sessions["chloe"].id}).scalar_one() == 1


def test_a_refresh_token_that_comes_twice_ends_the_session(api: API, owner: Connection) -> None:
    first = login(api)
    other = login(api)
    second = refresh(api, first).json
    answer = refresh(api, first)
    assert (answer.status, answer.code) == (401, "invalid_token")
    assert (me(api, second), refresh(api, second).status) == (401, 401)
    assert me(api, other) == 200
    seen = owner.execute(text("SELECT object_id FROM audit_events WHERE action LIKE '%reuse'"))
    assert seen.scalars().all() == [str(api.callers["chloe"].id)]


@pytest.mark.parametrize("token", ["x", "é" * 100, "A" * 43, "a.b.c"])
def test_an_unknown_refresh_token_is_no_token(api: API, token: str) -> None:
    answer = api.post("/auth/refresh", body={"refresh_token": token})
    assert (answer.status, answer.code) == (401, "invalid_token")
    assert api.post("/auth/logout", body={"refresh_token": token}).status == 204


def test_an_access_token_is_no_refresh_token(api: API) -> None:
    tokens = login(api)
    swapped = {"refresh_token": tokens["access_token"]}
    assert api.post("/auth/refresh", body={"refresh_token": "a" * 201}).status == 422
    assert refresh(api, {"refresh_token": swapped["refresh_token"][:200]}).status == 401


def test_a_refresh_token_expires(api: API, owner: Connection) -> None:
    tokens = login(api)
    owner.execute(text("UPDATE refresh_tokens SET expires_at = now() - interval '1 second'"))
    owner.commit()
    assert refresh(api, tokens).status == 401
    assert (
        owner.execute(
            text("SELECT count(*) FROM audit_events WHERE action LIKE '%reuse'")
        ).scalar_one()
        == 0
    )


def test_signing_out_ends_the_session_and_its_access_tokens(api: API) -> None:
    tokens, other = login(api), login(api)
    body = {"refresh_token": tokens["refresh_token"]}
    assert api.post("/auth/logout", body=body).status == 204
    assert (me(api, tokens), refresh(api, tokens).status) == (401, 401)
    assert me(api, other) == 200
    assert api.post("/auth/logout", body=body).status == 204


def test_a_change_of_role_ends_access_tokens_and_a_refresh_brings_the_new_role(
    api: API, owner: Connection
) -> None:
    tokens = login(api)
    owner.execute(text("UPDATE users SET role = 'registrar' WHERE username = 'chloe'"))
    owner.commit()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    course = {"code": "CS1", "title": "t"}
    # 401 and not 403: what the old token's role may not is not the question any more
    assert api.post("/api/courses", body=course, headers=bearer).code == "invalid_token"
    fresh = refresh(api, tokens).json
    bearer = {"Authorization": f"Bearer {fresh['access_token']}"}
    assert api.post("/api/courses", body=course, headers=bearer).status == 201


def test_a_deactivated_user_cannot_refresh(api: API, owner: Connection) -> None:
    tokens = login(api)
    owner.execute(text("UPDATE users SET active = false WHERE username = 'chloe'"))
    owner.commit()
    assert (me(api, tokens), refresh(api, tokens).status) == (401, 401)


def test_a_new_password_ends_all_other_sessions_and_keeps_this_one(api: API) -> None:
    here, elsewhere = login(api), login(api)
    bearer = {"Authorization": f"Bearer {here['access_token']}"}
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert api.post("/auth/change-password", body=body, headers=bearer).status == 204
    assert (me(api, here), me(api, elsewhere)) == (200, 401)
    assert (refresh(api, here).status, refresh(api, elsewhere).status) == (200, 401)
    old = api.post("/auth/login", body={"username": "chloe", "password": PASSWORD})
    assert old.code == "invalid_credentials"
    login(api, password=NEW_PASSWORD)


def test_a_wrong_present_password_is_told_at_its_field(api: API, owner: Connection) -> None:
    body = {"current_password": "wrong", "new_password": NEW_PASSWORD}
    answer = api.post("/auth/change-password", as_="chloe", body=body)
    assert (answer.status, answer.fields) == (422, {"current_password": "wrong_password"})
    login(api)
    actions = owner.execute(text("SELECT action FROM audit_events ORDER BY id")).scalars().all()
    assert actions == ["authn_password_change_fail", "authn_login_success"]


@pytest.mark.parametrize(
    ("new", "broken"),
    [
        ("short", {"length", "variety"}),
        ("Chloe-2026-Chloe", {"personal"}),
        ("passwordpassword", {"common"}),
    ],
)
def test_a_new_password_keeps_the_rules(api: API, new: str, broken: set[str]) -> None:
    body = {"current_password": PASSWORD, "new_password": new}
    answer = api.post("/auth/change-password", as_="chloe", body=body)
    assert answer.status == 422
    told = {(error["field"], error["code"]) for error in answer.json["errors"]}
    assert told >= {("new_password", code) for code in broken}
    login(api)


_api_of_children: list[API] = []


def _refresh_as_child(token: str) -> int:
    return patient(_api_of_children[-1], "/auth/refresh", {"refresh_token": token})


def test_of_many_refreshes_at_once_one_is_the_first_and_the_session_ends(api: API) -> None:
    tokens = login(api)
    _api_of_children.append(api)
    with multiprocessing.get_context("fork").Pool(8) as pool:
        statuses = Counter(pool.map(_refresh_as_child, [tokens["refresh_token"]] * 8, chunksize=1))
    assert statuses == {200: 1, 401: 7}
    assert me(api, tokens) == 401

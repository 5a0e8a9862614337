"""Signing in over HTTP, and what a token is good for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt
import pytest
from sqlalchemy import text

from .conftest import API, PASSWORD


@pytest.mark.parametrize(
    "name", ["rosa", "ROSA", "  rosa ", "rosa@rollcall.example", "Rosa@Rollcall.Example"]
)
def test_login_by_username_or_address_in_any_case(api: API, name: str) -> None:
    answer = api.post("/auth/login", body={"username": name, "password": PASSWORD})
    assert answer.status == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 900
    bearer = {"Authorization": f"bearer {answer.json['access_token']}"}
    assert api.get("/auth/me", headers=bearer).json["username"] == "rosa"


def test_a_token_says_who_and_for_how_long_and_no_more(api: API) -> None:
    token = api.post("/auth/login", body={"username": "rosa", "password": PASSWORD}).json
    claims = jwt.decode(token["access_token"], options={"verify_signature": False})
    assert claims.pop("exp") - claims.pop("iat") == 900
    assert len(claims.pop("jti")) == 36
    assert isinstance(claims.pop("sid"), int)
    assert claims == {
        "iss": "rollcall",
        "aud": "rollcall-api",
        "typ": "access",
        "sub": str(api.callers["rosa"].id),
        "username": "rosa",
        "role": "registrar",
        "ver": 1,
    }


def test_wrong_password_unknown_name_and_inactive_user_look_the_same(
    api: API, deactivate: Callable[[str], None]
) -> None:
    deactivate("dai")
    answers = [
        api.post("/auth/login", body={"username": name, "password": password})
        for name, password in (
            ("rosa", "wrong"),
            ("nobody", PASSWORD),
            ("nobody@rollcall.example", PASSWORD),
            ("dai", PASSWORD),
        )
    ]
    assert {answer.status for answer in answers} == {401}
    shown = [answer.json | {"request_id": ""} for answer in answers]
    assert all(problem == shown[0] for problem in shown)
    assert shown[0]["code"] == "invalid_credentials"


def test_a_user_without_a_password_cannot_sign_in(api: API, owner: Any) -> None:
    owner.execute(text("UPDATE users SET password_hash = NULL WHERE username = 'ben'"))
    owner.commit()
    answer = api.post("/auth/login", body={"username": "ben", "password": "the password of nobody"})
    assert answer.code == "invalid_credentials"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"username": "required", "password": "required"}),
        ({"username": "rosa", "password": ""}, {"password": "too_short"}),
        ({"username": "rosa", "password": 5}, {"password": "wrong_type"}),
        ({"username": "rosa", "password": "x" * 1025}, {"password": "too_long"}),
        ({"username": "rosa", "password": "x", "role": "manager"}, {"role": "unknown_field"}),
        ({"username": "ro\0sa", "password": "x"}, {"username": "nul_character"}),
    ],
)
def test_a_login_that_cannot_be_one(api: API, body: Any, fields: dict[str, str]) -> None:
    answer = api.post("/auth/login", body=body)
    assert (answer.status, answer.fields) == (422, fields)


def test_me_is_for_nobody_to_store(api: API) -> None:
    answer = api.get("/auth/me", as_="chloe")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json.keys() == {
        "id",
        "username",
        "email",
        "full_name",
        "role",
        "locale",
        "created_at",
    }
    assert answer.json["created_at"].endswith("Z")
    assert answer.json["email"] == "chloe@rollcall.example"


def test_me_ends_with_the_user(api: API, deactivate: Callable[[str], None]) -> None:
    deactivate("chloe")
    answer = api.get("/auth/me", as_="chloe")
    assert (answer.status, answer.code) == (401, "invalid_token")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic cm9zYTp4", "Token abc", "Bearer\tabc"]
)
def test_no_token_is_no_sign_in(api: API, header: str) -> None:
    answer = api.get("/auth/me", headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_password_rules_are_told_to_anyone(api: API) -> None:
    answer = api.get("/auth/password-rules")
    assert [rule["code"] for rule in answer.json["rules"]] == [
        "length",
        "variety",
        "common",
        "personal",
    ]
    assert answer.headers["Cache-Control"] == "no-store"

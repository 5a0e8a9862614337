"""Signing in over HTTP, and what a token is good for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from sqlalchemy import text

from chalicelib.accounts import tokens
from chalicelib.core.clock import utc_now
from chalicelib.core.settings import get_settings

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


def _secret() -> str:
    return get_settings().require("jwt_secret")


def _token(algorithm: str = "HS256", times: int = 1, **changes: Any) -> str:
    now = utc_now()
    claims: dict[str, Any] = {
        "iss": "rollcall",
        "aud": "rollcall-api",
        "typ": "access",
        "sub": "1",
        "username": "rosa",
        "role": "manager",
        "jti": "1",
        "iat": now,
        "exp": now + timedelta(minutes=5),
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    key = None if algorithm == "none" else _secret() * times
    return jwt.encode(claims, key, algorithm=algorithm)


FORGED: dict[str, Callable[[], str]] = {
    "garbage": lambda: "abc.def.ghi",
    "not ascii": lambda: "é.é.é",
    "another key": lambda: _token(times=2),
    "no signature": lambda: _token("none"),
    "another algorithm": lambda: _token("HS512", times=2),
    "expired": lambda: _token(exp=utc_now() - timedelta(seconds=1)),
    "from the future": lambda: _token(iat=utc_now() + timedelta(hours=1)),
    "another issuer": lambda: _token(iss="elsewhere"),
    "another audience": lambda: _token(aud="elsewhere"),
    "a refresh token": lambda: _token(typ="refresh"),
    "an unknown role": lambda: _token(role="god"),
    "a role that is no word": lambda: _token(role=["manager"]),
    "no expiry": lambda: _token(exp=None),
    "no subject": lambda: _token(sub=None),
    "no id in the subject": lambda: _token(sub="rosa"),
    "no name": lambda: _token(username=None),
}


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_made_as_ours_are_holds(api: API) -> None:
    assert api.get("/api/courses", headers=bearing(_token())).status == 200


@pytest.mark.parametrize("forgery", FORGED)
def test_a_token_that_does_not_hold(api: API, forgery: str) -> None:
    answer = api.get("/api/courses", headers=bearing(FORGED[forgery]()))
    assert (answer.status, answer.code) == (401, "invalid_token")


def test_a_token_that_held_before_ends_in_time(api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    bearer = {"Authorization": f"Bearer {api.token('rosa')}"}
    assert api.get("/auth/me", headers=bearer).status == 200
    later = (utc_now() + timedelta(seconds=901)).timestamp()
    monkeypatch.setattr(tokens.time, "time", lambda: later)
    assert api.get("/auth/me", headers=bearer).code == "invalid_token"


def test_password_rules_are_told_to_anyone(api: API) -> None:
    answer = api.get("/auth/password-rules")
    assert [rule["code"] for rule in answer.json["rules"]] == [
        "length",
        "variety",
        "common",
        "personal",
    ]
    assert answer.headers["Cache-Control"] == "no-store"

"""Making an account by oneself."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.core.settings import reset_settings

from .conftest import API, PASSWORD

NEW = {"username": "femi", "email": "femi@new.example", "password": PASSWORD}


def register(api: API, **changes: Any) -> Any:
    return api.post("/auth/register", body=NEW | changes)


def test_a_registered_user_is_a_student_who_can_sign_in(api: API) -> None:
    answer = register(api, full_name="Femi Adé", locale="zh-CN")
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    user = answer.json
    assert user | {"id": 0, "created_at": ""} == {
        "id": 0,
        "username": "femi",
        "email": "femi@new.example",
        "full_name": "Femi Adé",
        "role": "student",
        "locale": "zh-CN",
        "created_at": "",
    }
    login = api.post("/auth/login", body={"username": "femi", "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {login.json['access_token']}"}
    assert api.get("/auth/me", headers=bearer).json == user


@pytest.mark.parametrize("role", ["role", "active", "id"])
def test_nobody_registers_as_more_than_a_student(api: API, role: str) -> None:
    answer = register(api, **{role: "manager"})
    assert (answer.status, answer.fields) == (422, {role: "unknown_field"})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("FEMI", "femi"),
        (" Femi ", "femi"),
        ("ｆｅｍｉ", "femi"),
        ("Straße", "strasse"),
        ("ﬁona", "fiona"),
        ("李雷", "李雷"),
        ("zhang.san_2-b", "zhang.san_2-b"),
        ("Ωmega", "ωmega"),
    ],
)
def test_a_username_is_kept_in_one_spelling(api: API, given: str, kept: str) -> None:
    assert register(api, username=given).json["username"] == kept
    for name in (given, kept, kept.upper()):
        login = api.post("/auth/login", body={"username": name, "password": PASSWORD})
        assert login.status == 200, name


@pytest.mark.parametrize(
    "twin",
    [
        "rosa",
        "ROSA",
        "ｒｏｓａ",
        "r0sa",
        "rоsa",  # a Cyrillic о
        "roѕa",  # a Cyrillic ѕ
        "rοsa",  # a Greek ο
        "𝐫𝐨𝐬𝐚",
    ],
)
def test_a_name_that_looks_like_anothers_is_taken(api: API, twin: str) -> None:
    answer = register(api, username=twin)
    assert (answer.status, answer.code) == (409, "username_taken")


def test_rn_looks_like_m_and_one_like_l(api: API) -> None:
    assert register(api, username="modern11").status == 201
    for twin in ("rnodern11", "modernl1", "modemll"):
        assert register(api, username=twin, email=f"{twin}@new.example").code == "username_taken"
    assert register(api, username="modern12", email="m12@new.example").status == 201


@pytest.mark.parametrize(
    ("username", "code"),
    [
        ("", "too_short"),
        ("x", "too_short"),
        ("x" * 65, "too_long"),
        ("fe mi", "invalid_character"),
        ("femi@new.example", "invalid_character"),
        (".femi", "invalid_character"),
        ("fe\u202emi", "invalid_character"),
        ("fe\u200bmi", "invalid_character"),
        ("femi\u3164", "invalid_character"),
        ("fe\nmi", "invalid_character"),
        ("femi😀", "invalid_character"),
        ("fe\0mi", "nul_character"),
        (7, "wrong_type"),
    ],
)
def test_what_is_no_username(api: API, username: Any, code: str) -> None:
    answer = register(api, username=username)
    assert (answer.status, answer.fields) == (422, {"username": code})


@pytest.mark.parametrize("address", ["rosa@rollcall.example", "ROSA@ROLLCALL.EXAMPLE"])
def test_an_address_is_anothers_in_any_case(api: API, address: str) -> None:
    assert register(api, email=address).code == "email_taken"


@pytest.mark.parametrize(
    "address",
    [
        "femi",
        "femi@",
        "@new.example",
        "femi@new",
        "femi@@new.example",
        "fe mi@new.example",
        "femi@new.example\nBcc: all@school.example",
        "Femi <femi@new.example>",
        "femi@-new.example",
        "femi@new..example",
        "李雷@new.example",
        "a" * 250 + "@x.example",
    ],
)
def test_what_is_no_address(api: API, address: str) -> None:
    answer = register(api, email=address)
    assert answer.status == 422
    assert answer.fields.keys() == {"email"}


@pytest.mark.parametrize("full_name", ["a\nb", "a\rb", "a\tb", "\u202etxet", "x" * 201, "a\u2028b"])
def test_what_is_no_full_name(api: API, full_name: str) -> None:
    assert register(api, full_name=full_name).fields.keys() == {"full_name"}


@pytest.mark.parametrize(
    ("password", "broken"),
    [
        ("Sh0rt!", ["length"]),
        ("onlylowercase", ["variety"]),
        ("x" * 129, ["length"]),
        ("My-femi-2026-x", ["personal"]),
        ("passwordpassword", ["common"]),
    ],
)
def test_a_password_that_breaks_a_rule(api: API, password: str, broken: list[str]) -> None:
    answer = register(api, password=password)
    assert answer.status == 422
    told = [(error["field"], error["code"]) for error in answer.json["errors"]]
    assert told == [("password", code) for code in broken]


def test_a_closed_school_registers_nobody(api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRATION_OPEN", "false")
    reset_settings()
    assert (register(api).status, register(api).code) == (403, "registration_closed")


def test_the_same_request_twice_makes_one_account(api: API) -> None:
    key = {"Idempotency-Key": "a-key"}
    first, second = (api.post("/auth/register", body=NEW, headers=key) for _ in range(2))
    assert (first.status, second.status) == (201, 201)
    assert second.json == first.json
    assert second.headers["Idempotency-Replayed"] == "true"


def test_a_refused_request_gives_its_key_back(api: API, owner: Connection) -> None:
    key = {"Idempotency-Key": "a-key"}
    taken = NEW | {"username": "rosa"}
    for _ in range(2):
        answer = api.post("/auth/register", body=taken, headers=key)
        assert answer.code == "username_taken"
    owner.execute(text("UPDATE users SET username = 'rosa.d' WHERE username = 'rosa'"))
    owner.commit()
    assert api.post("/auth/register", body=taken, headers=key).status == 201


def test_an_account_is_written_down(api: API, owner: Connection) -> None:
    user_id = register(api).json["id"]
    event = owner.execute(text("SELECT actor_id, action, object_id, after FROM audit_events")).one()
    assert tuple(event) == (None, "user_created", str(user_id), {"role": "student"})

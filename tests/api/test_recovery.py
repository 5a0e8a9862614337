"""Forgotten names and passwords: what is answered, what is written, and what a link does."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.accounts import recovery
from chalicelib.core import database

from .conftest import API, PASSWORD, patient

NEW_PASSWORD = "A quite different phrase"
PATHS = ("/auth/forgot-username", "/auth/forgot-password")


def link(api: API, name: str = "chloe", lifetime_seconds: int = 1800) -> str:
    with database.transaction() as connection:
        return recovery.issue_recovery_token(connection, api.callers[name].id, lifetime_seconds)


def reset(api: API, token: str, new_password: str = NEW_PASSWORD) -> Any:
    return api.post("/auth/reset-password", body={"token": token, "new_password": new_password})


@pytest.mark.parametrize("path", PATHS)
def test_the_answer_and_what_is_written_are_the_same_for_known_and_unknown(
    api: API, owner: Connection, path: str
) -> None:
    owner.execute(text("UPDATE users SET active = false WHERE username = 'dai'"))
    owner.commit()
    addresses = [f"{name}@rollcall.example" for name in ("chloe", "dai", "nobody")]
    answers = [api.post(path, body={"email": address}) for address in addresses]
    assert {answer.status for answer in answers} == {202}
    assert len({answer.body for answer in answers}) == 1
    assert len({tuple(sorted(a.headers.keys() - {"X-Request-Id"})) for a in answers}) == 1
    rows = owner.execute(text("SELECT kind, user_id, address, state FROM mails ORDER BY id")).all()
    kind = path.removeprefix("/auth/").replace("-", "_")
    assert [tuple(row) for row in rows] == [(kind, None, a, "queued") for a in addresses]
    assert owner.execute(text("SELECT count(*) FROM recovery_tokens")).scalar_one() == 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("address", ["chloe", "a@b", "", None, "x\ny@z.example", ["a@b.example"]])
def test_what_is_no_address_is_told(api: API, path: str, address: Any) -> None:
    assert api.post(path, body={"email": address}).status == 422


def test_a_link_sets_the_password_once(api: API, owner: Connection) -> None:
    token = link(api)
    assert reset(api, token).status == 204
    again = reset(api, token, "Yet another good phrase")
    assert (again.status, again.code) == (400, "invalid_token")
    login = {"username": "chloe", "password": NEW_PASSWORD}
    assert api.post("/auth/login", body=login).status == 200
    assert api.post("/auth/login", body=login | {"password": PASSWORD}).status == 401
    mails = owner.execute(text("SELECT kind, user_id FROM mails")).all()
    assert [tuple(row) for row in mails] == [("password_changed", api.callers["chloe"].id)]


def test_a_link_ends_every_session_and_every_other_link(api: API) -> None:
    login = {"username": "chloe", "password": PASSWORD}
    tokens = api.post("/auth/login", body=login).json
    first, second = link(api), link(api)
    assert reset(api, second).status == 204
    assert api.get("/auth/me", as_="chloe").status == 401
    body = {"refresh_token": tokens["refresh_token"]}
    assert api.post("/auth/refresh", body=body).status == 401
    assert reset(api, first).code == "invalid_token"
    assert api.get("/auth/me", as_="dai").status == 200


def test_a_link_lets_in_who_was_locked_out(api: API) -> None:
    for n in range(11):
        api.post("/auth/login", body={"username": "chloe", "password": "x"}, ip=f"10.0.0.{n}")
    assert reset(api, link(api)).status == 204
    login = {"username": "chloe", "password": NEW_PASSWORD}
    assert api.post("/auth/login", body=login).status == 200


def test_an_invited_user_sets_the_first_password(api: API, owner: Connection) -> None:
    owner.execute(text("UPDATE users SET password_hash = NULL WHERE username = 'chloe'"))
    owner.commit()
    assert reset(api, link(api)).status == 204
    login = {"username": "chloe", "password": NEW_PASSWORD}
    assert api.post("/auth/login", body=login).status == 200


def test_a_password_that_breaks_a_rule_leaves_the_link_good(api: API) -> None:
    token = link(api)
    answer = reset(api, token, "chloe-and-chloe-again")
    assert (answer.status, answer.fields) == (422, {"new_password": "personal"})
    assert reset(api, token).status == 204


@pytest.mark.parametrize("token", ["x", "é", "A" * 43, "A" * 200, "' OR 1=1 --"])
def test_a_link_that_was_never_sent(api: API, token: str) -> None:
    answer = reset(api, token)
    assert (answer.status, answer.code) == (400, "invalid_token")


def test_a_link_that_expired_looks_the_same(api: API) -> None:
    expired, unknown = reset(api, link(api, lifetime_seconds=-1)), reset(api, "x")
    assert expired.json | {"request_id": ""} == unknown.json | {"request_id": ""}


@pytest.mark.parametrize(
    "change",
    ["active = false", "email = 'elsewhere@rollcall.example'"],
)
def test_a_link_ends_when_its_mailbox_or_its_user_does(
    api: API, owner: Connection, change: str
) -> None:
    token = link(api)
    owner.execute(text(f"UPDATE users SET {change} WHERE username = 'chloe'"))
    owner.commit()
    assert reset(api, token).code == "invalid_token"


def test_the_database_knows_no_token(api: API, owner: Connection) -> None:
    token = link(api)
    login = api.post("/auth/login", body={"username": "chloe", "password": PASSWORD}).json
    kept = str(
        owner.execute(text("SELECT encode(token_hash, 'escape') FROM recovery_tokens")).all()
    )
    kept += str(
        owner.execute(text("SELECT encode(token_hash, 'escape') FROM refresh_tokens")).all()
    )
    assert token not in kept
    assert login["refresh_token"] not in kept


_api_of_children: list[API] = []


def _reset_as_child(token: str) -> int:
    body = {"token": token, "new_password": NEW_PASSWORD}
    return patient(_api_of_children[-1], "/auth/reset-password", body)


def test_of_many_who_use_a_link_at_once_one_sets_the_password(api: API) -> None:
    _api_of_children.append(api)
    with multiprocessing.get_context("fork").Pool(6) as pool:
        statuses = Counter(pool.map(_reset_as_child, [link(api)] * 6, chunksize=1))
    assert statuses == {204: 1, 400: 5}

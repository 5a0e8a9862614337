"""How often strangers may try, and that nobody who is signed in has to suffer for it."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.accounts import limits
from chalicelib.accounts.errors import TooManyAttempts
from chalicelib.accounts.limits import Limit
from chalicelib.core import database
from chalicelib.core.settings import reset_settings

from .conftest import API, PASSWORD, Answer


def try_login(api: API, name: str = "chloe", password: str = "wrong", ip: str = "10.0.0.1") -> Any:
    return api.post("/auth/login", body={"username": name, "password": password}, ip=ip)


def age_attempts(owner: Connection, seconds: int) -> None:
    """Let that much time pass for every count."""
    owner.execute(
        text(
            "UPDATE attempts SET hits = ARRAY(SELECT hit - CAST(:age AS interval)"
            " FROM unnest(hits) hit), expires_at = expires_at - CAST(:age AS interval)"
        ),
        {"age": timedelta(seconds=seconds)},
    )
    owner.commit()


def is_limited(answer: Answer, at_most_seconds: int) -> bool:
    if answer.status != 429:
        return False
    assert answer.code == "too_many_attempts"
    assert 1 <= int(answer.headers["Retry-After"]) <= at_most_seconds
    return True


@pytest.mark.parametrize("name", ["chloe", "nobody", "nobody@rollcall.example"])
def test_the_eleventh_failure_of_an_account_in_a_quarter_hour_waits(
    api: API, owner: Connection, name: str
) -> None:
    statuses = [try_login(api, name, ip=f"10.0.0.{n}").status for n in range(10)]
    assert statuses == [401] * 10
    assert is_limited(try_login(api, name, PASSWORD, ip="10.0.1.1"), 900)
    age_attempts(owner, 880)
    assert is_limited(try_login(api, name, PASSWORD, ip="10.0.1.2"), 20)
    age_attempts(owner, 21)
    assert try_login(api, name, PASSWORD, ip="10.0.1.3").status == (200 if name == "chloe" else 401)


def test_an_account_is_one_by_whichever_name(api: API) -> None:
    names = ["chloe", "CHLOE", "chloe@rollcall.example", " Chloe@Rollcall.Example "]
    for n in range(10):
        assert try_login(api, names[n % 4]).status == 401
    assert all(is_limited(try_login(api, name), 900) for name in names)
    assert try_login(api, "dai").status == 401


def test_who_knocks_on_does_not_make_it_longer(api: API, owner: Connection) -> None:
    for _ in range(10):
        try_login(api)
    age_attempts(owner, 600)
    for _ in range(20):
        assert is_limited(try_login(api), 301)
    age_attempts(owner, 301)
    assert try_login(api).status == 401


def test_the_right_password_clears_the_count_of_the_account(api: API) -> None:
    for _ in range(2):
        for n in range(9):
            assert try_login(api, ip=f"10.0.0.{n}").status == 401
        assert try_login(api, password=PASSWORD).status == 200


def test_fifty_failures_from_an_address_are_enough(api: API) -> None:
    for n in range(50):
        assert try_login(api, f"nobody{n}").status == 401
    assert is_limited(try_login(api, "dai", PASSWORD), 900)
    assert try_login(api, "dai", PASSWORD, ip="10.0.0.2").status == 200


def test_a_good_login_counts_for_nothing_and_forgives_no_failure_of_its_address(api: API) -> None:
    for n in range(49):
        assert try_login(api, f"nobody{n}").status == 401
    for _ in range(3):
        assert try_login(api, "dai", PASSWORD).status == 200
    assert try_login(api, "nobody50").status == 401
    assert is_limited(try_login(api, "nobody51"), 900)


def test_the_addresses_of_one_ipv6_site_are_one(api: API) -> None:
    for n in range(50):
        assert try_login(api, f"nobody{n}", ip=f"2001:db8:1:2::{n:x}").status == 401
    assert is_limited(try_login(api, "nobody", ip="2001:db8:1:2:ffff::1"), 900)
    assert try_login(api, "nobody", ip="2001:db8:1:3::1").status == 401


def test_strangers_lock_nobody_out_who_is_signed_in(api: API) -> None:
    mine = api.post("/auth/login", body={"username": "chloe", "password": PASSWORD}).json
    for _ in range(11):
        try_login(api)
    bearer = {"Authorization": f"Bearer {mine['access_token']}"}
    assert api.get("/auth/me", headers=bearer).status == 200
    body = {"current_password": PASSWORD, "new_password": "A quite different phrase"}
    assert api.post("/auth/change-password", body=body, headers=bearer).status == 204
    assert api.post("/auth/refresh", body={"refresh_token": mine["refresh_token"]}).status == 200


def test_a_borrowed_session_cannot_guess_the_password(api: API) -> None:
    body = {"current_password": "wrong", "new_password": "A quite different phrase"}
    for _ in range(10):
        assert api.post("/auth/change-password", as_="chloe", body=body).status == 422
    assert is_limited(api.post("/auth/change-password", as_="chloe", body=body), 900)
    assert api.get("/auth/me", as_="chloe").status == 200
    assert try_login(api, password=PASSWORD).status == 200


def test_a_new_password_that_breaks_a_rule_is_no_guess_at_the_present_one(api: API) -> None:
    body = {"current_password": PASSWORD, "new_password": "short"}
    for _ in range(12):
        assert api.post("/auth/change-password", as_="chloe", body=body).status == 422
    body["new_password"] = "A quite different phrase"
    assert api.post("/auth/change-password", as_="chloe", body=body).status == 204


def test_registrations_of_an_address_are_counted_the_refused_ones_too(
    api: API, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRATIONS_PER_ADDRESS", "3")
    reset_settings()

    def register(name: str, ip: str = "10.0.0.1") -> Any:
        body = {"username": name, "email": f"{name}@new.example", "password": PASSWORD}
        return api.post("/auth/register", body=body, ip=ip)

    assert [register(name).status for name in ("new1", "chloe", "new2")] == [201, 409, 201]
    assert is_limited(register("new3"), 3600)
    assert register("new3", ip="10.0.0.2").status == 201


def test_a_mailbox_gets_only_so_many_and_nobody_is_told(
    api: API, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILS_PER_ACCOUNT", "3")
    reset_settings()
    for address in ("chloe@rollcall.example", "nobody@rollcall.example"):
        for n, path in enumerate(["/auth/forgot-password", "/auth/forgot-username"] * 3):
            answer = api.post(path, body={"email": address.title()}, ip=f"10.0.0.{n}")
            assert answer.status == 202
    count = text("SELECT lower(address), count(*) FROM mails GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in owner.execute(count)] == [
        ("chloe@rollcall.example", 3),
        ("nobody@rollcall.example", 3),
    ]


def test_an_address_asks_for_only_so_many_mails(api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILS_PER_ADDRESS", "2")
    reset_settings()
    for name, expected in (("chloe", 202), ("nobody", 202), ("chloe", 429), ("nobody", 429)):
        answer = api.post("/auth/forgot-password", body={"email": f"{name}@rollcall.example"})
        assert answer.status == expected
        assert answer.status == 202 or is_limited(answer, 3600)


def test_what_is_kept_names_nobody(api: API, owner: Connection) -> None:
    try_login(api, "nobody@secret.example", ip="203.0.113.77")
    kept = str(owner.execute(text("SELECT kind, encode(subject, 'escape') FROM attempts")).all())
    assert "secret" not in kept
    assert "203.0" not in kept


LIMIT = Limit("test", "somebody", 5, 900)
_ready: list[Any] = []


def _take(_: int) -> bool:
    _ready[-1].wait(10)
    try:
        with database.transaction() as connection:
            limits.take(connection, [LIMIT, LIMIT._replace(kind="other", most=100)])
    except TooManyAttempts:
        return False
    return True


def test_of_forty_tries_at_once_five_are_let_through(clean_database: None) -> None:
    fork = multiprocessing.get_context("fork")
    _ready.append(fork.Barrier(8))
    with fork.Pool(8) as pool:
        assert Counter(pool.map(_take, range(40), chunksize=1)) == {True: 5, False: 35}


def test_counts_are_forgotten_when_their_time_is_over(clean_database: None, owner: Any) -> None:
    with database.transaction() as connection:
        limits.take(connection, [LIMIT, LIMIT._replace(subject="another")])
        assert limits.expire_attempts(connection, 10) == 0
    age_attempts(owner, 901)
    with database.transaction() as connection:
        assert limits.expire_attempts(connection, 1) == 1
        assert limits.expire_attempts(connection, 10) == 1

"""No secret that comes in or goes out is in any log line, whatever goes wrong on the way."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import text

from chalicelib.accounts import recovery, service
from chalicelib.accounts.keys import signing_keys
from chalicelib.core import database

from .conftest import API

SECRET = "Seeded-Secret-2026"
PERSON = {"username": "femi", "email": "femi@new.example", "password": SECRET}


def test_no_secret_is_logged(
    api: API, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = [SECRET, signing_keys()[0].secret.decode()]
    assert api.post("/auth/register", body=PERSON).status == 201
    assert api.post("/auth/register", body=PERSON).status == 409
    assert api.post("/auth/register", body=PERSON | {"extra": SECRET}).status == 422
    assert api.post("/auth/register", raw=f'{{"password": "{SECRET}"'.encode()).status == 400
    tokens = api.post("/auth/login", body={"username": "femi", "password": SECRET}).json
    for name in ("femi", "nobody", SECRET):
        wrong = {"username": name, "password": f"{SECRET}-wrong"}
        assert api.post("/auth/login", body=wrong).status == 401
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    change = {"current_password": SECRET, "new_password": f"{SECRET}-new"}
    assert api.post("/auth/change-password", body=change, headers=bearer).status == 204
    assert api.post("/auth/change-password", body=change, headers=bearer).status == 422
    forged = {"Authorization": f"Bearer {tokens['access_token']}x"}
    assert api.get("/auth/me", headers=forged).status == 401
    refresh = {"refresh_token": tokens["refresh_token"]}
    fresh = api.post("/auth/refresh", body=refresh).json
    assert api.post("/auth/refresh", body=refresh).status == 401
    with database.transaction() as connection:
        link = recovery.issue_recovery_token(connection, api.callers["chloe"].id, 1800)
    reset = {"token": link, "new_password": f"{SECRET}-reset"}
    assert api.post("/auth/reset-password", body=reset | {"new_password": "chloe"}).status == 422
    assert [api.post("/auth/reset-password", body=reset).status for _ in range(2)] == [204, 400]
    secrets += [link, *tokens.values(), *fresh.values()]

    # what Postgres says when it refuses a row quotes the row
    def refuse(connection: Any, *_: Any) -> None:
        connection.execute(
            text(
                "INSERT INTO users (username, email, role, password_hash)"
                " VALUES ('x', 'y', 'none', :hash)"
            ),
            {"hash": SECRET},
        )

    monkeypatch.setattr(service, "register", refuse)
    answer = api._gateway.handle(
        "POST", "/auth/register", "", {"Content-Type": "application/json"}, b"{}"
    )
    assert answer[0] == 422
    with pytest.raises(AssertionError):
        api.post("/auth/register", body=PERSON | {"username": "femi2"})

    log = written.getvalue()
    assert "request_failed" in log
    assert log.count('"event": "request"') > 15
    secrets = [secret for secret in map(str, secrets) if secret not in ("Bearer", "900")]
    assert [secret for secret in secrets if secret in log] == []

"""Tokens that must not open anything, on every route that is not open to all."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from sqlalchemy import Connection, text

from chalicelib.accounts import recovery, tokens
from chalicelib.accounts.keys import signing_keys
from chalicelib.api import registry
from chalicelib.core import database
from chalicelib.core.clock import utc_now
from chalicelib.core.settings import reset_settings

from .conftest import API, PASSWORD

PROTECTED = [endpoint for endpoint in registry.endpoints() if endpoint.roles is not None]


def token(api: API, algorithm: str = "HS256", **changes: Any) -> str:
    """Make a token as ours are, of amara's session, with some of it changed; None leaves it out."""
    now = utc_now()
    key, session = signing_keys()[0], api.sessions["amara"]
    header: dict[str, Any] = {"kid": key.id, "typ": "at+jwt"} | changes.pop("header", {})
    secret = changes.pop("secret", key.secret)
    claims: dict[str, Any] = {
        "iss": "rollcall",
        "aud": "rollcall-api",
        "typ": "access",
        "sub": str(api.callers["amara"].id),
        "username": "amara",
        "role": "manager",
        "sid": session.id,
        "ver": session.access_version,
        "jti": "1",
        "iat": now,
        "exp": now + timedelta(minutes=5),
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    header = {name: value for name, value in header.items() if value is not None}
    if algorithm == "none":
        secret = None
    return jwt.encode(claims, secret, algorithm=algorithm, headers=header)


def with_claims_of(signed: str, other: str) -> str:
    """Put the claims of one token under the signature of another."""
    header, _, signature = signed.split(".")
    return ".".join((header, other.split(".")[1], signature))


def refresh_token(api: API) -> str:
    login = {"username": "amara", "password": PASSWORD}
    return str(api.post("/auth/login", body=login).json["refresh_token"])


def reset_token(api: API) -> str:
    with database.transaction() as connection:
        return recovery.issue_recovery_token(connection, api.callers["amara"].id, 1800)


def shortened_id(api: API) -> str:
    real = api.token("amara")
    return real[: real.rindex(".")] + "." + urlsafe_b64encode(b"\0" * 32).decode().rstrip("=")


ANOTHER = b"another key that nobody of us has ever had"
FORGED: dict[str, Callable[[API], str]] = {
    "garbage": lambda _: "abc.def.ghi",
    "not ascii": lambda _: "é.é.é",
    "far too long": lambda api: api.token("amara") + "A" * 5000,
    "a signature of zeroes": shortened_id,
    "another key": lambda api: token(api, secret=ANOTHER),
    "no signature": lambda api: token(api, "none"),
    "no signature, said in capitals": lambda api: token(api, "none").replace("none", "NONE"),
    "another algorithm": lambda api: token(api, "HS512", secret=signing_keys()[0].secret * 2),
    "no key named": lambda api: token(api, header={"kid": None}),
    "an unknown key named": lambda api: token(api, header={"kid": "../../dev/null"}),
    "another type in its header": lambda api: token(api, header={"typ": "JWT"}),
    "expired": lambda api: token(api, exp=utc_now() - timedelta(seconds=1)),
    "not yet": lambda api: token(api, nbf=utc_now() + timedelta(hours=1)),
    "from the future": lambda api: token(api, iat=utc_now() + timedelta(hours=1)),
    "another issuer": lambda api: token(api, iss="elsewhere"),
    "another audience": lambda api: token(api, aud="elsewhere"),
    "a refresh token by its type": lambda api: token(api, typ="refresh"),
    "a refresh token": refresh_token,
    "a token that resets a password": reset_token,
    "an unknown role": lambda api: token(api, role="god"),
    "a role that is no word": lambda api: token(api, role=["manager"]),
    "no expiry": lambda api: token(api, exp=None),
    "no subject": lambda api: token(api, sub=None),
    "no id in the subject": lambda api: token(api, sub="amara"),
    "no name": lambda api: token(api, username=None),
    "no session": lambda api: token(api, sid=None),
    "a session that never was": lambda api: token(api, sid=10**12),
    "an older version of the session": lambda api: token(api, ver=0),
    "a changed subject": lambda api: with_claims_of(
        token(api), token(api, sub=str(api.callers["rosa"].id))
    ),
    "a changed role": lambda api: with_claims_of(api.token("chloe"), token(api, role="manager")),
}


def bearing(given: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {given}"}


def ask(api: API, endpoint: registry.Endpoint, given: str) -> tuple[int, str]:
    path = re.sub(r"\{\w+\}", "1", endpoint.path)
    raw = None if endpoint.method in ("GET", "DELETE") else b"{}"
    answer = api(endpoint.method, path, raw=raw, headers=bearing(given))
    return answer.status, answer.code


def test_a_token_made_as_ours_are_holds(api: API) -> None:
    assert api.get("/auth/me", headers=bearing(token(api))).json["username"] == "amara"


@pytest.mark.parametrize("forgery", FORGED)
def test_a_token_that_does_not_hold_opens_no_route(api: API, forgery: str) -> None:
    forged = FORGED[forgery](api)
    answers = {(e.method, e.path): ask(api, e, forged) for e in PROTECTED}
    assert answers == dict.fromkeys(answers, (401, "invalid_token"))


def _log_out(api: API, _: Connection) -> str:
    login = api.post("/auth/login", body={"username": "amara", "password": PASSWORD}).json
    assert api.post("/auth/logout", body={"refresh_token": login["refresh_token"]}).status == 204
    return str(login["access_token"])


def _deactivate(api: API, owner: Connection) -> str:
    before = api.token("rosa")
    owner.execute(text("UPDATE users SET active = false WHERE username = 'rosa'"))
    owner.commit()
    return before


def _change_role(api: API, owner: Connection) -> str:
    before = api.token("rosa")
    owner.execute(text("UPDATE users SET role = 'teacher' WHERE username = 'rosa'"))
    owner.commit()
    return before


def _reset(api: API, _: Connection) -> str:
    before = api.token("amara")
    body = {"token": reset_token(api), "new_password": "A quite different phrase"}
    assert api.post("/auth/reset-password", body=body).status == 204
    return before


def _change_password_elsewhere(api: API, _: Connection) -> str:
    elsewhere = api.post("/auth/login", body={"username": "amara", "password": PASSWORD}).json
    body = {"current_password": PASSWORD, "new_password": "A quite different phrase"}
    bearer = bearing(elsewhere["access_token"])
    assert api.post("/auth/change-password", body=body, headers=bearer).status == 204
    assert api.get("/auth/me", headers=bearer).status == 200
    return api.token("amara")


@pytest.mark.parametrize(
    "end", [_log_out, _deactivate, _change_role, _reset, _change_password_elsewhere]
)
def test_a_token_whose_session_ended_opens_no_route(
    api: API, owner: Connection, end: Callable[[API, Connection], str]
) -> None:
    ended = end(api, owner)
    answers = {(e.method, e.path): ask(api, e, ended) for e in PROTECTED}
    assert answers == dict.fromkeys(answers, (401, "invalid_token"))


def test_a_token_that_held_before_ends_in_time(api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    bearer = bearing(api.token("rosa"))
    assert api.get("/auth/me", headers=bearer).status == 200
    later = (utc_now() + timedelta(seconds=901)).timestamp()
    monkeypatch.setattr(tokens.time, "time", lambda: later)
    assert api.get("/auth/me", headers=bearer).code == "invalid_token"


def test_a_rotated_key_lets_the_tokens_of_the_one_before_it_end_in_peace(
    api: API, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bearing(api.token("rosa"))
    old = signing_keys()[0]
    monkeypatch.setenv("JWT_SECRET", "the next key, which is as long as it has to be")
    monkeypatch.setenv("JWT_SECRET_PREVIOUS", old.secret.decode())
    reset_settings()
    after = api.token("rosa")
    assert jwt.get_unverified_header(after)["kid"] != old.id
    assert [api.get("/auth/me", headers=h).status for h in (before, bearing(after))] == [200, 200]
    monkeypatch.delenv("JWT_SECRET_PREVIOUS")
    reset_settings()
    answers = [api.get("/auth/me", headers=h).status for h in (before, bearing(after))]
    assert answers == [401, 200]


def test_the_check_of_the_session_is_no_query_more(
    api: API, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.core.flight import FlightConnection

    sent: list[bytes] = []
    fly = FlightConnection._fly
    bearer = bearing(api.token("rosa"))
    assert api.get("/auth/me", headers=bearer).status == 200

    def noted(self: FlightConnection, flight: bytes, context: Any) -> Any:
        sent.append(flight)
        return fly(self, flight, context)

    monkeypatch.setattr(FlightConnection, "_fly", noted)
    assert api.get("/auth/me", headers=bearer).status == 200
    assert api.get("/api/courses", headers=bearer).status == 200
    assert [flight.count(b"SELECT * FROM (") for flight in sent] == [1, 1]
    assert all(b"require_session" in flight for flight in sent)

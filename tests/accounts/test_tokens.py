"""Access tokens below HTTP: the key, and the digest that is derived from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.accounts import tokens
from chalicelib.accounts.errors import InvalidToken
from chalicelib.accounts.rules import Caller
from chalicelib.accounts.tokens import SessionName
from chalicelib.core.clock import utc_now
from chalicelib.core.settings import SettingMissing, reset_settings
from chalicelib.integrations.keyring import WeakKey

ROSA = Caller(2, "rosa", "registrar")
SESSION = SessionName(7, 3)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    reset_settings()
    yield monkeypatch
    monkeypatch.undo()
    reset_settings()


def test_a_token_brings_back_its_caller(secret: pytest.MonkeyPatch) -> None:
    token = tokens.issue_access_token(ROSA, SESSION, utc_now()).token
    assert tokens.read_access_token(token) == (ROSA, SESSION)
    assert tokens.read_access_token(token) == (ROSA, SESSION)


def test_a_token_of_a_clock_that_is_minutes_ahead_holds(secret: pytest.MonkeyPatch) -> None:
    ahead = tokens.issue_access_token(ROSA, SESSION, utc_now() + timedelta(minutes=4)).token
    assert tokens.read_access_token(ahead) == (ROSA, SESSION)
    too_far = tokens.issue_access_token(ROSA, SESSION, utc_now() + timedelta(minutes=6)).token
    with pytest.raises(InvalidToken):
        tokens.read_access_token(too_far)


def test_two_tokens_of_one_second_differ(secret: pytest.MonkeyPatch) -> None:
    now = utc_now()
    issued = {tokens.issue_access_token(ROSA, SESSION, now).token for _ in range(2)}
    assert len(issued) == 2


def test_a_new_key_ends_the_old_tokens(secret: pytest.MonkeyPatch) -> None:
    token = tokens.issue_access_token(ROSA, SESSION, utc_now()).token
    assert tokens.read_access_token(token) == (ROSA, SESSION)
    secret.setenv("JWT_SECRET", "another key for tests that is long enough")
    reset_settings()
    with pytest.raises(InvalidToken):
        tokens.read_access_token(token)


def test_a_short_key_is_refused(secret: pytest.MonkeyPatch) -> None:
    secret.setenv("JWT_SECRET", "x" * 31)
    reset_settings()
    with pytest.raises(WeakKey, match="32 bytes"):
        tokens.issue_access_token(ROSA, SESSION, utc_now())


def test_a_missing_key_is_named(secret: pytest.MonkeyPatch) -> None:
    secret.setenv("JWT_SECRET", "")
    secret.setenv("JWT_SECRET_ARN", "")
    reset_settings()
    with pytest.raises(SettingMissing, match="JWT_SECRET"):
        tokens.read_access_token("x.y.z")


def test_a_keyed_digest_depends_on_purpose_data_and_key(secret: pytest.MonkeyPatch) -> None:
    first = tokens.keyed_digest("idempotency", b"body")
    assert first == tokens.keyed_digest("idempotency", b"body")
    assert first != tokens.keyed_digest("other", b"body")
    assert first != tokens.keyed_digest("idempotency", b"other")
    secret.setenv("JWT_SECRET", "another key for tests that is long enough")
    reset_settings()
    assert first != tokens.keyed_digest("idempotency", b"body")

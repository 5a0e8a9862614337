"""Secrets by ARN, on moto and on the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.core.settings import reset_settings
from chalicelib.integrations import secrets
from chalicelib.integrations.aws import reset_clients
from chalicelib.integrations.errors import SecretMissing, SecretsAway


@pytest.fixture
def make_secret(cloud: Any) -> Iterator[Callable[[str], str]]:
    client = cloud.client("secretsmanager")
    made: list[str] = []

    def make(text: str) -> str:
        arn: str = client.create_secret(
            Name=f"rollcall-{cloud.unique}-{len(made)}", SecretString=text
        )["ARN"]
        made.append(arn)
        return arn

    yield make
    for arn in made:
        client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def test_a_secret_is_fetched_once(cloud: Any, make_secret: Callable[[str], str]) -> None:
    arn = make_secret("first")
    assert secrets.get_secret(arn) == "first"
    cloud.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="rotated")
    assert secrets.get_secret(arn) == "first"
    secrets.forget_secret(arn)
    assert secrets.get_secret(arn) == "rotated"


def test_a_rotated_secret_is_noticed_after_a_while(
    cloud: Any, make_secret: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = make_secret("first")
    assert secrets.get_secret(arn) == "first"
    cloud.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="rotated")
    monkeypatch.setattr(secrets, "_REMEMBERED_SECONDS", 0)
    assert secrets.get_secret(arn) == "rotated"


def test_a_login_has_two_parts(make_secret: Callable[[str], str]) -> None:
    arn = make_secret(json.dumps({"username": "rollcall_app", "password": "p", "engine": "x"}))
    assert secrets.get_login(arn) == ("rollcall_app", "p")


@pytest.mark.parametrize("text", ["not json", "[]", "{}", '{"username": "a"}'])
def test_another_shape_is_no_login_and_is_not_shown(
    make_secret: Callable[[str], str], text: str
) -> None:
    arn = make_secret(text)
    with pytest.raises(SecretMissing) as caught:
        secrets.get_login(arn)
    assert str(caught.value) == arn
    assert caught.value.__cause__ is None


def test_a_missing_secret_says_so(cloud: Any) -> None:
    with pytest.raises(SecretMissing):
        secrets.get_secret(f"rollcall-none-{cloud.unique}")


def test_an_unreachable_service_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    reset_settings()
    reset_clients()
    try:
        with pytest.raises(SecretsAway):
            secrets.get_secret("arn:aws:secretsmanager:eu-central-1:1:secret:x")
    finally:
        monkeypatch.undo()
        reset_settings()
        reset_clients()

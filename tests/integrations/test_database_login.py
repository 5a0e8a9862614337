"""How a new database connection signs in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.core.database import Credentials
from chalicelib.core.settings import SettingMissing, get_settings, reset_settings
from chalicelib.integrations.database_login import database_login


@pytest.fixture(autouse=True)
def _no_login_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("DB_PASSWORD", "DB_SECRET_ARN", "DB_IAM_AUTH"):
        monkeypatch.delenv(name, raising=False)
    yield
    monkeypatch.undo()
    reset_settings()


def _login(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Credentials:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    reset_settings()
    return database_login(get_settings())


def test_a_password_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    login = _login(monkeypatch, DB_USER="rollcall_app", DB_PASSWORD="p", DB_SECRET_ARN="unused")
    assert login == Credentials("rollcall_app", "p")


def test_a_secret_names_the_user_too(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = cloud.client("secretsmanager")
    arn = client.create_secret(
        Name=f"rollcall-{cloud.unique}",
        SecretString=json.dumps({"username": "from_secret", "password": "s"}),
    )["ARN"]
    login = _login(monkeypatch, DB_USER="rollcall_app", DB_SECRET_ARN=arn)
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    assert login == Credentials("from_secret", "s")


def test_a_token_is_signed_for_this_host_port_and_user(
    cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = _login(
        monkeypatch, DB_USER="app", DB_HOST="proxy.example", DB_PORT="5432", DB_IAM_AUTH="true"
    )
    assert login.user == "app"
    signed = urlsplit(f"https://{login.password}")
    assert signed.netloc == "proxy.example:5432"
    query = parse_qs(signed.query)
    assert (query["Action"], query["DBUser"]) == (["connect"], ["app"])
    assert query["X-Amz-Signature"]


def test_none_of_the_three_is_a_named_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingMissing, match="DB_PASSWORD"):
        _login(monkeypatch)

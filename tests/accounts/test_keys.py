"""The signing key out of Secrets Manager, and its rotation while people are signed in."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from localstack_client.session import Session

from chalicelib.accounts import keys, tokens
from chalicelib.accounts.errors import InvalidToken
from chalicelib.accounts.keys import signing_keys
from chalicelib.accounts.rules import Caller
from chalicelib.accounts.tokens import SessionName
from chalicelib.core.clock import utc_now
from chalicelib.core.settings import reset_settings
from chalicelib.integrations import secrets
from chalicelib.integrations.aws import reset_clients
from chalicelib.integrations.errors import SecretsAway

FIRST, SECOND, THIRD = (f"key number {n}, as long as a key has to be" for n in (1, 2, 3))


@pytest.fixture
def rotate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put a new value of the secret that holds the key; the first one is there."""
    session: Any = Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",
        aws_session_token=None,
        region_name=os.environ["AWS_DEFAULT_REGION"],
    )
    client = session.client("secretsmanager")
    arn = client.create_secret(Name=f"rollcall-{uuid.uuid4().hex}", SecretString=FIRST)["ARN"]
    monkeypatch.setenv("JWT_SECRET", "")
    monkeypatch.setenv("JWT_SECRET_ARN", arn)
    monkeypatch.setattr(keys, "_reread_at", float("-inf"))
    reset_settings()
    reset_clients()
    yield lambda value: client.put_secret_value(SecretId=arn, SecretString=value)
    monkeypatch.undo()
    reset_settings()
    secrets.forget_secret(arn)
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def issue() -> str:
    caller, session = Caller(2, "rosa", "registrar"), SessionName(7, 1)
    return tokens.issue_access_token(caller, session, utc_now()).token


def test_a_key_comes_from_its_secret(rotate: Callable[[str], None]) -> None:
    assert [key.secret.decode() for key in signing_keys()] == [FIRST]
    assert tokens.read_access_token(issue()).caller.username == "rosa"


def test_after_a_rotation_old_tokens_hold_and_new_ones_are_signed_anew(
    rotate: Callable[[str], None],
) -> None:
    before = issue()
    rotate(SECOND)
    secrets.forget_secret(os.environ["JWT_SECRET_ARN"])
    assert [key.secret.decode() for key in signing_keys()] == [SECOND, FIRST]
    assert tokens.read_access_token(before) == tokens.read_access_token(issue())
    rotate(THIRD)
    secrets.forget_secret(os.environ["JWT_SECRET_ARN"])
    with pytest.raises(InvalidToken):
        tokens.read_access_token(before)


def test_a_token_of_a_key_that_another_process_knows_already_is_looked_up(
    rotate: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(signing_keys()) == 1
    rotate(SECOND)
    monkeypatch.setenv("JWT_SECRET", SECOND)
    reset_settings()
    of_another = issue()
    monkeypatch.setenv("JWT_SECRET", "")
    reset_settings()
    assert tokens.read_access_token(of_another).caller.username == "rosa"


def test_made_up_keys_make_us_look_once_in_a_while(
    rotate: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_SECRET", "somebody else's key, and a long one it is")
    reset_settings()
    made_up = issue()
    monkeypatch.setenv("JWT_SECRET", "")
    reset_settings()
    signing_keys()
    looks: list[str] = []
    read = secrets._read
    monkeypatch.setattr(
        secrets, "_read", lambda arn, stage: looks.append(stage) or read(arn, stage)
    )
    for _ in range(20):
        with pytest.raises(InvalidToken):
            tokens.read_access_token(made_up)
    assert sorted(looks) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_key_that_was_read_once_outlasts_an_outage(
    rotate: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issue()

    def away(*_: object) -> str:
        raise SecretsAway

    monkeypatch.setattr(secrets, "_read", away)
    monkeypatch.setattr(secrets, "_REMEMBERED_SECONDS", 0)
    assert tokens.read_access_token(token).caller.username == "rosa"
    secrets.forget_secret(os.environ["JWT_SECRET_ARN"])
    with pytest.raises(SecretsAway):
        tokens.read_access_token(token)

"""Secrets by ARN, remembered for a few minutes so that a rotated one is noticed."""

from __future__ import annotations

import json
import time

from chalicelib.integrations.aws import secrets_client
from chalicelib.integrations.errors import SecretMissing, SecretsAway, away_as, refusal_code

_REMEMBERED_SECONDS = 300
_remembered: dict[str, tuple[float, str]] = {}


def get_secret(arn: str) -> str:
    """Return the text of a secret.

    Raises:
        SecretMissing: there is none, or it holds no text.
        SecretsAway: Secrets Manager does not answer.
    """
    from botocore.exceptions import ClientError

    known = _remembered.get(arn)
    if known and time.monotonic() - known[0] < _REMEMBERED_SECONDS:
        return known[1]
    try:
        with away_as(SecretsAway):
            answer = secrets_client().get_secret_value(SecretId=arn)
    except ClientError as refusal:
        if refusal_code(refusal) == "ResourceNotFoundException":
            raise SecretMissing(arn) from refusal
        raise
    if not (text := answer.get("SecretString")):
        raise SecretMissing(arn)
    _remembered[arn] = (time.monotonic(), text)
    return text


def get_login(arn: str) -> tuple[str, str]:
    """Return `username` and `password` of a secret that holds a database login.

    Raises:
        SecretMissing: there is none, or it is not of that shape.
    """
    try:
        login = json.loads(get_secret(arn))
        return str(login["username"]), str(login["password"])
    except (ValueError, KeyError, TypeError):
        raise SecretMissing(arn) from None


def forget_secret(arn: str) -> None:
    """Read a secret anew next time, for a caller whom it no longer lets in."""
    _remembered.pop(arn, None)

"""Secrets by ARN, remembered for a few minutes so that a rotated one is noticed."""

from __future__ import annotations

import json
import logging
import time
from typing import Literal

from chalicelib.integrations.aws import secrets_client
from chalicelib.integrations.errors import SecretMissing, SecretsAway, away_as, refusal_code

log = logging.getLogger(__name__)

# Secrets Manager's own labels: what counts, and what counted before the last rotation.
Stage = Literal["AWSCURRENT", "AWSPREVIOUS"]

_REMEMBERED_SECONDS = 300
_remembered: dict[tuple[str, Stage], tuple[float, str | None]] = {}


def get_secret(arn: str) -> str:
    """Return the text of a secret.

    Raises:
        SecretMissing: there is none, or it holds no text.
        SecretsAway: Secrets Manager does not answer, and did not before.
    """
    text = find_secret(arn, "AWSCURRENT")
    if text is None:
        raise SecretMissing(arn)
    return text


def find_secret(arn: str, stage: Stage) -> str | None:
    """Return the text of a secret as it is, or was before its last rotation.

    What was read once is good enough while Secrets Manager is away.

    Raises:
        SecretsAway: it does not answer, and did not before.
    """
    known = _remembered.get((arn, stage))
    if known and time.monotonic() - known[0] < _REMEMBERED_SECONDS:
        return known[1]
    try:
        text = _read(arn, stage)
    except SecretsAway:
        if known is None:
            raise
        log.warning("secret_not_read_again", extra={"arn": arn})
        text = known[1]
    _remembered[arn, stage] = (time.monotonic(), text)
    return text


def _read(arn: str, stage: Stage) -> str | None:
    from botocore.exceptions import ClientError

    try:
        with away_as(SecretsAway):
            answer = secrets_client().get_secret_value(SecretId=arn, VersionStage=stage)
    except ClientError as refusal:
        if refusal_code(refusal) == "ResourceNotFoundException":
            return None
        raise
    return answer.get("SecretString") or None


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
    _remembered.pop((arn, "AWSCURRENT"), None)
    _remembered.pop((arn, "AWSPREVIOUS"), None)

"""Keys that are settings or secrets: the one that counts, and the one before its last rotation."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Literal, NamedTuple

from chalicelib.core.errors import RollcallError
from chalicelib.core.settings import get_settings
from chalicelib.integrations import secrets

_LEAST_KEY_BYTES = 32


class WeakKey(RollcallError):
    """A key is shorter than what it is for asks (HS256: RFC 7518, section 3.2)."""


class Key(NamedTuple):
    """A key, and the name that is kept beside what was made with it."""

    id: str
    secret: bytes


def read_keys(setting: Literal["jwt_secret", "channel_key"]) -> tuple[Key, ...]:
    """Return the keys of a setting, of its `…_previous`, or of the secret that its `…_arn` names;
    the first one is what counts.

    Raises:
        WeakKey: one has fewer than 32 bytes.
        SettingMissing, SecretMissing, SecretsAway: there is none to be had.
    """
    settings = get_settings()
    arn = getattr(settings, f"{setting}_arn")
    if getattr(settings, setting) is None and arn:
        current = secrets.get_secret(arn)
        previous = secrets.find_secret(arn, "AWSPREVIOUS")
    else:
        before = getattr(settings, f"{setting}_previous")
        current = settings.require(setting)
        previous = before.get_secret_value() if before else None
    return _named(setting, current, previous)


@lru_cache(maxsize=8)
def _named(setting: str, current: str, previous: str | None) -> tuple[Key, ...]:
    keys = []
    for secret in (current, previous):
        if secret is None:
            continue
        if len(secret.encode()) < _LEAST_KEY_BYTES:
            raise WeakKey(f"{setting.upper()} must have at least {_LEAST_KEY_BYTES} bytes.")
        # A digest under a label of its own says nothing about the key.
        name = hashlib.sha256(b"kid\0" + secret.encode()).hexdigest()[:12]
        keys.append(Key(name, secret.encode()))
    return tuple(keys)

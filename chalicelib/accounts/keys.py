"""The keys that access tokens are signed with: the one that counts, and the one before it.

A rotation needs no moment at which everybody is signed out: new tokens are signed with the new
key, tokens of the old one hold until they expire, and `kid` says which is which (RFC 7515, 4.1.4).
"""

from __future__ import annotations

import hashlib
import time
from functools import lru_cache
from typing import NamedTuple

from chalicelib.core.errors import RollcallError
from chalicelib.core.settings import get_settings
from chalicelib.integrations import secrets

_LEAST_KEY_BYTES = 32
_REREAD_SECONDS = 30.0

_reread_at = float("-inf")


class WeakKey(RollcallError):
    """The signing key is shorter than HS256 asks for (RFC 7518, section 3.2)."""


class Key(NamedTuple):
    """A key, and the name that tokens know it by."""

    id: str
    secret: bytes


def signing_keys() -> tuple[Key, ...]:
    """Return the keys whose tokens hold; the first one signs.

    Raises:
        WeakKey: one has fewer than 32 bytes.
        SettingMissing, SecretMissing, SecretsAway: there is none to be had.
    """
    settings = get_settings()
    if settings.jwt_secret is None and settings.jwt_secret_arn:
        current = secrets.get_secret(settings.jwt_secret_arn)
        previous = secrets.find_secret(settings.jwt_secret_arn, "AWSPREVIOUS")
        return _keys(current, previous)
    before = settings.jwt_secret_previous
    return _keys(settings.require("jwt_secret"), before.get_secret_value() if before else None)


def reread_keys() -> bool:
    """Look for a key that we do not know yet; tell whether it was worth it.

    Whoever makes tokens up makes us look once in 30 seconds at the most.
    """
    global _reread_at
    arn = get_settings().jwt_secret_arn
    if arn is None or time.monotonic() - _reread_at < _REREAD_SECONDS:
        return False
    _reread_at = time.monotonic()
    secrets.forget_secret(arn)
    return True


@lru_cache(maxsize=4)
def _keys(current: str, previous: str | None) -> tuple[Key, ...]:
    keys = []
    for secret in (current, previous):
        if secret is None:
            continue
        if len(secret.encode()) < _LEAST_KEY_BYTES:
            raise WeakKey(f"JWT_SECRET must have at least {_LEAST_KEY_BYTES} bytes.")
        # A digest under a label of its own says nothing about the key.
        name = hashlib.sha256(b"kid\0" + secret.encode()).hexdigest()[:12]
        keys.append(Key(name, secret.encode()))
    return tuple(keys)

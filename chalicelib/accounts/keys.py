"""The keys that access tokens are signed with: the one that counts, and the one before it.

A rotation needs no moment at which everybody is signed out: new tokens are signed with the new
key, tokens of the old one hold until they expire, and `kid` says which is which (RFC 7515, 4.1.4).
"""

from __future__ import annotations

import time

from chalicelib.core.settings import get_settings
from chalicelib.integrations import secrets
from chalicelib.integrations.keyring import Key, read_keys

_REREAD_SECONDS = 30.0

_reread_at = float("-inf")


def signing_keys() -> tuple[Key, ...]:
    """Return the keys whose tokens hold; the first one signs.

    Raises:
        WeakKey: one has fewer than 32 bytes.
        SettingMissing, SecretMissing, SecretsAway: there is none to be had.
    """
    return read_keys("jwt_secret")


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

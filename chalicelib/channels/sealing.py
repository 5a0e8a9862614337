"""Secrets of channels, sealed: XChaCha20-Poly1305 by libsodium, under a key that is not kept here.

What a secret is for goes into the seal: it opens for the same purpose only. PyNaCl loads when the
first secret is sealed or opened.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.channels.errors import SecretUnreadable
from chalicelib.integrations.keyring import Key, read_keys

if TYPE_CHECKING:
    from nacl.secret import Aead


class Sealed(NamedTuple):
    """A sealed secret, and the name of the key that opens it."""

    key_id: str
    content: bytes


def seal(secret: str, purpose: str) -> Sealed:
    """Return a secret that opens for one purpose.

    Raises:
        WeakKey, SettingMissing, SecretMissing, SecretsAway: as `keyring.read_keys`.
    """
    key = read_keys("channel_key")[0]
    content = bytes(_box(key).encrypt(secret.encode(), purpose.encode()))
    return Sealed(key.id, content)


def unseal(sealed: Sealed, purpose: str) -> str:
    """Return what was sealed for this purpose.

    Raises:
        SecretUnreadable: its key is not ours any more, or it was sealed for something else.
        WeakKey, SettingMissing, SecretMissing, SecretsAway: as `keyring.read_keys`.
    """
    from nacl.exceptions import CryptoError

    for key in read_keys("channel_key"):
        if key.id == sealed.key_id:
            try:
                return _box(key).decrypt(sealed.content, purpose.encode()).decode()
            except CryptoError:
                raise SecretUnreadable(key.id) from None
    raise SecretUnreadable(sealed.key_id)


def present_key() -> str:
    """Return the name of the key that seals."""
    return read_keys("channel_key")[0].id


def _box(key: Key) -> Aead:
    from nacl.secret import Aead

    # The key is a text of any length; its label keeps it apart from what else is made of it.
    return Aead(hmac.digest(key.secret, b"secrets of channels", hashlib.sha256))

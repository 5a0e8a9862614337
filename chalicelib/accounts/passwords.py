"""Hashing and checking passwords: argon2id with the parameters of OWASP's Password Storage page."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from chalicelib.accounts.rules import normal_password

_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, type=Type.ID)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, parameters and salt included."""
    return _hasher.hash(normal_password(password))


def password_matches(password_hash: str | None, password: str) -> bool:
    """Tell whether the password belongs to the hash.

    Without a hash (nobody, or somebody who has not set a password yet) the same work is done and
    the answer is False, so that the time tells nothing.
    """
    # Made at the first call, whomever that is about.
    nobodys_hash = _nobodys_hash()
    try:
        _hasher.verify(password_hash or nobodys_hash, normal_password(password))
    except (Argon2Error, InvalidHashError):
        return False
    return bool(password_hash)


@cache
def _nobodys_hash() -> str:
    return hash_password("the password of nobody")

"""Opaque tokens: random words that only their holder knows; the database keeps a hash of each.

A plain SHA-256 is enough, since what is hashed is 256 random bits and not a word that somebody
thought of.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

_BYTES = 32
LONGEST_TOKEN = 200


class OpaqueToken(NamedTuple):
    """A new token, and what is kept of it."""

    token: str
    hash: bytes


def new_token() -> OpaqueToken:
    """Make a token of 43 characters that may stand in an URL."""
    token = secrets.token_urlsafe(_BYTES)
    return OpaqueToken(token, hash_of(token))


def may_be_token(given: str) -> bool:
    """Tell whether a text could be a token; what Postgres cannot hold as text is none."""
    return given.isascii() and given.isprintable()


def hash_of(token: str) -> bytes:
    """Return what is kept of a token, whoever made it up."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()

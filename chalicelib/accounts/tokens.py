"""Access tokens: short-lived HS256 JWTs that say who the caller is (RFC 7519, RFC 8725, RFC 9068).

Also the keyed digest that is derived from the same key. A token names its session, and counts only
while that lives: sessions.py.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import jwt

from chalicelib.accounts.errors import InvalidToken
from chalicelib.accounts.keys import reread_keys, signing_keys
from chalicelib.accounts.rules import ROLES, Caller
from chalicelib.core.settings import get_settings
from chalicelib.integrations.keyring import Key

_ALGORITHM = "HS256"
_ISSUER = "rollcall"
_AUDIENCE = "rollcall-api"
_KIND = "access"
_TYPE = "at+jwt"
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "jti"]
_LONGEST_TOKEN = 2048
# Of `iat`, by which a process whose clock is behind would refuse what was just signed (RFC 7519,
# section 4.1.4: a few minutes). An expiry has none: who comes too late refreshes.
_LEEWAY_SECONDS = 300


class SessionName(NamedTuple):
    """The session that a token belongs to, and which of its versions."""

    id: int
    access_version: int


class Claims(NamedTuple):
    """What a token says."""

    caller: Caller
    session: SessionName


class AccessToken(NamedTuple):
    """A signed token and the seconds that it holds."""

    token: str
    expires_in_seconds: int


class _UnknownKey(Exception):
    """A token names a key that we do not have."""


def issue_access_token(caller: Caller, session: SessionName, now: datetime) -> AccessToken:
    """Sign a token for a session of the caller that holds ACCESS_TOKEN_SECONDS from now."""
    lifetime_seconds = get_settings().access_token_seconds
    claims = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "typ": _KIND,
        "sub": str(caller.id),
        "username": caller.username,
        "role": caller.role,
        "sid": session.id,
        "ver": session.access_version,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + timedelta(seconds=lifetime_seconds),
    }
    key = signing_keys()[0]
    headers = {"kid": key.id, "typ": _TYPE}
    token = jwt.encode(claims, key.secret, algorithm=_ALGORITHM, headers=headers)
    return AccessToken(token, lifetime_seconds)


def read_access_token(token: str) -> Claims:
    """Return what a token says.

    Raises:
        InvalidToken: it is not one of ours, was changed, or has expired.
    """
    if len(token) > _LONGEST_TOKEN:
        raise InvalidToken
    try:
        claims, expires_at = _verified(token, signing_keys())
    except _UnknownKey as unknown:
        if not reread_keys():
            raise InvalidToken from unknown
        try:
            claims, expires_at = _verified(token, signing_keys())
        except _UnknownKey:
            raise InvalidToken from unknown
    if expires_at <= time.time():
        raise InvalidToken
    return claims


# A token comes with every request of its holder; what was verified once only has to be in time.
@lru_cache(maxsize=1024)
def _verified(token: str, keys: tuple[Key, ...]) -> tuple[Claims, float]:
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != _TYPE:
            raise InvalidToken
        key = next((key for key in keys if key.id == header.get("kid")), None)
        if key is None:
            raise _UnknownKey
        said: dict[str, Any] = jwt.decode(
            token,
            key.secret,
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            audience=_AUDIENCE,
            leeway=_LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )
        caller = Caller(int(said["sub"]), said["username"], said["role"])
        session = SessionName(said["sid"], said["ver"])
    except (jwt.PyJWTError, KeyError, ValueError) as refused:
        raise InvalidToken from refused
    if said.get("typ") != _KIND or caller.role not in ROLES:
        raise InvalidToken
    return Claims(caller, session), float(said["exp"])


def keyed_digest(purpose: str, data: bytes) -> bytes:
    """Return an HMAC of data that only this installation can compute, separate for each purpose."""
    key = hmac.digest(signing_keys()[0].secret, purpose.encode(), hashlib.sha256)
    return hmac.digest(key, data, hashlib.sha256)

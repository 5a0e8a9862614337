"""Access tokens: short-lived HS256 JWTs that say who the caller is (RFC 7519, RFC 8725).

Also the keyed digest that is derived from the same secret; sessions and refresh tokens do not live
here.
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
from chalicelib.accounts.rules import ROLES, Caller
from chalicelib.core.errors import RollcallError
from chalicelib.core.settings import Settings, get_settings
from chalicelib.integrations import secrets

_ALGORITHM = "HS256"
_ISSUER = "rollcall"
_AUDIENCE = "rollcall-api"
_KIND = "access"
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "jti"]
_LEAST_KEY_BYTES = 32


class WeakKey(RollcallError):
    """The signing key is shorter than HS256 asks for (RFC 7518, section 3.2)."""


class AccessToken(NamedTuple):
    """A signed token and the seconds that it holds."""

    token: str
    expires_in_seconds: int


def issue_access_token(caller: Caller, now: datetime) -> AccessToken:
    """Sign a token for the caller that holds ACCESS_TOKEN_SECONDS from now."""
    settings = get_settings()
    claims = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "typ": _KIND,
        "sub": str(caller.id),
        "username": caller.username,
        "role": caller.role,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + timedelta(seconds=settings.access_token_seconds),
    }
    token = jwt.encode(claims, _signing_key(settings), algorithm=_ALGORITHM)
    return AccessToken(token, settings.access_token_seconds)


def read_access_token(token: str) -> Caller:
    """Return the caller that a token names.

    Raises:
        InvalidToken: it is not one of ours, was changed, or has expired.
    """
    caller, expires_at = _verified(token, _signing_key(get_settings()))
    if expires_at <= time.time():
        raise InvalidToken
    return caller


# A token comes with every request of its holder; what was verified once only has to be in time.
@lru_cache(maxsize=1024)
def _verified(token: str, key: bytes) -> tuple[Caller, float]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            audience=_AUDIENCE,
            options={"require": _REQUIRED},
        )
        caller = Caller(int(claims["sub"]), claims["username"], claims["role"])
    except (jwt.PyJWTError, KeyError, ValueError) as refused:
        raise InvalidToken from refused
    if claims.get("typ") != _KIND or caller.role not in ROLES:
        raise InvalidToken
    return caller, float(claims["exp"])


def keyed_digest(purpose: str, data: bytes) -> bytes:
    """Return an HMAC of data that only this installation can compute, separate for each purpose."""
    key = hmac.digest(_signing_key(get_settings()), purpose.encode(), hashlib.sha256)
    return hmac.digest(key, data, hashlib.sha256)


def _signing_key(settings: Settings) -> bytes:
    if settings.jwt_secret is None and settings.jwt_secret_arn:
        key = secrets.get_secret(settings.jwt_secret_arn).encode()
    else:
        key = settings.require("jwt_secret").encode()
    if len(key) < _LEAST_KEY_BYTES:
        raise WeakKey(f"JWT_SECRET must have at least {_LEAST_KEY_BYTES} bytes.")
    return key

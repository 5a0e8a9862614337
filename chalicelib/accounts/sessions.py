"""Sessions: what a login begins and a logout ends; every request asks whether its own still lives.

An access token names a session and one of its versions. What must end at once (a logout, a new
password, a deactivation) removes the session; what must only be asked anew (a role) raises its
version, and the next refresh brings a token of the new one. A refresh token is good once: one that
comes a second time was stolen, by whoever came first or second, and the session ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from chalicelib.accounts.errors import InvalidToken
from chalicelib.accounts.opaque import hash_of, new_token
from chalicelib.accounts.rules import Caller, Stranger
from chalicelib.accounts.tokens import AccessToken, SessionName, issue_access_token
from chalicelib.audit import service as audit
from chalicelib.audit.service import OnBehalf
from chalicelib.core.preconditions import Precondition
from chalicelib.core.settings import get_settings

# Only if the user is as the password was checked against; the row lock makes a change of password
# or a deactivation that goes on at the same moment wait, and then find this session.
_BEGIN = text(
    """
    WITH signed_in AS (
        SELECT id, username, role FROM users
         WHERE id = :user_id AND active AND password_hash = :password_hash FOR SHARE
    ), begun AS (
        INSERT INTO sessions (user_id, ip, expires_at)
        SELECT id, :ip, now() + CAST(:lifetime AS interval) FROM signed_in
        RETURNING id, access_version, expires_at
    ), issued AS (
        INSERT INTO refresh_tokens (token_hash, session_id, expires_at)
        SELECT :token_hash, id, expires_at FROM begun
    )
    SELECT signed_in.id AS user_id, username, role, begun.id, access_version
      FROM signed_in CROSS JOIN begun
    """
)
_REFRESH = text(
    """
    WITH spent AS (
        UPDATE refresh_tokens SET spent_at = now()
         WHERE token_hash = :old_hash AND spent_at IS NULL AND expires_at > now()
        RETURNING session_id
    ), going_on AS (
        UPDATE sessions
           SET used_at = now(), expires_at = now() + CAST(:lifetime AS interval)
          FROM spent WHERE sessions.id = spent.session_id
        RETURNING sessions.id, user_id, access_version, expires_at
    ), issued AS (
        INSERT INTO refresh_tokens (token_hash, session_id, expires_at)
        SELECT :token_hash, id, expires_at FROM going_on
    )
    SELECT user_id, username, role, going_on.id, access_version
      FROM going_on JOIN users ON users.id = user_id
    """
)
_END = text(
    """
    DELETE FROM sessions
     WHERE id = (SELECT session_id FROM refresh_tokens WHERE token_hash = :token_hash)
    RETURNING user_id
    """
)
_END_OF_SPENT = text(
    """
    DELETE FROM sessions
     WHERE id = (SELECT session_id FROM refresh_tokens
                  WHERE token_hash = :token_hash AND spent_at IS NOT NULL)
    RETURNING user_id
    """
)
_END_OTHERS = text("DELETE FROM sessions WHERE user_id = :user_id AND id <> :kept")
_EXPIRE = text(
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < now()"
    " ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
)
_EXPIRE_TOKENS = text(
    "DELETE FROM refresh_tokens WHERE token_hash IN (SELECT token_hash FROM refresh_tokens"
    " WHERE expires_at < now() ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
)
_NO_SESSION = 0


class SignedIn(NamedTuple):
    """What somebody holds who has just signed in, or refreshed."""

    caller: Caller
    access: AccessToken
    refresh_token: str


def living(session: SessionName) -> Precondition:
    """Return what every request of a session has to ask first (migration 0003)."""
    return Precondition("require_session(%s, %s)", tuple(session), "RC401", InvalidToken)


def begin_session(
    connection: Connection, stranger: Stranger, user_id: int, password_hash: str, now: datetime
) -> SignedIn | None:
    """Begin a session of a user whose password was right; None if that changed meanwhile."""
    issued = new_token()
    row = connection.execute(
        _BEGIN,
        {
            "user_id": user_id,
            "password_hash": password_hash,
            "ip": stranger.ip,
            "lifetime": _lifetime(),
            "token_hash": issued.hash,
        },
    ).one_or_none()
    return _signed_in(row, stranger, issued.token, now) if row else None


def refresh_session(
    connection: Connection, stranger: Stranger, refresh_token: str, now: datetime
) -> SignedIn:
    """Take a refresh token in for new tokens of the same session.

    Raises:
        InvalidToken: it is unknown or expired, or was spent before, which ends the session.
    """
    old_hash, issued = hash_of(refresh_token), new_token()
    row = connection.execute(
        _REFRESH,
        {"old_hash": old_hash, "lifetime": _lifetime(), "token_hash": issued.hash},
    ).one_or_none()
    if row is None:
        user_id = connection.execute(_END_OF_SPENT, {"token_hash": old_hash}).scalar_one_or_none()
        if user_id is not None:
            audit.add(connection, stranger, "authn_token_reuse", "user", user_id)
        raise InvalidToken(keeps_work=True)
    return _signed_in(row, stranger, issued.token, now)


def end_session(connection: Connection, stranger: Stranger, refresh_token: str) -> None:
    """End the session that a refresh token is of, spent or not; an unknown one ends nothing, and
    that is no error (RFC 7009, section 2.2).
    """
    binds = {"token_hash": hash_of(refresh_token)}
    user_id = connection.execute(_END, binds).scalar_one_or_none()
    if user_id is not None:
        who = OnBehalf(user_id, stranger.ip)
        audit.add(connection, who, "authn_token_revoked", "user", user_id)


def end_other_sessions(
    connection: Connection, user_id: int, kept: SessionName | None = None
) -> None:
    """End the sessions of a user, but for the one that is kept."""
    binds = {"user_id": user_id, "kept": kept.id if kept else _NO_SESSION}
    connection.execute(_END_OTHERS, binds)


def expire_sessions(connection: Connection, limit: int) -> int:
    """Remove up to `limit` sessions, and as many refresh tokens, whose time is over."""
    removed = connection.execute(_EXPIRE, {"limit": limit}).rowcount
    return removed + connection.execute(_EXPIRE_TOKENS, {"limit": limit}).rowcount


def _signed_in(row: Row[Any], stranger: Stranger, refresh_token: str, now: datetime) -> SignedIn:
    caller = Caller(row.user_id, row.username, row.role, stranger.ip)
    session = SessionName(row.id, row.access_version)
    return SignedIn(caller, issue_access_token(caller, session, now), refresh_token)


def _lifetime() -> timedelta:
    return timedelta(seconds=get_settings().refresh_token_seconds)

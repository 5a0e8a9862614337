"""The way back into an account: links that set a new password, each good once and for a while."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, text

from chalicelib.accounts.opaque import new_token

RESET_SECONDS = 30 * 60
INVITATION_SECONDS = 7 * 24 * 60 * 60

_ISSUE = text(
    "INSERT INTO recovery_tokens (token_hash, user_id, expires_at)"
    " VALUES (:hash, :user_id, now() + CAST(:lifetime AS interval))"
)


def issue_recovery_token(connection: Connection, user_id: int, lifetime_seconds: int) -> str:
    """Return a token that sets a user's password once, within its time."""
    issued = new_token()
    lifetime = timedelta(seconds=lifetime_seconds)
    binds = {"hash": issued.hash, "user_id": user_id, "lifetime": lifetime}
    connection.execute(_ISSUE, binds)
    return issued.token

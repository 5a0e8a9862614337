"""The way back into an account: mails that remind of a name or bring a link, and what that does.

Whoever asks for a mail learns nothing: the same is written for an address that somebody has and for
one that nobody has, and the difference is made when the mail is sent.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, NamedTuple

from sqlalchemy import Connection, text

from chalicelib.accounts import limits
from chalicelib.accounts.errors import InvalidLink, TooManyAttempts
from chalicelib.accounts.opaque import hash_of, new_token
from chalicelib.accounts.rules import Stranger
from chalicelib.accounts.sessions import end_other_sessions
from chalicelib.audit import service as audit
from chalicelib.mail.service import queue_mail

RESET_SECONDS = 30 * 60
INVITATION_SECONDS = 7 * 24 * 60 * 60

_ISSUE = text(
    "INSERT INTO recovery_tokens (token_hash, user_id, expires_at)"
    " VALUES (:hash, :user_id, now() + CAST(:lifetime AS interval))"
)
_HOLDER = text(
    "SELECT users.id, username, email FROM recovery_tokens JOIN users ON users.id = user_id"
    " WHERE token_hash = :hash AND expires_at > now() AND active"
)
_SPEND = text(
    "DELETE FROM recovery_tokens WHERE token_hash = :hash AND expires_at > now() RETURNING user_id"
)
_SET_PASSWORD = text(
    "UPDATE users SET password_hash = :password_hash, updated_at = now(), version = version + 1"
    " WHERE id = :id AND active"
)
_FORGET_LINKS = text("DELETE FROM recovery_tokens WHERE user_id = :user_id")
_EXPIRE = text(
    "DELETE FROM recovery_tokens WHERE token_hash IN (SELECT token_hash FROM recovery_tokens"
    " WHERE expires_at < now() ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
)


class Holder(NamedTuple):
    """Whose password a link sets."""

    id: int
    username: str
    email: str


def ask_for_mail(
    connection: Connection,
    stranger: Stranger,
    kind: Literal["forgot_username", "forgot_password"],
    address: str,
) -> None:
    """Have a mail sent to whoever has this address, if anybody has; a mailbox that got many within
    the hour gets no more, which is not told either.

    Raises:
        TooManyAttempts: from this network address, whatever was asked for.
    """
    limits.take(connection, [limits.mail_asked_from(stranger.ip)])
    try:
        limits.take(connection, [limits.mail_to(address)])
    except TooManyAttempts:
        return
    queue_mail(connection, kind, address=address)


def issue_recovery_token(connection: Connection, user_id: int, lifetime_seconds: int) -> str:
    """Return a token that sets a user's password once, within its time."""
    issued = new_token()
    lifetime = timedelta(seconds=lifetime_seconds)
    binds = {"hash": issued.hash, "user_id": user_id, "lifetime": lifetime}
    connection.execute(_ISSUE, binds)
    return issued.token


def get_holder(connection: Connection, token: str) -> Holder:
    """Return whose link this is.

    Raises:
        InvalidLink: nobody's, or not any more.
    """
    row = connection.execute(_HOLDER, {"hash": hash_of(token)}).one_or_none()
    if row is None:
        raise InvalidLink
    return Holder(*row)


def reset_password(
    connection: Connection, stranger: Stranger, token: str, password_hash: str
) -> None:
    """Set the password of whoever has the link, which is good no second time; end every session.

    Raises:
        InvalidLink: somebody was faster, or it expired meanwhile.
    """
    user_id = connection.execute(_SPEND, {"hash": hash_of(token)}).scalar_one_or_none()
    binds = {"id": user_id, "password_hash": password_hash}
    if user_id is None or connection.execute(_SET_PASSWORD, binds).rowcount == 0:
        raise InvalidLink
    connection.execute(_FORGET_LINKS, {"user_id": user_id})
    end_other_sessions(connection, user_id)
    limits.forgive(connection, limits.login_of_account(f"id {user_id}"))
    audit.add(connection, stranger, "authn_password_change", "user", user_id)
    queue_mail(connection, "password_changed", user_id=user_id)


def forget_links(connection: Connection, user_id: int) -> None:
    """End every link that would set this user's password."""
    connection.execute(_FORGET_LINKS, {"user_id": user_id})


def expire_links(connection: Connection, limit: int) -> int:
    """Forget up to `limit` links whose time is over; return how many."""
    return connection.execute(_EXPIRE, {"limit": limit}).rowcount

"""Signing in, in two transactions with the work of hashing between them, so that no connection of
the database waits for it. A name that nobody has takes the same steps as one that somebody has.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from chalicelib.accounts import limits
from chalicelib.accounts.errors import InvalidCredentials, TooManyAttempts
from chalicelib.accounts.limits import Limit
from chalicelib.accounts.queries import find_credentials
from chalicelib.accounts.rules import Stranger, canonical_username
from chalicelib.accounts.sessions import SignedIn, begin_session
from chalicelib.audit import service as audit

log = logging.getLogger(__name__)


class Attempt(NamedTuple):
    """A try to sign in that was counted: as whom, if that is anybody, and against which hash."""

    user_id: int | None
    password_hash: str | None
    account: Limit
    address: Limit
    at: datetime


def begin_sign_in(connection: Connection, stranger: Stranger, name: str) -> Attempt:
    """Count a try with a username or e-mail address, and return what to check the password against.

    Raises:
        TooManyAttempts: for this account, or from this network address.
    """
    credentials = find_credentials(connection, name)
    whose = f"name {canonical_username(name)}" if credentials is None else f"id {credentials.id}"
    account, address = limits.login_of_account(whose), limits.login_from(stranger.ip)
    try:
        at = limits.take(connection, [account, address])
    except TooManyAttempts:
        log.warning("authn_login_fail_max")
        raise
    if credentials is None:
        return Attempt(None, None, account, address, at)
    return Attempt(credentials.id, credentials.password_hash, account, address, at)


def finish_sign_in(
    connection: Connection, stranger: Stranger, attempt: Attempt, matches: bool, now: datetime
) -> SignedIn:
    """Begin a session where the password was right, and take the try off the counts.

    Raises:
        InvalidCredentials: it was wrong, nobody has the name, or whoever has it is not active.
    """
    signed_in = None
    if matches and attempt.user_id is not None and attempt.password_hash is not None:
        signed_in = begin_session(connection, stranger, attempt.user_id, attempt.password_hash, now)
    if signed_in is None:
        audit.add(connection, stranger, "authn_login_fail", "user", attempt.user_id)
        raise InvalidCredentials(keeps_work=True)
    limits.forgive(connection, attempt.account)
    limits.give_back(connection, attempt.address, attempt.at)
    audit.add(connection, signed_in.caller, "authn_login_success", "user", attempt.user_id)
    return signed_in

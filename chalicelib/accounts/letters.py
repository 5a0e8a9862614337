"""The mails of an account, each composed from its row when it is sent: what is true then counts.

A link's token is made here, in the transaction of the claim, and stands nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from sqlalchemy import Connection

from chalicelib.accounts.queries import Recipient, find_recipient
from chalicelib.accounts.recovery import (
    INVITATION_SECONDS,
    RESET_SECONDS,
    issue_recovery_token,
)
from chalicelib.core.settings import get_settings
from chalicelib.mail.claims import Mail
from chalicelib.mail.errors import MailSkipped
from chalicelib.mail.letters import Letter, display_name, render
from chalicelib.mail.sending import Composer, Draft

# A mail that was held up for longer answers a question that nobody asks any more.
_FORGOT_FOR = timedelta(hours=24)


def _forgot_username(connection: Connection, mail: Mail) -> Draft:
    user = _still_asking(connection, mail)
    return Draft(user.email, lambda: _letter(mail.kind, user, _sign_in_page()))


def _forgot_password(connection: Connection, mail: Mail) -> Draft:
    user = _still_asking(connection, mail)
    return Draft(
        user.email, lambda: _letter(mail.kind, user, _link(connection, user, RESET_SECONDS))
    )


def _invitation(connection: Connection, mail: Mail) -> Draft:
    user = active_user(connection, mail)
    if user.has_password:
        raise MailSkipped("no_longer_due")
    return Draft(
        user.email, lambda: _letter(mail.kind, user, _link(connection, user, INVITATION_SECONDS))
    )


def _password_changed(connection: Connection, mail: Mail) -> Draft:
    user = active_user(connection, mail)
    return Draft(user.email, lambda: _letter(mail.kind, user, _sign_in_page()))


COMPOSERS: Mapping[str, Composer] = {
    "forgot_username": _forgot_username,
    "forgot_password": _forgot_password,
    "invitation": _invitation,
    "password_changed": _password_changed,
}


class Named(Protocol):
    """Somebody with a name."""

    @property
    def username(self) -> str: ...

    @property
    def full_name(self) -> str: ...


def active_user(connection: Connection, mail: Mail) -> Recipient:
    """Return whom a mail goes to.

    Raises:
        MailSkipped: to nobody, or to nobody who is active.
    """
    user = find_recipient(connection, mail.user_id, mail.address)
    if user is None:
        raise MailSkipped("no_account")
    if not user.active:
        raise MailSkipped("inactive")
    return user


def subscribed_user(connection: Connection, mail: Mail) -> Recipient:
    """Return whom a mail goes to that its reader may do without.

    Raises:
        MailSkipped: to nobody, to nobody who is active, or to somebody who wants none.
    """
    user = active_user(connection, mail)
    if user.wants == "off":
        raise MailSkipped("mail_off")
    return user


def display_of(user: Named) -> str:
    """Return what a mail calls its reader, or somebody else."""
    return display_name(user.full_name) or user.username


def _still_asking(connection: Connection, mail: Mail) -> Recipient:
    if mail.age > _FORGOT_FOR:
        raise MailSkipped("no_longer_due")
    return active_user(connection, mail)


def _letter(kind: str, user: Recipient, link: str) -> Letter:
    values = {"name": display_of(user), "username": user.username, "link": link}
    return render(kind, user.locale, values)


def _link(connection: Connection, user: Recipient, lifetime_seconds: int) -> str:
    token = issue_recovery_token(connection, user.id, lifetime_seconds)
    return f"{get_settings().web_root}/reset-password?token={token}"


def _sign_in_page() -> str:
    return f"{get_settings().web_root}/login"

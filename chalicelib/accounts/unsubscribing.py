"""Links that end mails without signing in (RFC 8058): whoever holds one may turn off the mails of
its owner, and nothing else.

The token is kept as it is: every mail shows it again, and a link in an old mail goes on working.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from chalicelib.accounts.opaque import may_be_token, new_token
from chalicelib.accounts.rules import Stranger
from chalicelib.audit import service as audit
from chalicelib.core.errors import NotFound, found
from chalicelib.core.settings import get_settings
from chalicelib.mail.letters import Locale

_ADD = text(
    "INSERT INTO unsubscribe_links (user_id, token) VALUES (:user_id, :token)"
    " ON CONFLICT (user_id) DO NOTHING"
)
_TOKEN = text("SELECT token FROM unsubscribe_links WHERE user_id = :user_id")
_HOLDER = text(
    """
    SELECT users.id, locale, mail IS NOT DISTINCT FROM 'off' AS is_off
      FROM unsubscribe_links
      JOIN users ON users.id = unsubscribe_links.user_id
      LEFT JOIN notification_preferences ON notification_preferences.user_id = users.id
     WHERE token = :token
    """
)
_TURN_OFF = text(
    """
    INSERT INTO notification_preferences AS kept (user_id, mail) VALUES (:user_id, 'off')
        ON CONFLICT (user_id) DO UPDATE SET mail = 'off' WHERE kept.mail <> 'off'
    """
)


class Holder(NamedTuple):
    """Whose link it is, and whether this user gets no mails already."""

    id: int
    locale: Locale
    is_off: bool


def issue_link(connection: Connection, user_id: int) -> str:
    """Return the URL that ends a user's mails, which is made where there is none yet."""
    connection.execute(_ADD, {"user_id": user_id, "token": new_token().token})
    # Of two at once the first has made it.
    token = connection.execute(_TOKEN, {"user_id": user_id}).scalar_one()
    return f"{get_settings().api_root}/unsubscribe/{token}"


def get_link_holder(connection: Connection, token: str) -> Holder:
    """Return whose mails a link ends.

    Raises:
        NotFound: it is none of ours, or its owner was erased.
    """
    if not may_be_token(token):
        raise NotFound
    row = connection.execute(_HOLDER, {"token": token}).one_or_none()
    return Holder(*found(row))


def unsubscribe(connection: Connection, stranger: Stranger, token: str) -> Holder:
    """Turn off the mails of whoever owns a link; twice changes nothing.

    Raises:
        NotFound: as `get_link_holder`.
    """
    holder = get_link_holder(connection, token)
    if connection.execute(_TURN_OFF, {"user_id": holder.id}).rowcount:
        audit.add(connection, stranger, "mail_unsubscribed", "user", holder.id)
    return holder._replace(is_off=True)

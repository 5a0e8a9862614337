"""The mails of announcements, composed when they are sent: what is true then counts.

Whoever has acknowledged meanwhile, or wants no mails any more, gets none; nor does anybody of what
was withdrawn. The text goes in as plain words, and in full is in Rollcall only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection, text

from chalicelib.accounts.letters import display_of, subscribed_user
from chalicelib.accounts.unsubscribing import issue_link
from chalicelib.announcements.rendering import words_of
from chalicelib.core.settings import get_settings
from chalicelib.mail.claims import Mail
from chalicelib.mail.errors import MailSkipped
from chalicelib.mail.letters import brief, render
from chalicelib.mail.sending import Composer, Draft

MOST_TITLES = 20
_LONGEST_TITLE = 120
_LONGEST_EXCERPT = 600
# One that was held up for longer meets the next one.
_DIGEST_FOR = timedelta(hours=24)

_ANNOUNCEMENT = text(
    """
    SELECT announcements.status, asked_version, title, html,
           username, full_name,
           state = 'acknowledged' AND deliveries.version >= asked_version AS is_acknowledged
      FROM announcements
      JOIN deliveries ON announcement_id = announcements.id
      JOIN users ON users.id = publisher_id
     WHERE announcements.id = :id AND deliveries.user_id = :user_id
    """
)
_WAITING = text(
    """
    SELECT title, username, full_name, count(*) OVER () AS in_all
      FROM deliveries
      JOIN announcements ON announcements.id = announcement_id
      JOIN users ON users.id = publisher_id
     WHERE deliveries.user_id = :user_id AND state <> 'acknowledged' AND status = 'published'
     ORDER BY deliveries.id DESC LIMIT :most
    """
)


def _about_one(connection: Connection, mail: Mail) -> Draft:
    user = subscribed_user(connection, mail)
    binds = {"id": mail.about, "user_id": user.id}
    told = connection.execute(_ANNOUNCEMENT, binds).one_or_none()
    if told is None:
        raise MailSkipped("no_longer_due")
    if told.status != "published":
        raise MailSkipped("withdrawn")
    # A version that asks again has a mail of its own.
    is_old = mail.kind == "announcement_published" and mail.occasion != told.asked_version
    if told.is_acknowledged or is_old:
        raise MailSkipped("no_longer_due")
    values = {
        "name": display_of(user),
        "publisher": display_of(told),
        "title": brief(told.title, _LONGEST_TITLE),
        "excerpt": brief(words_of(told.html), _LONGEST_EXCERPT),
        "link": _inbox(),
    }
    return Draft(
        user.email,
        lambda: render(mail.kind, user.locale, values, unsubscribe=issue_link(connection, user.id)),
    )


def _digest(connection: Connection, mail: Mail) -> Draft:
    user = subscribed_user(connection, mail)
    if user.wants != "digest" or mail.age > _DIGEST_FOR:
        raise MailSkipped("no_longer_due")
    waiting = connection.execute(_WAITING, {"user_id": user.id, "most": MOST_TITLES}).all()
    if not waiting:
        raise MailSkipped("no_longer_due")
    more = waiting[0].in_all - len(waiting)
    values = {"name": display_of(user), "more": str(more) if more else "", "link": _inbox()}
    items = [
        {"title": brief(row.title, _LONGEST_TITLE), "publisher": display_of(row)} for row in waiting
    ]
    return Draft(
        user.email,
        lambda: render(
            mail.kind,
            user.locale,
            values,
            items=items,
            unsubscribe=issue_link(connection, user.id),
        ),
    )


COMPOSERS: Mapping[str, Composer] = {
    "announcement_published": _about_one,
    "announcement_reminder": _about_one,
    "announcement_digest": _digest,
}


def _inbox() -> str:
    return f"{get_settings().web_root}/messages"

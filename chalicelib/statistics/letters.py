"""The mail of statistics: the weekly report, with the figures of the moment at which it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection

from chalicelib.accounts.letters import display_of, subscribed_user
from chalicelib.accounts.rules import STAFF
from chalicelib.accounts.unsubscribing import issue_link
from chalicelib.core.settings import get_settings
from chalicelib.mail.claims import Mail
from chalicelib.mail.errors import MailSkipped
from chalicelib.mail.letters import render
from chalicelib.mail.sending import Composer, Draft
from chalicelib.statistics.queries import get_week

# One that was held up for longer meets the next one.
_REPORT_FOR = timedelta(days=6)


def _weekly_report(connection: Connection, mail: Mail) -> Draft:
    user = subscribed_user(connection, mail)
    if user.role not in STAFF or mail.age > _REPORT_FOR:
        raise MailSkipped("no_longer_due")
    figures = {name: str(value) for name, value in get_week(connection).items()}
    values = figures | {"name": display_of(user), "link": f"{get_settings().web_root}/tasks"}
    return Draft(
        user.email,
        lambda: render(mail.kind, user.locale, values, unsubscribe=issue_link(connection, user.id)),
    )


COMPOSERS: Mapping[str, Composer] = {"weekly_report": _weekly_report}

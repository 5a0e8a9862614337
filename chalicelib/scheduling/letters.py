"""The mails of scheduling, composed when they are sent: what is true then counts."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from chalicelib.accounts.letters import active_user, display_of
from chalicelib.core.settings import get_settings
from chalicelib.mail.claims import Mail
from chalicelib.mail.errors import MailSkipped
from chalicelib.mail.letters import render
from chalicelib.mail.sending import Composer, Draft

_SEAT = text(
    """
    SELECT courses.code || ' ' || courses.title AS course, section_code, terms.code AS term
      FROM enrollments
      JOIN sections ON sections.id = section_id
      JOIN courses ON courses.id = course_id
      JOIN terms ON terms.id = term_id
     WHERE section_id = :section_id AND user_id = :user_id AND enrollments.status = 'enrolled'
    """
)


def _enrollment_promoted(connection: Connection, mail: Mail) -> Draft:
    user = active_user(connection, mail)
    binds = {"section_id": mail.about, "user_id": user.id}
    seat = connection.execute(_SEAT, binds).one_or_none()
    if seat is None:
        raise MailSkipped("no_longer_due")
    values = {
        "name": display_of(user),
        "course": seat.course,
        "section": seat.section_code,
        "term": seat.term,
        "link": f"{get_settings().web_root}/sections/{mail.about}",
    }
    return Draft(user.email, lambda: render(mail.kind, user.locale, values))


COMPOSERS: Mapping[str, Composer] = {"enrollment_promoted": _enrollment_promoted}

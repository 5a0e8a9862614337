"""What the demo school has been told: something to all, something to a section, something that is
still to come, something that was withdrawn; and who has read it.

Through the services that the API calls, so on the database that the settings name.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller
from chalicelib.announcements import inbox, publishing
from chalicelib.announcements.fanout import fan_out
from chalicelib.announcements.schemas import AnnouncementIn, Audience
from chalicelib.core import database
from chalicelib.core.clock import utc_now

# It stays unread, so that a first look finds something to do.
NOT_READ_BY = "chloe"
SECTION = ("CS102", "2026-autumn", "01")
LATER = timedelta(days=7)

WELCOME = AnnouncementIn(
    title="Welcome to the autumn term 秋季学期",
    body="Lessons begin on **7 September**; your timetable has the rooms.\n\n"
    "- Seats in line move up as others withdraw.\n- 教室以课表为准。\n\n"
    "Please say that you have read this.",
)
LAPTOPS = AnnouncementIn(
    title="Bring a laptop on Monday",
    body="We install Python together. 请自带笔记本电脑。\n\n```\npython3 --version\n```",
)
EXAMS = AnnouncementIn(
    title="Dates of the final examinations",
    body="The plan of the examinations is out; look for `考试安排` on the notice board.",
)
LIBRARY = AnnouncementIn(
    title="The library is closed on Friday", body="It reopens on Monday.", requires_ack=False
)

_IS_LOADED = text("SELECT EXISTS (SELECT FROM announcements)")
_CALLER = text("SELECT id, username, role FROM users WHERE username = :name")
_SECTION = text(
    "SELECT sections.id FROM sections JOIN courses ON courses.id = course_id"
    " JOIN terms ON terms.id = term_id"
    " WHERE courses.code = :course AND terms.code = :term AND section_code = :code"
)
_READERS = text(
    "SELECT deliveries.id, users.id, username, role FROM deliveries"
    " JOIN users ON users.id = user_id"
    " WHERE announcement_id = :id AND username <> :not_by ORDER BY users.id"
)


def load() -> None:
    """Announce it all, unless somebody announced something before."""
    now = utc_now()
    with database.transaction() as connection:
        if connection.execute(_IS_LOADED).scalar_one():
            return
        welcome = _announced(connection, "rosa", WELCOME, now)
        course, term, code = SECTION
        section = connection.execute(_SECTION, {"course": course, "term": term, "code": code})
        of_ben = Audience(kind="section", ids=[section.scalar_one()])
        laptops = _announced(
            connection, "ben", LAPTOPS.model_copy(update={"audience": of_ben}), now
        )
        later = {"publish_at": now + LATER}
        _announced(connection, "tilda", EXAMS.model_copy(update=later), now)
        library = _announced(connection, "rosa", LIBRARY, now)
    for announcement_id in (welcome, laptops, library):
        fan_out(announcement_id, lambda: True)
    with database.transaction() as connection:
        for announcement_id in (welcome, laptops):
            _read(connection, announcement_id)
        rosa = _caller(connection, "rosa")
        announcement = publishing.get_announcement_for(connection, rosa, library, lock=True)
        publishing.withdraw_announcement(connection, rosa, announcement)


def _announced(connection: Connection, name: str, wanted: AnnouncementIn, now: datetime) -> int:
    caller = _caller(connection, name)
    return publishing.create_announcement(connection, caller, wanted, now).id


def _caller(connection: Connection, name: str) -> Caller:
    return Caller(*connection.execute(_CALLER, {"name": name}).one())


def _read(connection: Connection, announcement_id: int) -> None:
    """Let one of three acknowledge it, and one of three only see it."""
    binds = {"id": announcement_id, "not_by": NOT_READ_BY}
    for number, (delivery_id, *reader) in enumerate(connection.execute(_READERS, binds).all()):
        if number % 3 == 0:
            inbox.acknowledge(connection, Caller(*reader), delivery_id)
        elif number % 3 == 1:
            inbox.mark_delivered(connection, Caller(*reader), delivery_id)

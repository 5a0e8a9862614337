"""A small school for the tests of announcements: its people, what they do through the services, and
the messages that this leaves, to be delivered when and as often as a test likes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller, Role
from chalicelib.announcements import audience, fanout, inbox, joining, publishing, reminding
from chalicelib.announcements.schemas import AnnouncementChanges, AnnouncementIn, InboxQuery
from chalicelib.core import database
from chalicelib.core.clock import utc_now

_ADD_USERS = text(
    """
    INSERT INTO users (username, email, full_name, role)
    SELECT name, name || '@rollcall.example', name, :role
      FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS named (name, place) ORDER BY place
    RETURNING id
    """
)
_ADD_SECTION = text(
    """
    WITH course AS (INSERT INTO courses (code, title) VALUES ('CS101', 'Computing') RETURNING id),
    term AS (
        INSERT INTO terms (code, name, starts_on, ends_on, timezone, period_starts, period_ends)
        VALUES ('2026-autumn', 'Autumn', '2026-09-07', '2026-12-27', 'Europe/Berlin',
                '{08:00}', '{08:45}')
        RETURNING id)
    INSERT INTO sections (course_id, term_id, section_code, status, capacity)
    SELECT course.id, term.id, '01', 'published', 500 FROM course, term RETURNING id
    """
)
_SEAT = text(
    "INSERT INTO enrollments (section_id, user_id, status) SELECT :section, id, 'enrolled'"
    " FROM unnest(CAST(:users AS bigint[])) id"
)
_TAKE_MESSAGES = text("DELETE FROM outbox WHERE queue = :queue RETURNING body")
_DELIVERIES = text(
    "SELECT user_id, version, state FROM deliveries WHERE announcement_id = :id ORDER BY user_id"
)
_QUEUED = text(
    """
    SELECT version, user_id FROM delivery_events CROSS JOIN unnest(user_ids) user_id
     WHERE announcement_id = :id AND kind = 'queued' ORDER BY 1, 2
    """
)
_MAILS = text("SELECT kind, user_id, about, occasion FROM mails ORDER BY 1, 2, 3, 4")


class School:
    """Rosa announces; students read. Small chunks, so that a few students fill several."""

    def __init__(self, owner: Connection, students: int, at_once: Iterable[int] = ()) -> None:
        """Have so many students; those whose places are in `at_once` get mails at once."""
        self.owner = owner
        (rosa,) = self._add("registrar", ["rosa"])
        self.rosa = Caller(rosa, "rosa", "registrar")
        self.students = self._add("student", [f"student{n:03}" for n in range(1, students + 1)])
        self.at_once = {self.students[place] for place in at_once}
        self.write(
            "INSERT INTO notification_preferences (user_id, mail)"
            " SELECT id, 'immediate' FROM unnest(CAST(:users AS bigint[])) id",
            users=sorted(self.at_once),
        )

    def _add(self, role: Role, names: list[str]) -> list[int]:
        ids = list(self.owner.execute(_ADD_USERS, {"role": role, "names": names}).scalars())
        self.owner.commit()
        return ids

    def write(self, statement: str, **binds: Any) -> None:
        """Do something as the database's owner."""
        self.owner.execute(text(statement), binds)
        self.owner.commit()

    def read(self, statement: str, **binds: Any) -> list[Any]:
        """Look at the database as its owner."""
        rows = [tuple(row) for row in self.owner.execute(text(statement), binds)]
        self.owner.rollback()
        return rows

    def add_section(self, students: Iterable[int]) -> int:
        """Add a section with these students in it."""
        section: int = self.owner.execute(_ADD_SECTION).scalar_one()
        self.owner.commit()
        self.seat(section, students)
        return section

    def seat(self, section: int, students: Iterable[int]) -> None:
        """Give students seats in a section."""
        self.owner.execute(_SEAT, {"section": section, "users": list(students)})
        self.owner.commit()

    def announce(self, **rest: Any) -> int:
        """Publish an announcement, to all students unless said otherwise; return its id."""
        wanted = AnnouncementIn.model_validate({"title": "Trip", "body": "On Friday."} | rest)
        with database.transaction() as connection:
            created = publishing.create_announcement(connection, self.rosa, wanted, utc_now())
        return created.id

    def edit(self, announcement: int, *, material: bool) -> None:
        """Make a new version."""
        wanted = AnnouncementChanges(title="Trip, changed", material=material)
        with database.transaction() as connection:
            found = self._locked(connection, announcement)
            publishing.edit_announcement(connection, self.rosa, found, wanted)

    def withdraw(self, announcement: int) -> None:
        """Take an announcement back."""
        with database.transaction() as connection:
            found = self._locked(connection, announcement)
            publishing.withdraw_announcement(connection, self.rosa, found)

    def remind(self, announcement: int) -> int:
        """Remind all who have not acknowledged; return how many."""
        with database.transaction() as connection:
            found = self._locked(connection, announcement)
            return reminding.remind_unacknowledged(connection, self.rosa, found, utc_now())

    def let_an_hour_pass(self) -> None:
        """Move the last reminders back."""
        self.write("UPDATE announcements SET reminded_at = reminded_at - interval '61 minutes'")

    def address_joined(self) -> None:
        """Do what the clock does once a minute for those who joined a section."""
        addressing = True
        while addressing:
            with database.transaction() as connection:
                addressing = joining.address_joined(connection) is not None

    def acknowledge(self, student: int, delivery: int) -> str:
        """Acknowledge as a student; return the state as JSON text."""
        with database.lone_write() as connection:
            return inbox.acknowledge(connection, _reader(student), delivery)

    def mark_delivered(self, student: int, delivery: int) -> str:
        """Say as a student that it was shown; return the state as JSON text."""
        with database.lone_write() as connection:
            return inbox.mark_delivered(connection, _reader(student), delivery)

    def unread(self, student: int) -> int:
        """Return the number on a student's badge."""
        with database.lone_read() as connection:
            number = inbox.count_unread(connection, student, "").number
        assert number is not None
        return number

    def inbox(self, student: int) -> str:
        """Return a student's inbox as JSON text."""
        with database.lone_read() as connection:
            page = inbox.list_inbox(connection, student, InboxQuery(limit=200), "").page
        assert page is not None
        return page.items

    def messages(self, queue: str = "fanout") -> list[dict[str, Any]]:
        """Take what was left for a queue."""
        bodies = list(self.owner.execute(_TAKE_MESSAGES, {"queue": queue}).scalars())
        self.owner.commit()
        return bodies

    def deliveries(self, announcement: int) -> dict[int, tuple[int, str]]:
        """Return version and state of each delivery, by student."""
        rows = self.owner.execute(_DELIVERIES, {"id": announcement}).all()
        self.owner.rollback()
        assert len({row.user_id for row in rows}) == len(rows)
        return {row.user_id: (row.version, row.state) for row in rows}

    def queued(self, announcement: int) -> list[tuple[int, int]]:
        """Return for each event that queued somebody its version and the student."""
        rows = [tuple(row) for row in self.owner.execute(_QUEUED, {"id": announcement})]
        self.owner.rollback()
        return rows

    def mails(self) -> list[tuple[str, int, int, int]]:
        """Return kind, student, announcement and occasion of each mail."""
        rows = [tuple(row) for row in self.owner.execute(_MAILS)]
        self.owner.rollback()
        return rows

    def _locked(self, connection: Connection, announcement: int) -> Any:
        return publishing.get_announcement_for(connection, self.rosa, announcement, lock=True)


def _reader(student: int) -> Caller:
    return Caller(student, "", "student")


def small_chunks(size: int) -> None:
    """Make this process freeze, deliver and remind so many people at a time."""
    audience.CHUNK_SIZE = size
    reminding.BATCH = size


def steps(count: int) -> Callable[[], bool]:
    """Return a clock that leaves time for so many chunks or batches."""
    left = iter(range(count))
    return lambda: next(left, None) is not None


def fan_out(announcement: int, most_steps: int = 1000) -> None:
    """Work a message off, with time for so many chunks or batches."""
    fanout.fan_out(announcement, steps(most_steps))

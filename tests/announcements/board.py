"""A notice board for tests of mails about announcements: rosa announces, readers want mails or not,
and the post takes what was queued to whom it is for.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

from chalicelib.accounts.rules import Caller
from chalicelib.announcements import digests, inbox, publishing, reminding
from chalicelib.announcements.fanout import fan_out
from chalicelib.announcements.schemas import AnnouncementChanges, AnnouncementIn
from chalicelib.core import database
from chalicelib.core.clock import utc_now
from tests.mail.post import Post

TITLE = "No class on Friday"
BODY = "The *whole* school is on [a trip](https://trip.example)."


def digest_all(now: datetime) -> int:
    """Go through all readers as the function does; return how many digests were queued."""
    with database.lone_read() as connection:
        clocks = digests.read_clocks(connection, now)
    after, total = 0, 0
    while True:
        with database.transaction() as connection:
            done = digests.daily_digest_unacked(connection, clocks, after)
        if done.last_user_id is None:
            return total
        after, total = done.last_user_id, total + done.queued


class Board:
    """Announcements of rosa's to all students, and the mails about them."""

    def __init__(self, post: Post, name: str = "rosa") -> None:
        self.post = post
        rosa = post.user(name, role="registrar", full_name="Rosa Ortiz")
        self.rosa = Caller(rosa, name, "registrar")

    def reader(self, name: str = "chloe", *, wants: str | None = "immediate", **given: Any) -> int:
        """Add a student who wants mails so; None is one who never said."""
        user_id = self.post.user(name, **given)
        if wants is not None:
            self.prefer(user_id, mail=wants)
        return user_id

    def prefer(
        self, user_id: int, *, mail: str = "digest", digest_hour: int = 18, timezone: str = "UTC"
    ) -> None:
        self.write(
            "INSERT INTO notification_preferences (user_id, mail, digest_hour, timezone)"
            " VALUES (:user_id, :mail, :hour, :timezone) ON CONFLICT (user_id) DO UPDATE"
            " SET mail = excluded.mail, digest_hour = excluded.digest_hour,"
            " timezone = excluded.timezone",
            user_id=user_id,
            mail=mail,
            hour=digest_hour,
            timezone=timezone,
        )

    def announce(self, **given: Any) -> int:
        """Publish an announcement and let it arrive; return its id."""
        wanted = AnnouncementIn(**{"title": TITLE, "body": BODY} | given)
        with database.transaction() as connection:
            made = publishing.create_announcement(connection, self.rosa, wanted, utc_now())
        fan_out(made.id, lambda: True)
        return made.id

    def edit(self, announcement_id: int, **changes: Any) -> None:
        with database.transaction() as connection:
            announcement = publishing.get_announcement_for(
                connection, self.rosa, announcement_id, lock=True
            )
            wanted = AnnouncementChanges(**changes)
            publishing.edit_announcement(connection, self.rosa, announcement, wanted)
        fan_out(announcement_id, lambda: True)

    def withdraw(self, announcement_id: int) -> None:
        with database.transaction() as connection:
            announcement = publishing.get_announcement_for(
                connection, self.rosa, announcement_id, lock=True
            )
            publishing.withdraw_announcement(connection, self.rosa, announcement)

    def remind(self, announcement_id: int) -> None:
        with database.transaction() as connection:
            announcement = publishing.get_announcement_for(
                connection, self.rosa, announcement_id, lock=True
            )
            reminding.remind_unacknowledged(connection, self.rosa, announcement, utc_now())

    def acknowledge(self, user_id: int) -> None:
        """Let a reader acknowledge all that was announced."""
        reader = Caller(user_id, "chloe", "student")
        for (delivery_id,) in self.read(
            "SELECT deliveries.id FROM deliveries JOIN announcements"
            " ON announcements.id = announcement_id"
            " WHERE user_id = :id AND status = 'published'",
            id=user_id,
        ):
            with database.transaction() as connection:
                inbox.acknowledge(connection, reader, delivery_id)

    def mails(self, kind: str, user_id: int | None = None) -> list[int]:
        """Return the ids of the mails of a kind, by user, or of one user."""
        rows = self.read(
            "SELECT id FROM mails WHERE kind = :kind"
            " AND user_id = coalesce(CAST(:user_id AS bigint), user_id) ORDER BY user_id, id",
            kind=kind,
            user_id=user_id,
        )
        return [row.id for row in rows]

    def deliver(self, kind: str) -> None:
        """Let the messages of all mails of a kind be worked on."""
        assert self.post.deliver(*self.mails(kind)) == 0

    def ends(self, kind: str) -> list[tuple[str, str | None]]:
        """Return state and reason of the mails of a kind, by user."""
        rows = self.read(
            "SELECT state, reason FROM mails WHERE kind = :kind ORDER BY user_id, id", kind=kind
        )
        return [tuple(row) for row in rows]

    def read(self, sql: str, **binds: Any) -> list[Any]:
        rows = self.post.owner.execute(text(sql), binds).all()
        self.post.owner.rollback()
        return list(rows)

    def write(self, sql: str, **binds: Any) -> None:
        self.post.owner.execute(text(sql), binds)
        self.post.owner.commit()

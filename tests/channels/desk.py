"""A school that announces things to channels, with a host outside that they lead to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from chalicelib.accounts.rules import Caller
from chalicelib.announcements.publishing import (
    create_announcement,
    edit_announcement,
    get_announcement_for,
)
from chalicelib.announcements.schemas import AnnouncementChanges, AnnouncementIn
from chalicelib.channels import service
from chalicelib.channels.schemas import ChannelIn
from chalicelib.core import database
from chalicelib.core.clock import utc_now
from functions.post_to_channels.handler import handler
from tests.channels.hosts import WebHost
from tests.functions.events import Context, failed_ids, sqs_event
from tests.mail.post import Post

SECRET = "not to be seen by anybody"


class Desk:
    """A school with a host outside, and channels to it."""

    def __init__(self, post: Post, host: WebHost) -> None:
        self.post = post
        self.host = host
        self.manager = Caller(post.user("amara"), "amara", "manager")

    def add(self, kind: str = "webhook", **given: Any) -> int:
        told = {"kind": kind, "name": f"{kind} of ours", "secret": SECRET, **given}
        if kind == "webhook":
            told.setdefault("url", self.host.url)
        with database.transaction() as connection:
            wanted = ChannelIn.model_validate(told)
            return service.create_channel(connection, self.manager, wanted).id

    def announce(self, *channels: int, body: str = "On **Friday**.") -> list[int]:
        """Announce something to channels as rosa does, and return the ids of the posts."""
        with database.transaction() as connection:
            wanted = AnnouncementIn(title="No class", body=body, channels=list(channels))
            create_announcement(connection, self.manager, wanted, utc_now())
        return self.waiting()

    def choose(self, announcement_id: int, *channels: int) -> None:
        """Have an announcement posted to these channels and no others, as rosa does."""
        with database.transaction() as connection:
            announcement = get_announcement_for(connection, self.manager, announcement_id)
            wanted = AnnouncementChanges(channels=list(channels))
            edit_announcement(connection, self.manager, announcement, wanted)

    def waiting(self) -> list[int]:
        """Take the messages that wait, and return the posts that they name."""
        return sorted(body["post_id"] for body in self.post.queues.receive("channels"))

    def deliver(self, *post_ids: int) -> int:
        """Let the function work on messages that name these posts; return how many failed."""
        event = sqs_event([{"post_id": post_id} for post_id in post_ids], queue="channels")
        return len(failed_ids(handler(event, Context())))

    def row(self, post_id: int) -> Any:
        found = self.post.owner.execute(
            text("SELECT *, due_at - clock_timestamp() AS pause FROM channel_posts WHERE id = :id"),
            {"id": post_id},
        ).one()
        self.post.owner.rollback()
        return found

    def let_time_pass(self, seconds: float) -> None:
        """Let what is to come be nearer by so much."""
        self.post.owner.execute(
            text(
                "UPDATE channel_posts SET due_at = due_at - make_interval(secs => :s),"
                " called_at = called_at - make_interval(secs => :s)"
            ),
            {"s": seconds},
        )
        self.post.owner.commit()

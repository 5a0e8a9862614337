"""What channels are told of announcements: the title, the beginning, and where to read it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from chalicelib.announcements.rendering import words_of
from chalicelib.channels import service as channels
from chalicelib.channels.claims import Post
from chalicelib.channels.errors import PostSkipped
from chalicelib.channels.posting import Composer, Notice
from chalicelib.core.settings import get_settings
from chalicelib.mail.letters import brief

KIND = "announcement"
_LONGEST_EXCERPT = 300

_CHOSEN = text("SELECT channel_id FROM announcement_channels WHERE announcement_id = :id")
_CHOOSE = text(
    """
    INSERT INTO announcement_channels (announcement_id, channel_id)
    SELECT :id, unnest(CAST(:channels AS bigint[]))
    """
)
_LEAVE_OTHERS = text(
    "DELETE FROM announcement_channels"
    " WHERE announcement_id = :id AND channel_id <> ALL (CAST(:channels AS bigint[]))"
)
_VERSIONS = text("SELECT version, asked_version FROM announcements WHERE id = :id")
# A version that asks again has a post of its own.
_DUE = text(
    """
    SELECT title, html FROM announcements
     WHERE id = :id AND status = 'published' AND asked_version <= :version
       AND EXISTS (SELECT FROM announcement_channels
                    WHERE announcement_id = :id AND channel_id = :channel_id)
    """
)


def set_channels(connection: Connection, announcement_id: int, wanted: list[int]) -> list[int]:
    """Have an announcement posted to these channels and no others; return those that are new.

    One that was chosen before may stay, paused or not.

    Raises:
        Invalid: a new one does not exist, or is not active.
    """
    before = set(connection.execute(_CHOSEN, {"id": announcement_id}).scalars())
    added = [channel_id for channel_id in wanted if channel_id not in before]
    channels.lock_usable(connection, added)
    if added:
        connection.execute(_CHOOSE, {"id": announcement_id, "channels": added})
    if before:
        connection.execute(_LEAVE_OTHERS, {"id": announcement_id, "channels": wanted})
    return added


def post_news(connection: Connection, announcement_id: int) -> None:
    """Have a version that is news to everybody posted to the channels that were chosen, once."""
    chosen = list(connection.execute(_CHOSEN, {"id": announcement_id}).scalars())
    post_to_new(connection, announcement_id, chosen)


def post_to_new(connection: Connection, announcement_id: int, channel_ids: list[int]) -> None:
    """Have an announcement posted to those of these channels that were not told of what is news
    in it; one that was taken away and is back hears nothing twice.
    """
    if not channel_ids:
        return
    version, news = connection.execute(_VERSIONS, {"id": announcement_id}).one()
    channels.post_to_each(
        connection, channel_ids, KIND, about=announcement_id, occasion=version, since=news
    )


def _notice(connection: Connection, post: Post) -> Notice:
    binds = {"id": post.about, "version": post.occasion, "channel_id": post.channel_id}
    told = connection.execute(_DUE, binds).one_or_none()
    if told is None:
        raise PostSkipped("no_longer_due")
    excerpt = brief(words_of(told.html), _LONGEST_EXCERPT)
    return Notice(told.title, excerpt, f"{get_settings().web_root}/messages")


COMPOSERS: Mapping[str, Composer] = {KIND: _notice}

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

_CHOOSE = text(
    """
    INSERT INTO announcement_channels (announcement_id, channel_id)
    SELECT :id, unnest(CAST(:channels AS bigint[]))
    """
)
_CHOSEN = text(
    """
    SELECT version, (SELECT array_agg(channel_id ORDER BY channel_id) FROM announcement_channels
                      WHERE announcement_id = announcements.id) AS channels
      FROM announcements WHERE id = :id
    """
)
_ANNOUNCEMENT = text("SELECT status, asked_version, title, html FROM announcements WHERE id = :id")


def choose_channels(connection: Connection, announcement_id: int, channel_ids: list[int]) -> None:
    """Write down where an announcement is to be posted when it is published.

    Raises:
        Invalid: a channel does not exist, or is not active.
    """
    if channel_ids:
        channels.check_channels(connection, channel_ids)
        connection.execute(_CHOOSE, {"id": announcement_id, "channels": channel_ids})


def post_version(connection: Connection, announcement_id: int) -> None:
    """Have a version that is news to everybody posted to the channels that were chosen, once."""
    version, chosen = connection.execute(_CHOSEN, {"id": announcement_id}).one()
    if chosen:
        channels.post_to_each(connection, chosen, KIND, about=announcement_id, occasion=version)


def _notice(connection: Connection, post: Post) -> Notice:
    told = connection.execute(_ANNOUNCEMENT, {"id": post.about}).one_or_none()
    # A version that asks again has a post of its own.
    if told is None or told.status != "published" or told.asked_version > (post.occasion or 0):
        raise PostSkipped("no_longer_due")
    excerpt = brief(words_of(told.html), _LONGEST_EXCERPT)
    return Notice(told.title, excerpt, f"{get_settings().web_root}/messages")


COMPOSERS: Mapping[str, Composer] = {KIND: _notice}

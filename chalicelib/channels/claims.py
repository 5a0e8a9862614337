"""A worker's hold on a post: claim it, and say how it ended or when to try again.

A claim is a time before which nobody else takes the post; `attempts` tells the claims of one post
apart. Between a host's yes and the note of it no lock is held.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, text

from chalicelib.channels.errors import SkipReason
from chalicelib.channels.rules import MOST_ATTEMPTS, ChannelKind, pause_after
from chalicelib.channels.sealing import Sealed
from chalicelib.integrations.errors import OutboundFailure

# Longer than post_to_channels may run (a test compares it with the template).
CLAIM_SECONDS = 150


@dataclass(frozen=True)
class Post:
    """A claimed post with its channel as it is now; `attempt` is ours."""

    id: int
    kind: str
    about: int | None
    occasion: int | None
    attempt: int
    channel_id: int
    channel_version: int
    channel_kind: ChannelKind
    settings: dict[str, Any]
    sealed: Sealed | None
    is_active: bool

    @property
    def facts(self) -> dict[str, Any]:
        """What a log may say of it."""
        return {
            "post_id": self.id,
            "kind": self.kind,
            "channel_id": self.channel_id,
            "channel_kind": self.channel_kind,
            "attempt": self.attempt,
        }


_CLAIM = text(
    """
    UPDATE channel_posts
       SET attempts = attempts + 1, due_at = clock_timestamp() + CAST(:seconds AS interval)
      FROM channels
     WHERE channels.id = channel_id
       AND channel_posts.id = (SELECT id FROM channel_posts
                                WHERE id = :id AND state = 'queued' AND due_at <= clock_timestamp()
                                  FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING channel_posts.kind, about, occasion, attempts, channels.id, version, channels.kind,
              settings::text, secret, key_id, active
    """
)
# A host's yes counts whoever has the claim by now; a failure only from the one who has it.
_SENT = text(
    """
    UPDATE channel_posts SET state = 'sent', code = NULL, ended_at = clock_timestamp()
     WHERE id = :id AND state = 'queued'
    """
)
_NOT_SENT = text(
    """
    UPDATE channel_posts SET state = :state, code = :code, ended_at = clock_timestamp()
     WHERE id = :id AND state = 'queued' AND attempts = :attempt
    """
)
_TRY_AGAIN = text(
    """
    UPDATE channel_posts SET code = :code, due_at = clock_timestamp() + CAST(:pause AS interval)
     WHERE id = :id AND state = 'queued' AND attempts = :attempt
    """
)


def claim_post(connection: Connection, post_id: int) -> Post | None:
    """Take a post to send it; None where it has ended, is not due, or is another worker's.

    Whoever comes too early need not come back: the relay calls when it is due.
    """
    binds = {"id": post_id, "seconds": timedelta(seconds=CLAIM_SECONDS)}
    row = connection.execute(_CLAIM, binds).one_or_none()
    if row is None:
        return None
    kind, about, occasion, attempt, channel_id, version, channel_kind, *rest = row
    settings, secret, key_id, is_active = rest
    sealed = None if secret is None else Sealed(key_id, bytes(secret))
    return Post(
        post_id,
        kind,
        about,
        occasion,
        attempt,
        channel_id,
        version,
        channel_kind,
        json.loads(settings),
        sealed,
        is_active,
    )


def note_sent(connection: Connection, post: Post) -> None:
    """Write down that the host has taken a post."""
    connection.execute(_SENT, {"id": post.id})


def note_skipped(connection: Connection, post: Post, reason: SkipReason) -> None:
    """End a post that is not to be sent."""
    _end(connection, post, "skipped", reason)


def note_failed(connection: Connection, post: Post, failure: OutboundFailure) -> None:
    """Keep why a post was not taken; try again after a pause, unless that makes no sense."""
    if failure.is_final or post.attempt >= MOST_ATTEMPTS:
        _end(connection, post, "failed", failure.code)
        return
    connection.execute(
        _TRY_AGAIN,
        {
            "id": post.id,
            "attempt": post.attempt,
            "code": failure.code,
            "pause": pause_after(post.attempt),
        },
    )


def _end(connection: Connection, post: Post, state: str, code: str) -> None:
    binds = {"id": post.id, "attempt": post.attempt, "state": state, "code": code}
    connection.execute(_NOT_SENT, binds)

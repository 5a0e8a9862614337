"""What is done with channels: added, changed and removed by managers, and given posts to send.

Sending is posting.py's.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from pydantic_core import PydanticCustomError
from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller
from chalicelib.audit import service as audit
from chalicelib.channels.errors import BY_CONSTRAINT, SecretNeeded, SecretUnreadable
from chalicelib.channels.queries import Channel, find_channel, lock_active
from chalicelib.channels.rules import bound_to
from chalicelib.channels.schemas import ChannelChanges, ChannelIn, check_secret, check_whole
from chalicelib.channels.sealing import Sealed, present_key, seal, unseal
from chalicelib.core.errors import FieldError, Invalid, found
from chalicelib.core.violations import refused_as
from chalicelib.outbox import service as outbox

_INSERT = text(
    """
    INSERT INTO channels (kind, name, active, settings, secret, key_id)
    VALUES (:kind, :name, :active, CAST(:settings AS jsonb), CAST(:secret AS bytea),
            CAST(:key_id AS text))
    RETURNING id
    """
)
_UPDATE = text(
    """
    UPDATE channels
       SET name = coalesce(:name, name), active = coalesce(:active, active),
           settings = CAST(:settings AS jsonb), secret = CAST(:secret AS bytea),
           key_id = CAST(:key_id AS text), version = version + 1, updated_at = now()
     WHERE id = :id
    """
)
_DELETE = text("DELETE FROM channels WHERE id = :id")
_POST_TEST = text(
    "INSERT INTO channel_posts (channel_id, kind) VALUES (:channel_id, 'test') RETURNING id"
)
_POST_TO_EACH = text(
    """
    INSERT INTO channel_posts (channel_id, kind, about, occasion)
    SELECT id, :kind, :about, :occasion FROM channels
     WHERE active AND id = ANY(CAST(:channel_ids AS bigint[]))
       AND NOT EXISTS (SELECT FROM channel_posts
                        WHERE channel_id = channels.id AND kind = :kind AND about = :about
                          AND occasion >= :since AND state IN ('queued', 'sent'))
     ORDER BY id
        ON CONFLICT DO NOTHING
    RETURNING id
    """
)
# What is due (after a pause, or a claim that ran out) and was not called for since; and what was
# called for so long ago that its message is lost. What is older than two days failed at something
# else than its host: it is left to whoever looks at the dead letters.
_CALL_AGAIN = text(
    """
    UPDATE channel_posts SET called_at = clock_timestamp()
     WHERE id IN (SELECT id FROM channel_posts
                   WHERE state = 'queued' AND due_at < clock_timestamp()
                     AND called_at < greatest(due_at, clock_timestamp() - interval '15 minutes')
                     AND created_at > clock_timestamp() - interval '2 days'
                   ORDER BY due_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id
    """
)
_CALL_LIMIT = 100
_DELETE_OLD = text(
    "DELETE FROM channel_posts WHERE id IN (SELECT id FROM channel_posts"
    " WHERE created_at < now() - CAST(:days AS interval)"
    " ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
)
_KEPT = timedelta(days=90)
_UNDER_OLD_KEYS = text(
    "SELECT id FROM channels WHERE key_id <> :key_id ORDER BY id LIMIT :limit"
    " FOR UPDATE SKIP LOCKED"
)
_RESEAL = text("UPDATE channels SET secret = :secret, key_id = :key_id WHERE id = :id")


def get_channel_for(
    connection: Connection, _caller: Caller, channel_id: int, *, lock: bool = False
) -> Channel:
    """Return a channel; whom the edge lets in may see all.

    Raises:
        NotFound: there is none of that id.
    """
    return found(find_channel(connection, channel_id, lock=lock))


def create_channel(connection: Connection, caller: Caller, wanted: ChannelIn) -> Channel:
    """Add a channel, its secret sealed.

    Raises:
        ChannelNameTaken: another has the name, in whatever case.
    """
    settings = wanted.settings
    sealed = None
    if wanted.secret is not None:
        sealed = seal(wanted.secret.get_secret_value(), bound_to(wanted.kind, settings))
    with refused_as(BY_CONSTRAINT):
        channel_id: int = connection.execute(
            _INSERT,
            {
                "kind": wanted.kind,
                "name": wanted.name,
                "active": wanted.active,
                **_kept(settings, sealed),
            },
        ).scalar_one()
    after = {"kind": wanted.kind, "has_secret": sealed is not None}
    audit.add(connection, caller, "channel_created", "channel", channel_id, after=after)
    return found(find_channel(connection, channel_id))


def change_channel(
    connection: Connection, caller: Caller, channel: Channel, changes: ChannelChanges
) -> Channel:
    """Change the named fields of a locked channel.

    Raises:
        ChannelNameTaken: another has the new name.
        SecretNeeded: it would go elsewhere, and nobody has given the secret for there.
        Invalid: together they are no channel of its kind.
    """
    settings = channel.settings | changes.settings
    place = bound_to(channel.kind, settings)
    sealed = channel.sealed
    told = set(settings) | ({"secret"} if sealed or changes.secret else set())
    try:
        check_whole(channel.kind, told, settings)
        check_secret(channel.kind, changes.secret)
    except PydanticCustomError as wrong:
        raise Invalid(errors=[FieldError("", wrong.type, wrong.message())]) from None
    if changes.secret is not None:
        sealed = seal(changes.secret.get_secret_value(), place)
    elif sealed is not None and place != bound_to(channel.kind, channel.settings):
        raise SecretNeeded
    with refused_as(BY_CONSTRAINT):
        connection.execute(
            _UPDATE,
            {
                "id": channel.id,
                "name": changes.name,
                "active": changes.active,
                **_kept(settings, sealed),
            },
        )
    after = {"changed": sorted(changes.model_fields_set)}
    audit.add(connection, caller, "channel_updated", "channel", channel.id, after=after)
    return found(find_channel(connection, channel.id))


def delete_channel(connection: Connection, caller: Caller, channel: Channel) -> None:
    """Remove a locked channel, its secret, and what was posted or is still to be."""
    connection.execute(_DELETE, {"id": channel.id})
    before = {"kind": channel.kind}
    audit.add(connection, caller, "channel_deleted", "channel", channel.id, before=before)


def test_channel(connection: Connection, caller: Caller, channel: Channel) -> int:
    """Have a test sent after the commit, and return the id of its post."""
    post_id: int = connection.execute(_POST_TEST, {"channel_id": channel.id}).scalar_one()
    _call_for(connection, post_id)
    audit.add(connection, caller, "channel_tested", "channel", channel.id)
    return post_id


def lock_usable(connection: Connection, channel_ids: list[int]) -> None:
    """Lock channels that somebody names, so that none is removed before they are written down.

    Raises:
        Invalid: one does not exist, or is not active.
    """
    if channel_ids and len(lock_active(connection, channel_ids)) < len(channel_ids):
        message = "Some of these channels do not exist, or are not active."
        raise Invalid(errors=[FieldError("channels", "not_one_of", message)])


def post_to_each(
    connection: Connection,
    channel_ids: list[int],
    kind: str,
    *,
    about: int,
    occasion: int,
    since: int,
) -> None:
    """Have something posted to each of these channels after the commit, once for each occasion, and
    not to those that an occasion since `since` was posted to, or is still to be.
    """
    binds = {
        "channel_ids": channel_ids,
        "kind": kind,
        "about": about,
        "occasion": occasion,
        "since": since,
    }
    for post_id in connection.execute(_POST_TO_EACH, binds).scalars().all():
        _call_for(connection, post_id)


def call_again(connection: Connection) -> int:
    """Send for posts whose time has come again, and return how many."""
    due = connection.execute(_CALL_AGAIN, {"limit": _CALL_LIMIT}).scalars().all()
    for post_id in due:
        _call_for(connection, post_id)
    return len(due)


def delete_old_posts(connection: Connection, limit: int) -> int:
    """Delete up to `limit` posts that are older than 90 days, and return how many."""
    return connection.execute(_DELETE_OLD, {"days": _KEPT, "limit": limit}).rowcount


def reseal(connection: Connection, limit: int) -> int:
    """Seal up to `limit` secrets under the present key that are under the one before; return how
    many. One that opens no more stays as it is: a manager has to give it again.
    """
    key_id, count = present_key(), 0
    binds = {"key_id": key_id, "limit": limit}
    for channel_id in connection.execute(_UNDER_OLD_KEYS, binds).scalars().all():
        channel = found(find_channel(connection, channel_id))
        place = bound_to(channel.kind, channel.settings)
        try:
            sealed = seal(unseal(Sealed(channel.key_id or "", channel.secret or b""), place), place)
        except SecretUnreadable:
            continue
        connection.execute(
            _RESEAL, {"id": channel_id, "secret": sealed.content, "key_id": sealed.key_id}
        )
        count += 1
    return count


def _call_for(connection: Connection, post_id: int) -> None:
    outbox.add(connection, "channels", {"post_id": post_id})


def _kept(settings: dict[str, Any], sealed: Sealed | None) -> dict[str, Any]:
    return {
        "settings": json.dumps(settings),
        "secret": sealed and sealed.content,
        "key_id": sealed and sealed.key_id,
    }

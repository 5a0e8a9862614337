"""Outbound channels: kept by managers, used by the office for announcements."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import MANAGERS, STAFF
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.api.paging import page_answer
from chalicelib.channels import queries, service
from chalicelib.channels.errors import ChannelNameTaken, SecretNeeded
from chalicelib.channels.schemas import (
    ChannelChanges,
    ChannelIn,
    ChannelOut,
    ChannelPage,
    ChannelQuery,
    QueuedOut,
)
from chalicelib.core.pagination import InvalidCursor
from chalicelib.integrations.errors import SecretsAway

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/channels",
    roles=STAFF,
    query=ChannelQuery,
    answer=ChannelPage,
    personal=True,
    errors=(InvalidCursor,),
)
def list_channels(request: Request) -> Answer:
    """List channels by name; nobody is shown their secrets."""
    return page_answer(request, queries.list_channels(request.connection, request.query))


@endpoint(
    blueprint,
    "POST",
    "/api/channels",
    roles=MANAGERS,
    body=ChannelIn,
    answer=ChannelOut,
    status=201,
    creates=True,
    errors=(ChannelNameTaken, SecretsAway),
)
def create_channel(request: Request) -> Answer:
    """Add a mail relay, a webhook or a Telegram bot."""
    channel = service.create_channel(request.connection, request.caller, request.body)
    return Answer(channel.json, etag=channel.etag, location=f"/api/channels/{channel.id}")


@endpoint(
    blueprint,
    "GET",
    "/api/channels/{id}",
    roles=STAFF,
    answer=ChannelOut,
    personal=True,
)
def get_channel(request: Request) -> Answer:
    """Read a channel, and what became of the last post to it."""
    channel = service.get_channel_for(request.connection, request.caller, request.path["id"])
    return Answer(channel.json, etag=channel.etag)


@endpoint(
    blueprint,
    "PATCH",
    "/api/channels/{id}",
    roles=MANAGERS,
    body=ChannelChanges,
    answer=ChannelOut,
    conditional=True,
    errors=(ChannelNameTaken, SecretNeeded, SecretsAway),
)
def change_channel(request: Request) -> Answer:
    """Change a channel; who changes where it goes gives its secret again."""
    channel = service.get_channel_for(
        request.connection, request.caller, request.path["id"], lock=True
    )
    request.check_version(channel.etag)
    channel = service.change_channel(request.connection, request.caller, channel, request.body)
    return Answer(channel.json, etag=channel.etag)


@endpoint(
    blueprint,
    "DELETE",
    "/api/channels/{id}",
    roles=MANAGERS,
    status=204,
    conditional=True,
)
def delete_channel(request: Request) -> Answer:
    """Remove a channel with its secret and its posts."""
    channel = service.get_channel_for(
        request.connection, request.caller, request.path["id"], lock=True
    )
    request.check_version(channel.etag)
    service.delete_channel(request.connection, request.caller, channel)
    return Answer()


@endpoint(
    blueprint,
    "POST",
    "/api/channels/{id}/test",
    roles=MANAGERS,
    answer=QueuedOut,
    status=202,
)
def test_channel(request: Request) -> Answer:
    """Send a test, also to a channel that is not active; `last_post` tells how it went."""
    channel = service.get_channel_for(request.connection, request.caller, request.path["id"])
    post_id = service.test_channel(request.connection, request.caller, channel)
    return Answer.of(QueuedOut(post_id=post_id))

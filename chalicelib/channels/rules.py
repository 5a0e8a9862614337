"""Kinds of channels, and what binds a secret to where it may go: pure rules, without any I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

ChannelKind = Literal["smtp", "webhook", "telegram"]
PostState = Literal["queued", "sent", "skipped", "failed"]

# What each kind has to be told, and what it may be.
REQUIRED: Mapping[ChannelKind, tuple[str, ...]] = {
    "smtp": ("host", "port", "security", "sender", "to"),
    "webhook": ("url", "secret"),
    "telegram": ("chat_id", "secret"),
}
OPTIONAL: Mapping[ChannelKind, tuple[str, ...]] = {
    "smtp": ("username", "secret"),
    "webhook": (),
    "telegram": (),
}
FIELDS = ("host", "port", "security", "username", "sender", "to", "url", "chat_id")

# Eight hours in all: a host that is away for longer has missed what was news.
MOST_ATTEMPTS = 10
_FIRST_PAUSE = timedelta(seconds=60)
_LONGEST_PAUSE = timedelta(hours=4)


def bound_to(kind: ChannelKind, settings: Mapping[str, Any]) -> str:
    """Return where a channel's secret may go; it opens for nothing else.

    So neither a change in the database nor a manager who does not know the secret can send it to a
    host of their own.
    """
    match kind:
        case "smtp":
            return f"smtp {settings['host']}:{settings['port']} {settings['security']}"
        case "webhook":
            return f"webhook {settings['url']}"
        case "telegram":
            return "telegram"


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failed tries: twice as long each time."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * (1 << min(attempts - 1, 10)))

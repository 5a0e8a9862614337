"""What was done, by whom, to what: written in the same transaction as the deed itself.

Actions are named after OWASP's Logging Vocabulary; docs/audit.md lists them. What is kept of
before and after is brief and names no person: ids, roles, states, counts; never a password, a
token, a name or an address, since a row can neither be changed nor removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, text

from chalicelib.audit.actions import Action
from chalicelib.core import logs

_ADD = text(
    "INSERT INTO audit_events"
    " (actor_id, action, object_kind, object_id, before, after, ip, request_id)"
    " VALUES (:actor_id, :action, :object_kind, :object_id, CAST(:before AS jsonb),"
    " CAST(:after AS jsonb), :ip, :request_id)"
)


class Actor(Protocol):
    """Whoever does something: a user, or a stranger (without an id), and from which address."""

    @property
    def id(self) -> int | None: ...

    @property
    def ip(self) -> str: ...


class OnBehalf(NamedTuple):
    """Whoever is known by something else than an access token: who asked for what a function does
    (from where, the request's own events say), or who holds a refresh token.
    """

    id: int | None
    ip: str = ""


def add(
    connection: Connection,
    actor: Actor,
    action: Action,
    object_kind: str,
    object_id: object = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write down an action such as `user_created`, and what it was done to."""
    connection.execute(
        _ADD,
        {
            "actor_id": actor.id,
            "action": action,
            "object_kind": object_kind,
            "object_id": None if object_id is None else str(object_id),
            "before": None if before is None else json.dumps(before),
            "after": None if after is None else json.dumps(after),
            "ip": actor.ip,
            "request_id": logs.correlation_id(),
        },
    )

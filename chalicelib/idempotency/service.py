"""First answers, kept in the transaction of the work, so that a repeated request does it once.

A request that repeats a key while the first is still at work waits on the unique index until the
first commits, and then gets its answer; if the first rolls back, the repeater does the work.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from chalicelib.idempotency.errors import IdempotencyKeyReused, MalformedIdempotencyKey

_KEY = re.compile(r"[\x21-\x7e]{1,200}")

_CLAIM = text(
    "INSERT INTO idempotency_keys AS kept (caller_id, key, request_hash)"
    " VALUES (:caller_id, :key, :request_hash)"
    " ON CONFLICT (caller_id, key) DO UPDATE SET request_hash = excluded.request_hash,"
    " status = NULL, headers = NULL, body = NULL, created_at = now()"
    " WHERE kept.created_at < now() - interval '24 hours'"
    " RETURNING 1"
)
_KEPT = text(
    "SELECT request_hash, status, headers::text, body FROM idempotency_keys"
    " WHERE caller_id = :caller_id AND key = :key"
)
_KEEP = text(
    "UPDATE idempotency_keys SET status = :status, headers = CAST(:headers AS jsonb), body = :body"
    " WHERE caller_id = :caller_id AND key = :key"
)
_RELEASE = text("DELETE FROM idempotency_keys WHERE caller_id = :caller_id AND key = :key")
_EXPIRE = text(
    "WITH old AS MATERIALIZED (SELECT caller_id, key FROM idempotency_keys"
    " WHERE created_at < now() - interval '24 hours'"
    " ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
    " DELETE FROM idempotency_keys AS kept USING old"
    " WHERE kept.caller_id = old.caller_id AND kept.key = old.key"
)


class KeptAnswer(NamedTuple):
    """The answer that the first request with a key got."""

    status: int
    headers: dict[str, Any]
    body: str


class Claim(NamedTuple):
    """A key within the reach of one caller (0: nobody) and one route."""

    caller_id: int
    key: str
    request_hash: bytes

    @classmethod
    def of(cls, caller_id: int, route: str, key: str, request_hash: bytes) -> Claim:
        """Return the claim for an Idempotency-Key as it came in.

        Raises:
            MalformedIdempotencyKey: it is empty, too long, or not visible ASCII.
        """
        if not _KEY.fullmatch(key):
            raise MalformedIdempotencyKey
        return cls(caller_id, f"{route} {key}", request_hash)


def claim_key(connection: Connection, claim: Claim) -> KeptAnswer | None:
    """Claim the key for this transaction, or return the answer that it has already.

    Raises:
        IdempotencyKeyReused: the first request had another body.
    """
    if connection.execute(_CLAIM, claim._asdict()).one_or_none():
        return None
    named = {"caller_id": claim.caller_id, "key": claim.key}
    row = connection.execute(_KEPT, named).one()
    if bytes(row.request_hash) != claim.request_hash:
        raise IdempotencyKeyReused
    return KeptAnswer(row.status, json.loads(row.headers), row.body)


def keep_answer(connection: Connection, claim: Claim, answer: KeptAnswer) -> None:
    """Keep the answer beside the work that it tells of."""
    connection.execute(
        _KEEP,
        {
            "caller_id": claim.caller_id,
            "key": claim.key,
            "status": answer.status,
            "headers": json.dumps(answer.headers),
            "body": answer.body,
        },
    )


def release_key(connection: Connection, claim: Claim) -> None:
    """Give the key back: the request was refused, and may be sent again."""
    connection.execute(_RELEASE, {"caller_id": claim.caller_id, "key": claim.key})


def expire_keys(connection: Connection, limit: int) -> int:
    """Forget up to `limit` answers older than 24 hours, the oldest first; return how many."""
    return connection.execute(_EXPIRE, {"limit": limit}).rowcount

"""What can be wrong with an Idempotency-Key."""

from __future__ import annotations

from chalicelib.core.errors import BadRequest, Invalid


class MalformedIdempotencyKey(BadRequest):
    code = "malformed_idempotency_key"
    detail = "An Idempotency-Key has 1 to 200 visible ASCII characters."


class IdempotencyKeyReused(Invalid):
    code = "idempotency_key_reused"
    title = "Idempotency-Key reused"
    detail = "This Idempotency-Key was sent before with another body."

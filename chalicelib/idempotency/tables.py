"""Table of first answers, kept 24 hours for requests that repeat an Idempotency-Key."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, LargeBinary, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from chalicelib.core.metadata import metadata

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller_id", BigInteger, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", Integer),
    Column("headers", JSONB),
    Column("body", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("idempotency_keys_created_at_idx", idempotency_keys.c.created_at)

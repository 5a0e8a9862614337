"""Table of what was done: rows are only ever added, a trigger refuses anything else."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from chalicelib.core.metadata import metadata

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("actor_id", BigInteger),
    Column("action", Text, nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("ip", Text, nullable=False),
    Column("request_id", Text, nullable=False),
)
Index("audit_events_actor_id_idx", audit_events.c.actor_id, audit_events.c.id)
Index("audit_events_action_idx", audit_events.c.action, audit_events.c.id)
Index(
    "audit_events_object_idx",
    audit_events.c.object_kind,
    audit_events.c.object_id,
    audit_events.c.id,
)
Index("audit_events_at_idx", audit_events.c.at, audit_events.c.id)

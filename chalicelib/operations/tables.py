"""Table of the last runs of each function; what is older is removed by the next one."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from chalicelib.core.metadata import metadata

job_runs = Table(
    "job_runs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("function", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ms", Double, nullable=False),
    # The class of the exception: its text may hold what nobody should read here.
    Column("cause", Text),
    Column("message_id", Text),
    # How many runs the row stands for, the last of which it tells of.
    Column("times", Integer, nullable=False, server_default=text("1")),
    CheckConstraint("state IN ('success', 'failure')", name="state"),
)
Index("job_runs_function_idx", job_runs.c.function, job_runs.c.state, job_runs.c.id)

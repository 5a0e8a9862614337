"""Tables of bulk work: the tasks, the rows that an import stages, the rows a task tells about."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from chalicelib.core.kinds import STAGED_COLUMNS
from chalicelib.core.metadata import metadata

tasks = Table(
    "tasks",
    metadata,
    Column("id", UUID, primary_key=True, server_default=func.gen_random_uuid()),
    Column("number", BigInteger, Identity(always=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("mode", Text, nullable=False, server_default=text("'apply'")),
    Column("state", Text, nullable=False, server_default=text("'PENDING'")),
    Column("done", BigInteger, nullable=False, server_default=text("0")),
    Column("total", BigInteger),
    Column("result", JSONB),
    Column("error", JSONB),
    Column("parameters", JSONB, nullable=False, server_default=text("'{}'")),
    Column("filename", Text),
    Column("source_key", Text),
    Column("source_etag", Text),
    Column("result_key", Text),
    Column("errors_key", Text),
    Column("plan_of", UUID, ForeignKey("tasks.id", ondelete="SET NULL")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("heartbeat_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("correlation_id", Text),
    Column("upload_expires_at", DateTime(timezone=True)),
    Column("created_by", BigInteger, ForeignKey("users.id", ondelete="SET NULL")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    UniqueConstraint("number"),
    CheckConstraint("job IN ('import', 'export')", name="job"),
    CheckConstraint("mode IN ('apply', 'plan')", name="mode"),
    CheckConstraint("state IN ('PENDING', 'PROGRESS', 'SUCCESS', 'FAILURE')", name="state"),
    CheckConstraint(
        "(state IN ('SUCCESS', 'FAILURE')) = (finished_at IS NOT NULL)", name="finished"
    ),
    CheckConstraint("(state = 'FAILURE') = (error IS NOT NULL)", name="error"),
)
# A plan is applied once; an apply that failed leaves it free.
Index(
    "tasks_plan_of_key",
    tasks.c.plan_of,
    unique=True,
    postgresql_where=text("state <> 'FAILURE'"),
)
Index("tasks_created_by_number_idx", tasks.c.created_by, tasks.c.number)
Index(
    "tasks_heartbeat_at_idx",
    tasks.c.heartbeat_at,
    postgresql_where=text("state IN ('PENDING', 'PROGRESS')"),
)
Index("tasks_created_at_idx", tasks.c.created_at)

import_rows = Table(
    "import_rows",
    metadata,
    Column("task_number", BigInteger, nullable=False),
    Column("line", Integer, nullable=False),
    Column("problem", Text),
    Column("problem_detail", Text),
    *(Column(name, Text) for name in STAGED_COLUMNS),
    prefixes=["UNLOGGED"],
)
Index(
    "import_rows_task_number_idx",
    import_rows.c.task_number,
    postgresql_using="brin",
    postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
)

task_rows = Table(
    "task_rows",
    metadata,
    Column("task_number", BigInteger, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("match_key", Text),
    Column("outcome", Text, nullable=False),
    Column("target_id", BigInteger),
    Column("target_version", Integer),
    Column("changes", JSONB),
    Column("errors", JSONB),
    CheckConstraint("outcome IN ('created', 'updated', 'unchanged', 'failed')", name="outcome"),
)

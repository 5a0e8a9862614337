"""Tasks of bulk work, the rows that an import stages and the rows that a task tells about.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

# import_rows is unlogged: it can be staged again from the file at any time, and the apply compares
# counts, so a crash that empties it is noticed. It is read a whole task at a time and the rows of a
# task lie together: BRIN finds them, and costs COPY nothing, where a btree costs it half again.
# Its columns are as many as the widest kind needs.
TABLES = """
CREATE TABLE tasks (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    job text NOT NULL,
    mode text NOT NULL DEFAULT 'apply',
    state text NOT NULL DEFAULT 'PENDING',
    done bigint NOT NULL DEFAULT 0,
    total bigint,
    result jsonb,
    error jsonb,
    parameters jsonb NOT NULL DEFAULT '{}',
    filename text,
    source_key text,
    source_etag text,
    result_key text,
    errors_key text,
    plan_of uuid,
    attempt integer NOT NULL DEFAULT 0,
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    correlation_id text,
    upload_expires_at timestamptz,
    created_by bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT tasks_pkey PRIMARY KEY (id),
    CONSTRAINT tasks_number_key UNIQUE (number),
    CONSTRAINT tasks_plan_of_fkey FOREIGN KEY (plan_of) REFERENCES tasks (id) ON DELETE SET NULL,
    CONSTRAINT tasks_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id)
        ON DELETE SET NULL,
    CONSTRAINT tasks_job_check CHECK (job IN ('import', 'export')),
    CONSTRAINT tasks_mode_check CHECK (mode IN ('apply', 'plan')),
    CONSTRAINT tasks_state_check CHECK (state IN ('PENDING', 'PROGRESS', 'SUCCESS', 'FAILURE')),
    CONSTRAINT tasks_finished_check
        CHECK ((state IN ('SUCCESS', 'FAILURE')) = (finished_at IS NOT NULL)),
    CONSTRAINT tasks_error_check CHECK ((state = 'FAILURE') = (error IS NOT NULL))
);
CREATE UNIQUE INDEX tasks_plan_of_key ON tasks (plan_of) WHERE state <> 'FAILURE';
CREATE INDEX tasks_created_by_number_idx ON tasks (created_by, number);
CREATE INDEX tasks_heartbeat_at_idx ON tasks (heartbeat_at)
    WHERE state IN ('PENDING', 'PROGRESS');
CREATE INDEX tasks_created_at_idx ON tasks (created_at);

CREATE UNLOGGED TABLE import_rows (
    task_number bigint NOT NULL,
    line integer NOT NULL,
    problem text,
    problem_detail text,
    c1 text,
    c2 text,
    c3 text,
    c4 text,
    c5 text,
    c6 text,
    c7 text,
    c8 text
);
CREATE INDEX import_rows_task_number_idx ON import_rows USING brin (task_number)
    WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE task_rows (
    task_number bigint NOT NULL,
    line integer NOT NULL,
    key text NOT NULL,
    match_key text,
    outcome text NOT NULL,
    target_id bigint,
    target_version integer,
    changes jsonb,
    errors jsonb,
    CONSTRAINT task_rows_pkey PRIMARY KEY (task_number, line),
    CONSTRAINT task_rows_outcome_check
        CHECK (outcome IN ('created', 'updated', 'unchanged', 'failed'))
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE task_rows, import_rows, tasks")

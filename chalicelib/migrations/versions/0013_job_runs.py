"""The last runs of functions: when, how long, how they ended and why.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"

JOB_RUNS = """
CREATE TABLE job_runs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT job_runs_pkey PRIMARY KEY,
    function text NOT NULL,
    state text NOT NULL,
    started_at timestamptz NOT NULL,
    ms double precision NOT NULL,
    cause text,
    message_id text,
    times integer NOT NULL DEFAULT 1,
    CONSTRAINT job_runs_state_check CHECK (state IN ('success', 'failure'))
);
CREATE INDEX job_runs_function_idx ON job_runs (function, state, id);
"""


def upgrade() -> None:
    op.execute(JOB_RUNS)


def downgrade() -> None:
    op.execute("DROP TABLE job_runs")

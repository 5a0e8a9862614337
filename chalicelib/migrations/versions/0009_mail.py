"""Mail: how fast it leaves, and the links by which readers unsubscribe.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

# One row for all workers; who has written to it has the next slot.
PACE = """
CREATE TABLE mail_pace (
    id smallint CONSTRAINT mail_pace_pkey PRIMARY KEY,
    gap_seconds double precision NOT NULL,
    next_at timestamptz NOT NULL,
    slowed_from timestamptz,
    CONSTRAINT mail_pace_one_row_check CHECK (id = 1)
);
"""

# The token is kept as it is, since every mail to its owner shows it again.
LINKS = """
CREATE TABLE unsubscribe_links (
    user_id bigint CONSTRAINT unsubscribe_links_pkey PRIMARY KEY
        CONSTRAINT unsubscribe_links_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    token text NOT NULL CONSTRAINT unsubscribe_links_token_key UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT unsubscribe_links_token_length_check CHECK (char_length(token) = 43)
);
"""


def upgrade() -> None:
    for part in (PACE, LINKS):
        op.execute(part)


def downgrade() -> None:
    op.execute("DROP TABLE unsubscribe_links, mail_pace")

"""Files of announcements: attachments of no course.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"

# The index is what finds those that no announcement uses.
UPGRADE = """
ALTER TABLE course_attachments ALTER COLUMN course_id DROP NOT NULL;
CREATE INDEX course_attachments_of_announcements_idx ON course_attachments (created_at)
    WHERE course_id IS NULL AND state = 'ready';
"""

DOWNGRADE = """
DROP INDEX course_attachments_of_announcements_idx;
DELETE FROM course_attachments WHERE course_id IS NULL;
ALTER TABLE course_attachments ALTER COLUMN course_id SET NOT NULL;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)

"""A file that a published announcement loses is news to inboxes, whoever removes it.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"

# In the order of the shards, so that two removals cannot wait for each other.
COUNT_LOST_FILES = """
CREATE FUNCTION count_lost_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO announcement_changes AS counted (shard, changes)
    SELECT DISTINCT mod(announcement_id, 16), 1
      FROM lost JOIN announcements ON announcements.id = announcement_id
     WHERE status = 'published'
     ORDER BY 1
        ON CONFLICT (shard) DO UPDATE SET changes = counted.changes + 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER announcement_attachments_lost
    AFTER DELETE ON announcement_attachments REFERENCING OLD TABLE AS lost
    FOR EACH STATEMENT EXECUTE FUNCTION count_lost_files();
"""


def upgrade() -> None:
    op.execute(COUNT_LOST_FILES)


def downgrade() -> None:
    op.execute("DROP TRIGGER announcement_attachments_lost ON announcement_attachments")
    op.execute("DROP FUNCTION count_lost_files")

"""Files of courses, and the objects that none of them needs any more.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE course_attachments (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT course_attachments_pkey PRIMARY KEY,
    course_id bigint NOT NULL CONSTRAINT course_attachments_course_id_fkey REFERENCES courses (id)
        ON DELETE CASCADE,
    title text NOT NULL,
    filename text NOT NULL,
    content_type text NOT NULL,
    size_bytes bigint NOT NULL,
    checksum_sha256 text,
    state text NOT NULL DEFAULT 'uploading',
    object_key text NOT NULL,
    etag text,
    multipart_id text,
    upload_expires_at timestamptz NOT NULL,
    uploaded_by bigint CONSTRAINT course_attachments_uploaded_by_fkey REFERENCES users (id)
        ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT course_attachments_object_key_key UNIQUE (object_key),
    CONSTRAINT course_attachments_title_length_check CHECK (char_length(title) BETWEEN 1 AND 255),
    CONSTRAINT course_attachments_filename_length_check
        CHECK (char_length(filename) BETWEEN 1 AND 255),
    CONSTRAINT course_attachments_content_type_length_check
        CHECK (char_length(content_type) BETWEEN 3 AND 255),
    CONSTRAINT course_attachments_size_check CHECK (size_bytes BETWEEN 1 AND 1073741824),
    CONSTRAINT course_attachments_checksum_check CHECK (checksum_sha256 ~ '^[A-Za-z0-9+/]{43}=$'),
    CONSTRAINT course_attachments_state_check CHECK (state IN ('uploading', 'ready')),
    CONSTRAINT course_attachments_ready_check CHECK ((state = 'ready') = (etag IS NOT NULL))
);
CREATE INDEX course_attachments_course_id_idx ON course_attachments (course_id, id);
CREATE INDEX course_attachments_unfinished_idx ON course_attachments (created_at)
    WHERE state = 'uploading';

CREATE TABLE attachment_leftovers (
    object_key text CONSTRAINT attachment_leftovers_pkey PRIMARY KEY,
    due_at timestamptz NOT NULL
);
CREATE INDEX attachment_leftovers_due_at_idx ON attachment_leftovers (due_at);
"""

# Holds for whatever removes rows, the course's own removal too. The form of an upload may bring the
# object back for as long as it is valid, and an upload that began in its last second goes on.
LEAVE = """
CREATE FUNCTION leave_object() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO attachment_leftovers (object_key, due_at)
    VALUES (OLD.object_key, greatest(now(), OLD.upload_expires_at) + interval '1 hour')
    ON CONFLICT (object_key) DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER course_attachments_leave_object
    AFTER DELETE OR UPDATE OF object_key ON course_attachments
    FOR EACH ROW EXECUTE FUNCTION leave_object();
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(LEAVE)


def downgrade() -> None:
    op.execute("DROP TABLE attachment_leftovers, course_attachments")
    op.execute("DROP FUNCTION leave_object")

"""Tables of attachments. A trigger (migration 0004) writes a key that a row no longer names into
`attachment_leftovers`."""

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

from chalicelib.core.metadata import metadata

course_attachments = Table(
    "course_attachments",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    # Null: a file of announcements.
    Column("course_id", BigInteger, ForeignKey("courses.id", ondelete="CASCADE")),
    Column("title", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("checksum_sha256", Text),
    Column("state", Text, nullable=False, server_default=text("'uploading'")),
    Column("object_key", Text, nullable=False),
    Column("etag", Text),
    Column("multipart_id", Text),
    Column("upload_expires_at", DateTime(timezone=True), nullable=False),
    Column("uploaded_by", BigInteger, ForeignKey("users.id", ondelete="SET NULL")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("version", Integer, nullable=False, server_default=text("1")),
    UniqueConstraint("object_key"),
    CheckConstraint("char_length(title) BETWEEN 1 AND 255", name="title_length"),
    CheckConstraint("char_length(filename) BETWEEN 1 AND 255", name="filename_length"),
    CheckConstraint("char_length(content_type) BETWEEN 3 AND 255", name="content_type_length"),
    CheckConstraint("size_bytes BETWEEN 1 AND 1073741824", name="size"),
    CheckConstraint("checksum_sha256 ~ '^[A-Za-z0-9+/]{43}=$'", name="checksum"),
    CheckConstraint("state IN ('uploading', 'ready')", name="state"),
    CheckConstraint("(state = 'ready') = (etag IS NOT NULL)", name="ready"),
)
Index(
    "course_attachments_course_id_idx",
    course_attachments.c.course_id,
    course_attachments.c.id,
)
Index(
    "course_attachments_unfinished_idx",
    course_attachments.c.created_at,
    postgresql_where=text("state = 'uploading'"),
)

Index(
    "course_attachments_of_announcements_idx",
    course_attachments.c.created_at,
    postgresql_where=text("course_id IS NULL AND state = 'ready'"),
)

attachment_leftovers = Table(
    "attachment_leftovers",
    metadata,
    Column("object_key", Text, primary_key=True),
    Column("due_at", DateTime(timezone=True), nullable=False),
)
Index("attachment_leftovers_due_at_idx", attachment_leftovers.c.due_at)

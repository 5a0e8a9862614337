"""Every SELECT over attachments; nothing here writes. Postgres builds the JSON."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from chalicelib.attachments.rules import Shelf
from chalicelib.attachments.schemas import AttachmentQuery
from chalicelib.core.listing import Listing
from chalicelib.core.pagination import Page

ATTACHMENT_FIELDS = """
    course_attachments.id, course_attachments.course_id AS course, course_attachments.title,
    course_attachments.filename, course_attachments.content_type,
    course_attachments.size_bytes AS size, course_attachments.checksum_sha256,
    course_attachments.state,
    (SELECT json_build_object('id', users.id, 'username', users.username,
                              'full_name', users.full_name)
       FROM users WHERE users.id = course_attachments.uploaded_by) AS uploaded_by,
    to_char(course_attachments.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        AS created_at
"""
# As a scalar subquery it also stands in a RETURNING list.
_JSON = f"(SELECT row_to_json(file)::text FROM (SELECT {ATTACHMENT_FIELDS}) file)"  # noqa: S608
ATTACHMENT_COLUMNS = f"""
    id, version, course_id, uploaded_by, state, filename, content_type, size_bytes,
    checksum_sha256, object_key, multipart_id, {_JSON}
"""

_ATTACHMENT = text(f"SELECT {ATTACHMENT_COLUMNS} FROM course_attachments WHERE id = :id")  # noqa: S608
_LOCKED_ATTACHMENT = text(f"{_ATTACHMENT.text} FOR UPDATE")
_ATTACHMENTS = Listing(
    table="course_attachments",
    fields=ATTACHMENT_FIELDS,
    conditions={
        "course": "course_id = :course",
        "viewer": "(state = 'ready' OR uploaded_by = :viewer)",
    },
)


class Attachment(NamedTuple):
    """An attachment with what only the server knows of it, and as JSON text."""

    id: int
    version: int
    course_id: int | None
    uploaded_by: int | None
    state: str
    filename: str
    content_type: str
    size_bytes: int
    checksum_sha256: str | None
    object_key: str
    multipart_id: str | None
    json: str

    @property
    def etag(self) -> str:
        """Return the opaque tag of this version."""
        return f"{self.id}-{self.version}"

    @property
    def shelf(self) -> Shelf:
        """Whose file it is."""
        return "announcement" if self.course_id is None else "course"

    @property
    def is_ready(self) -> bool:
        """Whether its file has arrived and was checked."""
        return self.state == "ready"


def find_attachment(
    connection: Connection, attachment_id: int, *, lock: bool = False
) -> Attachment | None:
    """Return an attachment, locked against other changes where asked."""
    statement = _LOCKED_ATTACHMENT if lock else _ATTACHMENT
    row = connection.execute(statement, {"id": attachment_id}).one_or_none()
    return Attachment(*row) if row else None


def list_attachments(connection: Connection, query: AttachmentQuery, viewer: int | None) -> Page:
    """Return a page of the attachments of a course, newest first: what is ready and what the
    viewer uploads, or with None all.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    return _ATTACHMENTS.page(connection, query, sort="-id", course=query.course, viewer=viewer)

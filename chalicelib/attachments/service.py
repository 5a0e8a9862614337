"""What is done with the files of courses, and with those of announcements as far as these are files
like others; how an uploaded one is checked is in completing.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import STAFF, Caller
from chalicelib.attachments import leftovers, queries
from chalicelib.attachments.errors import BY_CONSTRAINT, AttachmentReady, AttachmentUnfinished
from chalicelib.attachments.queries import ATTACHMENT_COLUMNS, Attachment
from chalicelib.attachments.rules import PART_BYTES, Shelf, part_sizes
from chalicelib.attachments.schemas import AttachmentIn, AttachmentQuery, FileIn, PartOut, PartsOut
from chalicelib.audit import service as audit
from chalicelib.catalog.service import get_course_for
from chalicelib.core.clock import utc_now
from chalicelib.core.errors import FieldError, Forbidden, Invalid, NotFound
from chalicelib.core.pagination import Page
from chalicelib.core.settings import get_settings
from chalicelib.core.violations import refused_as
from chalicelib.integrations import multipart, s3
from chalicelib.scheduling.queries import teaches_course

UPLOAD_SECONDS = 15 * 60
DOWNLOAD_SECONDS = 5 * 60

_INSERT = text(
    f"""
    INSERT INTO course_attachments (course_id, title, filename, content_type, size_bytes,
                                    checksum_sha256, object_key, upload_expires_at, uploaded_by)
    VALUES (:course_id, :title, :filename, :content_type, :size_bytes, :checksum_sha256,
            :object_key, :upload_expires_at, :uploaded_by)
    RETURNING {ATTACHMENT_COLUMNS}
    """  # noqa: S608
)
_IN_PARTS = text("UPDATE course_attachments SET multipart_id = :multipart_id WHERE id = :id")
_DELETE = text("DELETE FROM course_attachments WHERE id = :id")
_DELETE_OF_COURSE = text(
    "DELETE FROM course_attachments WHERE course_id = :course_id RETURNING object_key, multipart_id"
)
_DELETE_UNFINISHED = text(
    """
    WITH old AS MATERIALIZED (
        SELECT id FROM course_attachments
         WHERE state = 'uploading' AND created_at < now() - interval '1 day'
         ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    DELETE FROM course_attachments USING old WHERE course_attachments.id = old.id
    RETURNING object_key, multipart_id
    """
)


def may_keep_attachments(connection: Connection, caller: Caller, course_id: int) -> bool:
    """Tell whether the caller may upload and remove files of a course: registrars and managers, and
    who teaches a section of it.
    """
    if caller.role in STAFF:
        return True
    return caller.role == "teacher" and teaches_course(connection, caller.id, course_id)


def get_attachment_for(connection: Connection, caller: Caller, attachment_id: int) -> Attachment:
    """Return an attachment of a course; one that is not ready is seen by its uploader and by staff.

    Raises:
        NotFound: there is none, or none that the caller may see.
    """
    return _seen_by(caller, queries.find_attachment(connection, attachment_id), "course")


def lock_attachment_for(
    connection: Connection, caller: Caller, attachment_id: int, shelf: Shelf = "course"
) -> Attachment:
    """Return an attachment that the caller may remove, and that nobody else changes meanwhile.

    Raises:
        NotFound: there is none, or none that the caller may see.
        Forbidden: the caller does not keep the files of this course.
    """
    present = queries.find_attachment(connection, attachment_id, lock=True)
    attachment = _seen_by(caller, present, shelf)
    _check_may_keep(connection, caller, attachment.course_id)
    return attachment


def get_upload_for(
    connection: Connection,
    caller: Caller,
    attachment_id: int,
    shelf: Shelf = "course",
    *,
    lock: bool = False,
) -> Attachment:
    """Return an attachment that the caller uploads.

    Raises:
        NotFound: there is none, or none that the caller may see.
        Forbidden: somebody else uploads it, or the caller no longer keeps the files of the course.
    """
    present = queries.find_attachment(connection, attachment_id, lock=lock)
    attachment = _seen_by(caller, present, shelf)
    if attachment.uploaded_by != caller.id:
        raise Forbidden
    _check_may_keep(connection, caller, attachment.course_id)
    return attachment


def list_attachments_for(connection: Connection, caller: Caller, query: AttachmentQuery) -> Page:
    """Return a page of what the caller may see of a course's attachments."""
    viewer = None if caller.role in STAFF else caller.id
    return queries.list_attachments(connection, query, viewer)


def create_attachment(
    connection: Connection, caller: Caller, wanted: AttachmentIn
) -> tuple[Attachment, s3.PresignedUpload]:
    """Add an attachment of a course without its file, and the form that takes the file.

    Raises:
        NotFound: there is no such course.
        Forbidden: the caller does not keep its files.
        Invalid: as `add_file`.
    """
    course = get_course_for(connection, caller, wanted.course)
    _check_may_keep(connection, caller, course.id)
    return add_file(connection, caller, wanted, course.id)


def add_file(
    connection: Connection, caller: Caller, wanted: FileIn, course_id: int | None
) -> tuple[Attachment, s3.PresignedUpload]:
    """Add a file that is to come, of a course or with None of announcements, and the form for it.

    Raises:
        Invalid: files of that type are not taken.
        NotFound: the course was removed meanwhile.
    """
    allowed = get_settings().allowed_attachment_types
    if wanted.content_type not in allowed:
        message = f"Must be one of: {', '.join(sorted(allowed))}."
        raise Invalid(errors=[FieldError("content_type", "not_one_of", message)])
    key = leftovers.new_key(leftovers.UPLOADS, course_id)
    upload = s3.presigned_upload(
        key,
        wanted.content_type,
        wanted.size,
        wanted.size,
        UPLOAD_SECONDS,
        checksum_sha256=wanted.checksum_sha256,
    )
    with refused_as(BY_CONSTRAINT):
        row = connection.execute(
            _INSERT,
            {
                "course_id": course_id,
                "title": wanted.title or wanted.filename,
                "filename": wanted.filename,
                "content_type": wanted.content_type,
                "size_bytes": wanted.size,
                "checksum_sha256": wanted.checksum_sha256,
                "object_key": key,
                "upload_expires_at": upload.expires_at,
                "uploaded_by": caller.id,
            },
        ).one()
    attachment = Attachment(*row)
    after = {"course": course_id, "content_type": wanted.content_type, "size": wanted.size}
    audit.add(connection, caller, "attachment_created", "attachment", attachment.id, after=after)
    return attachment, upload


def offer_parts(
    connection: Connection,
    caller: Caller,
    attachment_id: int,
    numbers: Sequence[int],
    shelf: Shelf = "course",
) -> PartsOut:
    """Return links for parts of the file; the first ones start the upload in parts.

    Raises:
        NotFound, Forbidden: as `get_upload_for`.
        AttachmentReady: there is nothing to upload any more.
        Invalid: the file does not have that many parts.
    """
    attachment = get_upload_for(connection, caller, attachment_id, shelf, lock=True)
    if attachment.is_ready:
        raise AttachmentReady
    sizes = part_sizes(attachment.size_bytes)
    beyond = [
        FieldError(f"numbers.{index}", "out_of_range", f"There are {len(sizes)} parts.")
        for index, number in enumerate(numbers)
        if number > len(sizes)
    ]
    if beyond:
        raise Invalid(errors=beyond)
    key, upload_id = attachment.object_key, attachment.multipart_id
    if upload_id is None:
        upload_id = multipart.start(key, attachment.content_type)
        connection.execute(_IN_PARTS, {"id": attachment.id, "multipart_id": upload_id})
    expires_at = utc_now() + timedelta(seconds=UPLOAD_SECONDS)
    parts = []
    for number in numbers:
        size = sizes[number - 1]
        url = multipart.presigned_part(key, upload_id, number, size, UPLOAD_SECONDS)
        parts.append(PartOut(number=number, size=size, url=url))
    return PartsOut(part_size=PART_BYTES, count=len(sizes), parts=parts, expires_at=expires_at)


def download_url(attachment: Attachment) -> str:
    """Return a link to the file, under its name and never shown in the page.

    Raises:
        AttachmentUnfinished: it has not arrived yet.
    """
    if not attachment.is_ready:
        raise AttachmentUnfinished
    return s3.presigned_download(
        attachment.object_key,
        attachment.filename,
        DOWNLOAD_SECONDS,
        content_type=attachment.content_type,
    )


def delete_attachment(connection: Connection, caller: Caller, attachment: Attachment) -> None:
    """Remove a locked attachment, and its file after the commit."""
    connection.execute(_DELETE, {"id": attachment.id})
    before = {"course": attachment.course_id, "state": attachment.state}
    audit.add(connection, caller, "attachment_deleted", "attachment", attachment.id, before=before)
    leftovers.remove_after_commit(connection, (attachment.object_key, attachment.multipart_id))


def delete_attachments_of(connection: Connection, caller: Caller, course_id: int) -> None:
    """Remove the attachments of a locked course that is about to go, and after the commit their
    files."""
    rows = connection.execute(_DELETE_OF_COURSE, {"course_id": course_id}).all()
    if rows:
        before = {"attachments": len(rows)}
        audit.add(connection, caller, "attachments_deleted", "course", course_id, before=before)
        left = [(row.object_key, row.multipart_id) for row in rows]
        leftovers.remove_after_commit(connection, *left)


def delete_unfinished(connection: Connection, limit: int) -> int:
    """Remove up to `limit` uploads that were not completed within a day; return how many."""
    rows = connection.execute(_DELETE_UNFINISHED, {"limit": limit}).all()
    if rows:
        left = [(row.object_key, row.multipart_id) for row in rows]
        leftovers.remove_after_commit(connection, *left)
    return len(rows)


def _seen_by(caller: Caller, attachment: Attachment | None, shelf: Shelf) -> Attachment:
    if attachment is None or attachment.shelf != shelf:
        raise NotFound
    is_own = attachment.uploaded_by == caller.id or caller.role in STAFF
    is_public = attachment.is_ready and shelf == "course"
    if not is_own and not is_public:
        raise NotFound
    return attachment


def _check_may_keep(connection: Connection, caller: Caller, course_id: int | None) -> None:
    # A file of announcements is kept by those who see it here: its uploader and staff.
    if course_id is not None and not may_keep_attachments(connection, caller, course_id):
        raise Forbidden

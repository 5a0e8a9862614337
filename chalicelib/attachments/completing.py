"""The check of an uploaded file, and its way to where it is downloaded from.

Three steps, none of which holds a connection of the database while S3 works: the upload is judged;
exactly what was judged is copied to a key that no form and no link for parts was ever made for; the
attachment takes the copy. A form that is posted again, or a part that is sent again, changes
nothing that anybody reads. A step that breaks off leaves a key in `attachment_leftovers`, and the
whole can be repeated. docs/decisions/0012 says why.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller
from chalicelib.attachments import leftovers, service
from chalicelib.attachments.errors import UploadMismatch, UploadMissing
from chalicelib.attachments.queries import ATTACHMENT_COLUMNS, Attachment, find_attachment
from chalicelib.attachments.rules import PREFIX_BYTES, Shelf, fits_type, part_sizes
from chalicelib.audit import service as audit
from chalicelib.core.errors import Busy, found
from chalicelib.integrations import multipart, s3
from chalicelib.integrations.errors import ObjectChanged, ObjectMissing

log = logging.getLogger(__name__)

Transaction = Callable[[], AbstractContextManager[Connection]]

_READ_BYTES = 1024 * 1024

_TAKE_COPY = text(
    f"""
    UPDATE course_attachments
       SET state = 'ready', object_key = :object_key, etag = :etag, multipart_id = NULL,
           checksum_sha256 = coalesce(checksum_sha256, :checksum_sha256), version = version + 1
     WHERE id = :id
    RETURNING {ATTACHMENT_COLUMNS}
    """  # noqa: S608
)
_NOT_IN_PARTS = text(
    "UPDATE course_attachments SET multipart_id = NULL"
    " WHERE id = :id AND multipart_id = :multipart_id"
)


class _Copy(NamedTuple):
    """A checked file at the key that it is to be downloaded from."""

    key: str
    etag: str
    checksum_sha256: str | None


def complete_attachment(
    transaction: Transaction, caller: Caller, attachment_id: int, shelf: Shelf = "course"
) -> Attachment:
    """Check what was uploaded and make the attachment ready; one that is ready stays as it is.

    `transaction` opens each piece of the database work.

    Raises:
        NotFound, Forbidden: as `service.get_upload_for`.
        UploadMissing: nothing has arrived, or not all parts.
        UploadMismatch: it is not the file that was announced; it is removed.
        Busy: the same was under way so long that it has to be done again.
    """
    with transaction() as connection:
        attachment = service.get_upload_for(connection, caller, attachment_id, shelf)
    if attachment.is_ready:
        return attachment
    try:
        copy = _copied(transaction, attachment, _judged(attachment))
    except (UploadMissing, UploadMismatch) as refusal:
        if isinstance(refusal, UploadMismatch):
            leftovers.remove((attachment.object_key, attachment.multipart_id))
        # A twin that was faster has cleared the upload away, or somebody replayed the form since.
        with transaction() as connection:
            present = service.get_upload_for(connection, caller, attachment_id, shelf, lock=True)
            if present.is_ready:
                return present
            if isinstance(refusal, UploadMismatch):
                connection.execute(
                    _NOT_IN_PARTS, {"id": present.id, "multipart_id": attachment.multipart_id}
                )
        raise
    with transaction() as connection:
        taken = _take(connection, caller, attachment, copy)
    return found(taken)


def _judged(attachment: Attachment) -> s3.ObjectHead:
    """Return the uploaded object, whose size, type and beginning are right.

    Raises:
        UploadMissing, UploadMismatch: there is no such object, or it is a wrong one.
    """
    key = attachment.object_key
    found = s3.head(key)
    if found is None and attachment.multipart_id is not None:
        _join(attachment, attachment.multipart_id)
        found = s3.head(key)
    if found is None:
        raise UploadMissing
    if found.size_bytes != attachment.size_bytes:
        raise _mismatch(attachment, "size")
    if found.content_type != attachment.content_type:
        raise _mismatch(attachment, "content_type")
    try:
        start = s3.read_start(key, found.etag, PREFIX_BYTES)
    except ObjectMissing as gone:
        raise UploadMissing from gone
    except ObjectChanged as replaced:
        raise _mismatch(attachment, "replaced") from replaced
    if not fits_type(attachment.content_type, start, attachment.size_bytes):
        raise _mismatch(attachment, "content")
    return found


def _join(attachment: Attachment, upload_id: str) -> None:
    """Make the object of its parts, if all of them have arrived."""
    key = attachment.object_key
    try:
        parts = multipart.list_parts(key, upload_id)
        sizes = dict(enumerate(part_sizes(attachment.size_bytes), start=1))
        if not sizes.keys() <= parts.keys():
            raise UploadMissing
        if {number: part.size_bytes for number, part in parts.items()} != sizes:
            raise _mismatch(attachment, "size")
        multipart.join(key, upload_id, parts)
    except ObjectMissing:
        # Joined or dropped by somebody else; what is there then is looked at next.
        return
    except ObjectChanged as replaced:
        raise UploadMissing from replaced


def _copied(transaction: Transaction, attachment: Attachment, found: s3.ObjectHead) -> _Copy:
    """Return a copy of the judged object, its checksum checked where one was announced.

    Raises:
        UploadMissing, UploadMismatch: it is gone, or not the judged one any more.
    """
    key = leftovers.new_key(leftovers.FILES, attachment.course_id)
    with transaction() as connection:
        leftovers.expect(connection, key)
    try:
        copy = s3.copy(attachment.object_key, found.etag, key, attachment.content_type)
    except ObjectMissing as gone:
        raise UploadMissing from gone
    except ObjectChanged as replaced:
        raise _mismatch(attachment, "replaced") from replaced
    checksum = copy.checksum_sha256
    if attachment.checksum_sha256 is not None:
        checksum = checksum or _sha256_of(key)
        if checksum != attachment.checksum_sha256:
            leftovers.remove((key, None))
            raise _mismatch(attachment, "checksum")
    return _Copy(key, copy.etag, checksum)


def _sha256_of(key: str) -> str:
    """Work the checksum out of a copy that the storage said none of.

    Raises:
        Busy: the sweep took the copy meanwhile.
    """
    digest = hashlib.sha256()
    try:
        with s3.open_object(key) as stream:
            while data := stream.read(_READ_BYTES):
                digest.update(data)
    except ObjectMissing as swept:
        raise Busy from swept
    return base64.b64encode(digest.digest()).decode()


def _take(
    connection: Connection, caller: Caller, attachment: Attachment, copy: _Copy
) -> Attachment | None:
    """Return the attachment with its file: this copy, or a twin's that was faster. None where it
    was removed meanwhile.
    """
    present = find_attachment(connection, attachment.id, lock=True)
    if present is None or present.is_ready:
        leftovers.remove_after_commit(connection, (copy.key, None))
        return present
    if not leftovers.adopt(connection, copy.key):
        raise Busy
    row = connection.execute(
        _TAKE_COPY,
        {
            "id": present.id,
            "object_key": copy.key,
            "etag": copy.etag,
            "checksum_sha256": copy.checksum_sha256,
        },
    ).one()
    ready = Attachment(*row)
    after = {"course": ready.course_id, "size": ready.size_bytes}
    audit.add(connection, caller, "attachment_completed", "attachment", ready.id, after=after)
    leftovers.remove_after_commit(connection, (present.object_key, present.multipart_id))
    return ready


def _mismatch(attachment: Attachment, reason: str) -> UploadMismatch:
    log.warning("upload_mismatch", extra={"attachment_id": attachment.id, "reason": reason})
    return UploadMismatch()

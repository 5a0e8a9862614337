"""Files of announcements: who attaches, reads and removes them. How one gets in and is checked is a
matter of attachments; a file of a course may be attached as well, and is then read here, too.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import STAFF, Caller
from chalicelib.announcements.errors import AttachmentInUse
from chalicelib.attachments import leftovers
from chalicelib.attachments import service as attachments
from chalicelib.attachments.queries import Attachment, find_attachment
from chalicelib.core.errors import FieldError, Invalid, found

# Files of courses are everybody's to read. What somebody else attached before stays, whoever edits.
# Locked, so that none is removed meanwhile; one that was is not found.
_ATTACH = text(
    """
    WITH files AS MATERIALIZED (
        SELECT file.id, number
          FROM unnest(CAST(:attachments AS bigint[])) WITH ORDINALITY AS wanted (id, number)
          JOIN course_attachments file ON file.id = wanted.id
         WHERE state = 'ready'
           AND (course_id IS NOT NULL OR uploaded_by = :caller_id
                OR EXISTS (SELECT FROM announcement_attachments
                            WHERE announcement_id = :id AND attachment_id = file.id))
           FOR KEY SHARE OF file)
    INSERT INTO announcement_attachments (announcement_id, attachment_id, number)
    SELECT :id, id, number FROM files
        ON CONFLICT (announcement_id, attachment_id) DO UPDATE SET number = excluded.number
    """
)
_DETACH_OTHERS = text(
    "DELETE FROM announcement_attachments"
    " WHERE announcement_id = :id AND attachment_id <> ALL (CAST(:attachments AS bigint[]))"
)
_REACHES = text(
    """
    SELECT EXISTS (
        SELECT FROM announcement_attachments
          JOIN announcements ON announcements.id = announcement_id
         WHERE attachment_id = :id
           AND (:is_staff OR publisher_id = :caller_id
                OR status = 'published'
                   AND EXISTS (SELECT FROM deliveries
                                WHERE deliveries.announcement_id = announcements.id
                                  AND user_id = :caller_id)))
    """
)
_IN_USE = text(
    """
    SELECT EXISTS (SELECT FROM announcement_attachments
                     JOIN announcements ON announcements.id = announcement_id
                    WHERE attachment_id = :id AND status <> 'withdrawn')
    """
)
_UNUSED = """
    NOT EXISTS (SELECT FROM announcement_attachments WHERE attachment_id = course_attachments.id)
"""
_LOCK_UNUSED = text(
    f"""
    SELECT id FROM course_attachments
     WHERE course_id IS NULL AND state = 'ready' AND created_at < now() - interval '7 days'
       AND {_UNUSED}
     ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED
    """  # noqa: S608
)
# In a later statement than the lock: one that was attached just before it is seen to be.
_DELETE_UNUSED = text(
    "DELETE FROM course_attachments"  # noqa: S608
    f" WHERE id = ANY (CAST(:ids AS bigint[])) AND {_UNUSED} RETURNING object_key, multipart_id"
)


def set_attachments(
    connection: Connection, caller: Caller, announcement_id: int, wanted: list[int]
) -> None:
    """Give an announcement these files in this order, and no others.

    Raises:
        Invalid: one of them is not ready, or is not the caller's to attach.
    """
    if wanted:
        binds = {"id": announcement_id, "caller_id": caller.id, "attachments": wanted}
        if connection.execute(_ATTACH, binds).rowcount < len(wanted):
            message = "Some of these files do not exist, are not ready, or are not yours."
            raise Invalid(errors=[FieldError("attachments", "not_one_of", message)])
    connection.execute(_DETACH_OTHERS, {"id": announcement_id, "attachments": wanted})


def get_file_for(connection: Connection, caller: Caller, attachment_id: int) -> Attachment:
    """Return a file of announcements: to its uploader and staff, and to the author of one that has
    it and whoever got it, as long as it is not withdrawn. A file of a course only to the latter.

    Raises:
        NotFound: there is none, or none that the caller may see.
    """
    attachment = found(find_attachment(connection, attachment_id))
    is_staff = caller.role in STAFF
    if attachment.shelf == "announcement" and (is_staff or attachment.uploaded_by == caller.id):
        return attachment
    binds = {"id": attachment.id, "caller_id": caller.id, "is_staff": is_staff}
    return found(attachment if connection.execute(_REACHES, binds).scalar_one() else None)


def delete_file(connection: Connection, caller: Caller, attachment: Attachment) -> None:
    """Remove a locked file of announcements.

    Raises:
        AttachmentInUse: an announcement has it that is out, or that is to come.
    """
    if connection.execute(_IN_USE, {"id": attachment.id}).scalar_one():
        raise AttachmentInUse
    attachments.delete_attachment(connection, caller, attachment)


def delete_unused(connection: Connection, limit: int) -> int:
    """Remove up to `limit` files that are a week old and that no announcement has; return how many
    are gone.
    """
    ids = list(connection.execute(_LOCK_UNUSED, {"limit": limit}).scalars())
    rows = connection.execute(_DELETE_UNUSED, {"ids": ids}).all() if ids else []
    if rows:
        left = [(row.object_key, row.multipart_id) for row in rows]
        leftovers.remove_after_commit(connection, *left)
    return len(rows)

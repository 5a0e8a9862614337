"""What can be wrong with an attachment."""

from __future__ import annotations

from chalicelib.core.errors import Conflict, NotFound


class UploadMissing(Conflict):
    code = "upload_missing"
    title = "Upload missing"
    detail = "The file has not arrived, or not all of its parts; upload it, then complete it."


class UploadMismatch(Conflict):
    code = "upload_mismatch"
    title = "Upload mismatch"
    detail = "What arrived is not the file that was announced, so it was removed; upload it again."


class AttachmentUnfinished(Conflict):
    code = "attachment_unfinished"
    title = "Upload unfinished"
    detail = "The upload of this file is not complete."


class AttachmentReady(Conflict):
    code = "attachment_ready"
    title = "Upload complete"
    detail = "The upload of this file is complete already; a new file is a new attachment."


BY_CONSTRAINT = {"course_attachments_course_id_fkey": NotFound}

"""Files of announcements: uploaded by whoever announces, read by whoever got one that has them."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import SIGNED_IN, TEACHING
from chalicelib.announcements import files
from chalicelib.announcements.errors import AttachmentInUse
from chalicelib.api.answers import Answer
from chalicelib.api.attachments import created
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.attachments import completing, service
from chalicelib.attachments.errors import (
    AttachmentReady,
    AttachmentUnfinished,
    UploadMismatch,
    UploadMissing,
)
from chalicelib.attachments.schemas import (
    AttachmentCreated,
    AttachmentOut,
    FileIn,
    PartsIn,
    PartsOut,
)
from chalicelib.integrations.errors import StorageAway

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "POST",
    "/api/announcement_attachments",
    roles=TEACHING,
    body=FileIn,
    answer=AttachmentCreated,
    status=201,
    creates=True,
)
def create_file(request: Request) -> Answer:
    """Say which file is to come, and get the form that takes exactly it.

    It goes out with the announcements that name it; one that none names is removed after a week.
    """
    attachment, upload = service.add_file(request.connection, request.caller, request.body, None)
    return created("/api/announcement_attachments", attachment, upload)


@endpoint(
    blueprint,
    "GET",
    "/api/announcement_attachments/{id}",
    roles=SIGNED_IN,
    answer=AttachmentOut,
    work="transaction",
    conditional=True,
    personal=True,
)
def get_file(request: Request) -> Answer:
    """Read what is known of a file of an announcement."""
    attachment = files.get_file_for(request.connection, request.caller, request.path["id"])
    return Answer(attachment.json, etag=attachment.etag)


@endpoint(
    blueprint,
    "POST",
    "/api/announcement_attachments/{id}/parts",
    roles=TEACHING,
    body=PartsIn,
    answer=PartsOut,
    errors=(AttachmentReady, StorageAway),
)
def offer_file_parts(request: Request) -> Answer:
    """Get links to upload a large file in parts, instead of by the form."""
    numbers = request.body.numbers
    return Answer.of(
        service.offer_parts(
            request.connection, request.caller, request.path["id"], numbers, "announcement"
        )
    )


@endpoint(
    blueprint,
    "POST",
    "/api/announcement_attachments/{id}/complete",
    roles=TEACHING,
    answer=AttachmentOut,
    work="units",
    errors=(UploadMissing, UploadMismatch, StorageAway),
)
def complete_file(request: Request) -> Answer:
    """Have the uploaded file checked; from then on it can be attached. May be repeated."""
    attachment = completing.complete_attachment(
        request.transaction, request.caller, request.path["id"], "announcement"
    )
    return Answer(attachment.json, etag=attachment.etag)


@endpoint(
    blueprint,
    "GET",
    "/api/announcement_attachments/{id}/download",
    roles=SIGNED_IN,
    status=302,
    work="transaction",
    personal=True,
    errors=(AttachmentUnfinished,),
)
def download_file(request: Request) -> Answer:
    """Go to a file of an announcement that the caller got, a course's file included."""
    attachment = files.get_file_for(request.connection, request.caller, request.path["id"])
    return Answer(location=service.download_url(attachment))


@endpoint(
    blueprint,
    "DELETE",
    "/api/announcement_attachments/{id}",
    roles=TEACHING,
    status=204,
    conditional=True,
    errors=(AttachmentInUse,),
)
def delete_file(request: Request) -> Answer:
    """Remove a file that no announcement has any more, or give an upload up."""
    attachment = service.lock_attachment_for(
        request.connection, request.caller, request.path["id"], "announcement"
    )
    request.check_version(attachment.etag)
    files.delete_file(request.connection, request.caller, attachment)
    return Answer()

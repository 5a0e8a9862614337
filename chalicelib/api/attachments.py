"""Files of courses: read by all, kept by whom the service says."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import SIGNED_IN, TEACHING
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.api.paging import page_answer
from chalicelib.attachments import completing, service
from chalicelib.attachments.errors import (
    AttachmentReady,
    AttachmentUnfinished,
    UploadMismatch,
    UploadMissing,
)
from chalicelib.attachments.queries import Attachment
from chalicelib.attachments.schemas import (
    AttachmentCreated,
    AttachmentForm,
    AttachmentIn,
    AttachmentOut,
    AttachmentPage,
    AttachmentQuery,
    PartsIn,
    PartsOut,
)
from chalicelib.core.errors import NotFound
from chalicelib.core.pagination import InvalidCursor
from chalicelib.integrations.errors import StorageAway
from chalicelib.integrations.s3 import PresignedUpload

blueprint = Blueprint(__name__)


def created(path: str, attachment: Attachment, upload: PresignedUpload) -> Answer:
    """Answer with a file that is to come, which is then found below `path`, and the form for it."""
    form = AttachmentForm(url=upload.url, fields=upload.fields, expires_at=upload.expires_at)
    return Answer(
        f'{{"attachment":{attachment.json},"upload":{form.model_dump_json()}}}',
        etag=attachment.etag,
        location=f"{path}/{attachment.id}",
    )


@endpoint(
    blueprint,
    "GET",
    "/api/course_attachments",
    roles=SIGNED_IN,
    query=AttachmentQuery,
    answer=AttachmentPage,
    personal=True,
    errors=(InvalidCursor,),
)
def list_attachments(request: Request) -> Answer:
    """List the attachments of a course, newest first.

    Who uploads a file, registrars and managers also see what is not ready yet.
    """
    page = service.list_attachments_for(request.connection, request.caller, request.query)
    return page_answer(request, page)


@endpoint(
    blueprint,
    "POST",
    "/api/course_attachments",
    roles=TEACHING,
    body=AttachmentIn,
    answer=AttachmentCreated,
    status=201,
    creates=True,
    errors=(NotFound,),
)
def create_attachment(request: Request) -> Answer:
    """Announce a file, and get the form that takes exactly it."""
    attachment, upload = service.create_attachment(request.connection, request.caller, request.body)
    return created("/api/course_attachments", attachment, upload)


@endpoint(
    blueprint,
    "GET",
    "/api/course_attachments/{id}",
    roles=SIGNED_IN,
    answer=AttachmentOut,
    conditional=True,
    personal=True,
)
def get_attachment(request: Request) -> Answer:
    """Read what is known of an attachment."""
    attachment = service.get_attachment_for(request.connection, request.caller, request.path["id"])
    return Answer(attachment.json, etag=attachment.etag)


@endpoint(
    blueprint,
    "POST",
    "/api/course_attachments/{id}/parts",
    roles=TEACHING,
    body=PartsIn,
    answer=PartsOut,
    errors=(AttachmentReady, StorageAway),
)
def offer_parts(request: Request) -> Answer:
    """Get links to upload a large file in parts, instead of by the form."""
    return Answer.of(
        service.offer_parts(
            request.connection, request.caller, request.path["id"], request.body.numbers
        )
    )


@endpoint(
    blueprint,
    "POST",
    "/api/course_attachments/{id}/complete",
    roles=TEACHING,
    answer=AttachmentOut,
    work="units",
    errors=(UploadMissing, UploadMismatch, StorageAway),
)
def complete_attachment(request: Request) -> Answer:
    """Have the uploaded file checked; from then on it can be downloaded. May be repeated."""
    attachment = completing.complete_attachment(
        request.transaction, request.caller, request.path["id"]
    )
    return Answer(attachment.json, etag=attachment.etag)


@endpoint(
    blueprint,
    "GET",
    "/api/course_attachments/{id}/download",
    roles=SIGNED_IN,
    status=302,
    personal=True,
    errors=(AttachmentUnfinished,),
)
def download_attachment(request: Request) -> Answer:
    """Go to the file."""
    attachment = service.get_attachment_for(request.connection, request.caller, request.path["id"])
    return Answer(location=service.download_url(attachment))


@endpoint(
    blueprint,
    "DELETE",
    "/api/course_attachments/{id}",
    roles=TEACHING,
    status=204,
    conditional=True,
)
def delete_attachment(request: Request) -> Answer:
    """Remove an attachment and its file, or give an upload up."""
    attachment = service.lock_attachment_for(request.connection, request.caller, request.path["id"])
    request.check_version(attachment.etag)
    service.delete_attachment(request.connection, request.caller, attachment)
    return Answer()

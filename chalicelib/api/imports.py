"""Imports: a form to upload a large file, or a small file as the body itself."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import STAFF
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.bulk import service
from chalicelib.bulk.errors import UnknownKind
from chalicelib.bulk.schemas import ImportIn, ImportOut, ImportQuery, TaskStarted, UploadForm

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "POST",
    "/api/imports/{kind}",
    roles=STAFF,
    body=ImportIn,
    query=ImportQuery,
    accepts={service.UPLOAD_TYPE: service.MAX_BODY_BYTES},
    path_types={"kind": str},
    answer=ImportOut,
    status=201,
    other_answers={202: TaskStarted},
    creates=True,
    errors=(UnknownKind,),
)
def start_import(request: Request) -> Answer:
    """Import a file: a JSON body gets a form whose upload starts the import; a text/csv body is the
    file, with `filename`, `mode` and `invite` in the query.
    """
    connection, caller, kind = request.connection, request.caller, request.path["kind"]
    if request.media_type == service.UPLOAD_TYPE:
        asked = request.query
        task_id = service.start_import_of(
            connection,
            caller,
            kind,
            asked.filename,
            asked.mode,
            request.raw,
            invite=asked.invite,
        )
        return Answer.of(TaskStarted(task_id=task_id), status=202, location=f"/api/tasks/{task_id}")
    asked = request.body
    task_id, upload = service.start_import(
        connection, caller, kind, asked.filename, asked.mode, invite=asked.invite
    )
    form = UploadForm(url=upload.url, fields=upload.fields, expires_at=upload.expires_at)
    return Answer.of(ImportOut(task_id=task_id, upload=form), location=f"/api/tasks/{task_id}")

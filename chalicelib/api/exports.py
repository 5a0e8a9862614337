"""Exports: what a list shows, as a CSV file."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import TEACHING
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.bulk import service
from chalicelib.bulk.errors import UnknownKind
from chalicelib.bulk.schemas import ExportIn, TaskStarted

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "POST",
    "/api/exports/{kind}",
    roles=TEACHING,
    body=ExportIn,
    path_types={"kind": str},
    answer=TaskStarted,
    status=202,
    creates=True,
    errors=(UnknownKind,),
)
def start_export(request: Request) -> Answer:
    """Export what the list with these filters shows; teachers, who has not acknowledged what they
    announced.
    """
    filters = request.body.model_dump(exclude_unset=True, exclude_none=True)
    task_id = service.start_export(
        request.connection, request.caller, request.path["kind"], filters
    )
    return Answer.of(TaskStarted(task_id=task_id), location=f"/api/tasks/{task_id}")

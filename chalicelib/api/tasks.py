"""Tasks: how bulk work is getting on, its files, and what a plan would do."""

from __future__ import annotations

from uuid import UUID

from chalice.app import Blueprint

from chalicelib.accounts.rules import SIGNED_IN, STAFF
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.api.paging import page_answer
from chalicelib.bulk import service
from chalicelib.bulk.errors import (
    NoSuchResult,
    NotAPlan,
    PlanApplied,
    PlanMismatch,
    PlanStale,
    TaskUnfinished,
)
from chalicelib.bulk.schemas import (
    ApplyIn,
    PlanPage,
    PlanQuery,
    TaskOut,
    TaskPage,
    TaskQuery,
    TaskStarted,
)
from chalicelib.core.errors import Forbidden
from chalicelib.core.pagination import InvalidCursor

blueprint = Blueprint(__name__)
_ID = {"id": UUID}


@endpoint(
    blueprint,
    "GET",
    "/api/tasks",
    roles=SIGNED_IN,
    query=TaskQuery,
    answer=TaskPage,
    personal=True,
    errors=(InvalidCursor,),
)
def list_tasks(request: Request) -> Answer:
    """List the own tasks, newest first; a manager sees everybody's."""
    page = service.list_tasks_for(request.connection, request.caller, request.query)
    return page_answer(request, page)


@endpoint(
    blueprint,
    "GET",
    "/api/tasks/{id}",
    roles=SIGNED_IN,
    path_types=_ID,
    answer=TaskOut,
    personal=True,
)
def get_task(request: Request) -> Answer:
    """Read a task: its state, its progress, and its result or error once it has ended."""
    task = service.get_task_for(request.connection, request.caller, request.path["id"])
    return Answer(task.json)


@endpoint(
    blueprint,
    "GET",
    "/api/tasks/{id}/download",
    roles=SIGNED_IN,
    path_types=_ID,
    status=302,
    work="transaction",
    personal=True,
    errors=(Forbidden, TaskUnfinished, NoSuchResult),
)
def download_result(request: Request) -> Answer:
    """Go to the file of an export."""
    link = service.hand_out_result(request.connection, request.caller, request.path["id"])
    return Answer(location=link)


@endpoint(
    blueprint,
    "GET",
    "/api/tasks/{id}/errors",
    roles=SIGNED_IN,
    path_types=_ID,
    status=302,
    work="transaction",
    personal=True,
    errors=(Forbidden, TaskUnfinished, NoSuchResult),
)
def download_errors(request: Request) -> Answer:
    """Go to the error report of an import."""
    link = service.hand_out_report(request.connection, request.caller, request.path["id"])
    return Answer(location=link)


@endpoint(
    blueprint,
    "GET",
    "/api/tasks/{id}/plan",
    roles=STAFF,
    path_types=_ID,
    query=PlanQuery,
    answer=PlanPage,
    work="transaction",
    personal=True,
    errors=(InvalidCursor, NotAPlan, TaskUnfinished),
)
def list_plan(request: Request) -> Answer:
    """Read a plan row by row, in the order of the file."""
    page = service.list_plan_for(
        request.connection, request.caller, request.path["id"], request.query
    )
    return page_answer(request, page)


@endpoint(
    blueprint,
    "POST",
    "/api/tasks/{id}/apply",
    roles=STAFF,
    path_types=_ID,
    body=ApplyIn,
    answer=TaskStarted,
    status=202,
    creates=True,
    errors=(NotAPlan, TaskUnfinished, PlanMismatch, PlanApplied, PlanStale),
)
def apply_plan(request: Request) -> Answer:
    """Do what a plan says."""
    task_id = service.apply_plan(
        request.connection, request.caller, request.path["id"], request.body.plan_hash
    )
    return Answer.of(TaskStarted(task_id=task_id), location=f"/api/tasks/{task_id}")

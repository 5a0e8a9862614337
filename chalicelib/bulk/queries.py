"""Every SELECT over tasks that answers a request; nothing here writes. Postgres builds the JSON."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from chalicelib.bulk.schemas import PlanQuery, TaskQuery
from chalicelib.bulk.statements import stale_statement
from chalicelib.core.kinds import Kind
from chalicelib.core.listing import Listing
from chalicelib.core.pagination import Page


def _moment(column: str) -> str:
    shape = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
    return f"to_char(tasks.{column} AT TIME ZONE 'UTC', '{shape}') AS {column}"


_TASK_FIELDS = f"""
    tasks.id, tasks.kind, tasks.job, tasks.mode, tasks.filename, tasks.state,
    json_build_object('done', tasks.done, 'total', tasks.total) AS progress,
    CASE WHEN tasks.state = 'SUCCESS' THEN tasks.result END AS result,
    tasks.error, tasks.plan_of, tasks.created_by,
    {_moment("created_at")}, {_moment("started_at")}, {_moment("finished_at")}
"""

_TASKS = Listing(
    table="tasks",
    fields=_TASK_FIELDS,
    conditions={"created_by": "created_by = :created_by"},
    id="number",
)
_PLAN = Listing(
    table="task_rows",
    fields="task_rows.line, task_rows.key, task_rows.outcome,"
    " coalesce(task_rows.changes, '{}') AS changes, coalesce(task_rows.errors, '[]') AS errors",
    conditions={"number": "task_number = :number", "outcome": "outcome = :outcome"},
    id="line",
)


class TaskFacts(NamedTuple):
    """A task as the API and the service look at it."""

    id: uuid.UUID
    number: int
    kind: str
    job: str
    mode: str
    state: str
    result: dict[str, Any] | None
    parameters: dict[str, Any]
    filename: str | None
    source_key: str | None
    source_etag: str | None
    result_key: str | None
    errors_key: str | None
    created_by: int | None
    json: str


_TASK = text(
    f"""
    SELECT id, number, kind, job, mode, state, result, parameters, filename, source_key,
           source_etag, result_key, errors_key, created_by,
           (SELECT row_to_json(task)::text FROM (SELECT {_TASK_FIELDS}) task) AS json
      FROM tasks WHERE id = :id
    """  # noqa: S608
)


def find_task(connection: Connection, task_id: uuid.UUID) -> TaskFacts | None:
    """Return a task."""
    row = connection.execute(_TASK, {"id": task_id}).one_or_none()
    return TaskFacts(*row) if row else None


def list_tasks(connection: Connection, query: TaskQuery, created_by: int | None) -> Page:
    """Return a page of tasks, newest first; of one user, or with None of all.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    return _TASKS.page(connection, query, sort="-number", created_by=created_by)


def list_plan(connection: Connection, number: int, query: PlanQuery) -> Page:
    """Return a page of the rows of a plan, in the order of the file.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    return _PLAN.page(connection, query, sort="line", number=number, outcome=query.outcome)


def is_applied(connection: Connection, plan_id: uuid.UUID) -> bool:
    """Tell whether a plan was applied, or is about to be."""
    statement = text("SELECT EXISTS (SELECT FROM tasks WHERE plan_of = :id AND state <> 'FAILURE')")
    return bool(connection.execute(statement, {"id": plan_id}).scalar_one())


def is_stale(connection: Connection, kind: Kind, plan_number: int) -> bool:
    """Tell whether the data that a plan touches changed since."""
    return bool(connection.execute(stale_statement(kind), {"number": plan_number}).scalar_one())

"""Every SELECT over tasks that answers a request; nothing here writes. Postgres builds the JSON."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, TextClause, text

from chalicelib.bulk.schemas import PlanQuery, TaskQuery
from chalicelib.bulk.statements import stale_statement
from chalicelib.core.kinds import Kind
from chalicelib.core.pagination import (
    InvalidCursor,
    Page,
    Position,
    decode_cursor,
    encode_cursor,
)

_NEWEST_FIRST = "-number"
_BY_LINE = "line"


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


class TaskFacts(NamedTuple):
    """A task as the API and the service look at it."""

    id: uuid.UUID
    number: int
    kind: str
    job: str
    mode: str
    state: str
    result: dict[str, Any] | None
    filename: str | None
    source_key: str | None
    source_etag: str | None
    result_key: str | None
    errors_key: str | None
    created_by: int | None
    json: str


_TASK = text(
    f"""
    SELECT id, number, kind, job, mode, state, result, filename, source_key, source_etag,
           result_key, errors_key, created_by,
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
    before = _position(query.cursor, _NEWEST_FIRST)
    statement = _tasks_page(before is not None, created_by is not None)
    parameters = {"limit": query.limit, "before": before, "created_by": created_by}
    return _page(connection, statement, parameters, _NEWEST_FIRST)


def list_plan(connection: Connection, number: int, query: PlanQuery) -> Page:
    """Return a page of the rows of a plan, in the order of the file.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    after = _position(query.cursor, _BY_LINE)
    statement = _plan_page(after is not None, query.outcome is not None)
    parameters = {
        "limit": query.limit,
        "after": after,
        "number": number,
        "outcome": query.outcome,
    }
    return _page(connection, statement, parameters, _BY_LINE)


def is_applied(connection: Connection, plan_id: uuid.UUID) -> bool:
    """Tell whether a plan was applied, or is about to be."""
    statement = text("SELECT EXISTS (SELECT FROM tasks WHERE plan_of = :id AND state <> 'FAILURE')")
    return bool(connection.execute(statement, {"id": plan_id}).scalar_one())


def is_stale(connection: Connection, kind: Kind, plan_number: int) -> bool:
    """Tell whether the data that a plan touches changed since."""
    return bool(connection.execute(stale_statement(kind), {"number": plan_number}).scalar_one())


@cache
def _tasks_page(resumes: bool, of_one: bool) -> TextClause:
    conditions = ["number < :before"] if resumes else []
    if of_one:
        conditions.append("created_by = :created_by")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return _paged(
        f"SELECT * FROM tasks {where} ORDER BY number DESC LIMIT :limit + 1",  # noqa: S608
        alias="tasks",
        key="number",
        fields=_TASK_FIELDS,
    )


@cache
def _plan_page(resumes: bool, by_outcome: bool) -> TextClause:
    conditions = ["task_number = :number"]
    if resumes:
        conditions.append("line > :after")
    if by_outcome:
        conditions.append("outcome = :outcome")
    return _paged(
        f"SELECT * FROM task_rows WHERE {' AND '.join(conditions)} ORDER BY line LIMIT :limit + 1",  # noqa: S608
        alias="plan",
        key="line",
        fields="plan.line, plan.key, plan.outcome,"
        " coalesce(plan.changes, '{}') AS changes, coalesce(plan.errors, '[]') AS errors",
    )


def _paged(rows: str, *, alias: str, key: str, fields: str) -> TextClause:
    """Return a SELECT of one row: the items as a JSON array, whether more follow, the last key."""
    return text(
        f"""
        SELECT '[' || coalesce(array_to_string(items[1 : :limit], ','), '') || ']',
               cardinality(items) > :limit, keys[:limit]
          FROM (SELECT array_agg(row_to_json(shown)::text) AS items,
                       array_agg(CAST({alias}.{key} AS bigint)) AS keys
                  FROM ({rows}) {alias}
                 CROSS JOIN LATERAL (SELECT {fields}) shown) page
        """  # noqa: S608
    )


def _page(
    connection: Connection, statement: TextClause, parameters: dict[str, Any], sort: str
) -> Page:
    named = statement.compile().params.keys()
    used = {name: value for name, value in parameters.items() if name in named}
    items, more, last = connection.execute(statement, used).one()
    return Page(items, encode_cursor(Position(sort, "", last)) if more else None)


def _position(cursor: str | None, sort: str) -> int | None:
    if cursor is None:
        return None
    position = decode_cursor(cursor, sort)
    if position.key:
        raise InvalidCursor
    return position.id

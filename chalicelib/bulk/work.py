"""A worker's hold on a task: claim it, keep it at each step, end it.

A step is a transaction that locks the task's row first. `attempt` is the fence: whoever claims a
task raises it, and who finds another than the own one was taken over and stops. No lease is waited
for: the lock of a worker that died is gone with its connection, so the next one goes on at once,
and the lock of one that lives keeps a second copy of the message out.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, text

from chalicelib.bulk.errors import TaskBusy, TaskTaken, UnknownTask
from chalicelib.bulk.registry import get_kind

MAX_ATTEMPTS = 10
FORBIDDEN = {
    "code": "forbidden",
    "detail": "Whoever asked for it is not in a role any more that allows it.",
}
WORKER_LOST = {
    "code": "worker_lost",
    "detail": "The work broke off each time that it was tried.",
}


@dataclass(frozen=True)
class Task:
    """A claimed task, as it was when it was claimed; `attempt` is ours."""

    id: uuid.UUID
    number: int
    kind: str
    job: Literal["import", "export"]
    mode: Literal["apply", "plan"]
    parameters: dict[str, Any]
    source_key: str | None
    source_etag: str | None
    plan_of: uuid.UUID | None
    result: dict[str, Any] | None
    created_by: int | None
    correlation_id: str | None
    attempt: int


_LOCK = text(
    """
    SELECT number, kind, job, mode, state, parameters, source_key, source_etag, plan_of,
           result, created_by, correlation_id, attempt,
           (SELECT role FROM users WHERE users.id = created_by AND active) AS role
      FROM tasks WHERE id = :id FOR NO KEY UPDATE SKIP LOCKED
    """
)
_EXISTS = text("SELECT EXISTS (SELECT FROM tasks WHERE id = :id)")
_CLAIM = text(
    """
    UPDATE tasks
       SET attempt = attempt + 1, state = 'PROGRESS', heartbeat_at = clock_timestamp(),
           started_at = coalesce(started_at, clock_timestamp()), done = 0
     WHERE id = :id
    """
)
_HOLD = text(
    """
    UPDATE tasks
       SET heartbeat_at = clock_timestamp(), done = coalesce(:done, done),
           total = coalesce(:total, total), source_etag = coalesce(:source_etag, source_etag)
     WHERE id = (SELECT id FROM tasks
                  WHERE id = :id AND attempt = :attempt AND state = 'PROGRESS'
                    FOR NO KEY UPDATE SKIP LOCKED)
    """
)
_SUCCEED = text(
    """
    UPDATE tasks
       SET state = 'SUCCESS', finished_at = clock_timestamp(), heartbeat_at = clock_timestamp(),
           result = CAST(:result AS jsonb), done = :count, total = :count,
           result_key = :result_key, errors_key = :errors_key
     WHERE id = :id
    """
)
_KEEP_RESULT = text("UPDATE tasks SET result = CAST(:result AS jsonb) WHERE id = :id")
_FAIL = text(
    """
    UPDATE tasks
       SET state = CASE WHEN result IS NULL THEN 'FAILURE' ELSE 'SUCCESS' END,
           error = CASE WHEN result IS NULL THEN CAST(:error AS jsonb) END,
           result = result || '{"error_report": false}',
           done = coalesce((result->>'total')::bigint, done),
           total = coalesce((result->>'total')::bigint, total),
           finished_at = clock_timestamp()
     WHERE id = :id
    """
)


def claim_task(
    connection: Connection, task_id: uuid.UUID, job: Literal["import", "export"]
) -> Task | None:
    """Take a task over from whoever had it; None where nothing is left to do.

    Raises:
        UnknownTask: there is no such task for this job.
        TaskBusy: another worker is at a step of it right now.
    """
    row = connection.execute(_LOCK, {"id": task_id}).one_or_none()
    if row is None:
        if connection.execute(_EXISTS, {"id": task_id}).scalar_one():
            raise TaskBusy(task_id)
        raise UnknownTask(task_id)
    if row.job != job:
        raise UnknownTask(task_id)
    if row.state in ("SUCCESS", "FAILURE"):
        return None
    if row.attempt >= MAX_ATTEMPTS:
        fail_task(connection, task_id, WORKER_LOST)
        return None
    if row.created_by is not None and row.role not in get_kind(row.kind).roles:
        fail_task(connection, task_id, FORBIDDEN)
        return None
    connection.execute(_CLAIM, {"id": task_id})
    facts = row._asdict()
    del facts["state"], facts["role"]
    return Task(id=task_id, **facts | {"attempt": row.attempt + 1})


def hold_task(
    connection: Connection,
    task: Task,
    *,
    done: int | None = None,
    total: int | None = None,
    source_etag: str | None = None,
) -> None:
    """Keep the task for the rest of this transaction, and tell how far the work is.

    Raises:
        TaskTaken: another worker has it, or ended it.
    """
    held = connection.execute(
        _HOLD,
        {
            "id": task.id,
            "attempt": task.attempt,
            "done": done,
            "total": total,
            "source_etag": source_etag,
        },
    )
    if held.rowcount == 0:
        raise TaskTaken(task.id)


def keep_result(connection: Connection, task: Task, result: Mapping[str, Any]) -> None:
    """Note that the work of a held task is done, while its files are still to be written."""
    connection.execute(_KEEP_RESULT, {"id": task.id, "result": json.dumps(result)})


def succeed_task(
    connection: Connection,
    task: Task,
    result: Mapping[str, Any],
    *,
    count: int,
    result_key: str | None = None,
    errors_key: str | None = None,
) -> None:
    """End a held task well."""
    connection.execute(
        _SUCCEED,
        {
            "id": task.id,
            "result": json.dumps(result),
            "count": count,
            "result_key": result_key,
            "errors_key": errors_key,
        },
    )


def fail_task(connection: Connection, task_id: uuid.UUID, error: Mapping[str, str]) -> None:
    """End a locked task with the cause of its failure.

    One whose rows are written has not failed, whatever became of its report: it ends as a success
    without one.
    """
    connection.execute(_FAIL, {"id": task_id, "error": json.dumps(error)})

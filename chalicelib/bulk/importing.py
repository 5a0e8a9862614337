"""One import, from its message to its end: stage the file, judge and write it in one transaction,
write the error report. Each part can be broken off anywhere and done again.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DBAPIError

from chalicelib.audit import service as audit
from chalicelib.audit.service import OnBehalf
from chalicelib.bulk import report
from chalicelib.bulk.errors import TaskFailed
from chalicelib.bulk.registry import get_import_kind
from chalicelib.bulk.staging import Source, Staged, forget_rows, stage_rows
from chalicelib.bulk.statements import (
    apply_plan_statement,
    apply_statement,
    lock_statements,
    plan_statement,
)
from chalicelib.bulk.work import (
    Task,
    claim_task,
    fail_task,
    hold_task,
    keep_result,
    succeed_task,
)
from chalicelib.core import database, logs
from chalicelib.core.dialect import constraint_of, sqlstate
from chalicelib.core.kinds import Kind
from chalicelib.integrations import s3

log = logging.getLogger(__name__)

MAX_SOURCE_BYTES = 256 * 1024 * 1024
_APPLY_SECONDS = 280
_LOCK_SPACE = 4702
# Below this the planner may look rows up one by one; above, without statistics of a staging table,
# it must not be tempted to.
_MANY_ROWS = 2_000
# Data that Postgres refuses, whoever sends it and however often: classes 22, 23 and 54.
_HOPELESS = ("22", "23", "54")
_UNIQUE_VIOLATION = "23505"
_TRIES = 5
_AUDITED_COUNTS = ("created", "updated", "unchanged", "failed")

_LIMITS = text(
    """
    SELECT set_config('statement_timeout', :timeout, true),
           set_config('lock_timeout', :timeout, true),
           set_config('work_mem', '64MB', true),
           set_config('jit', 'off', true),
           set_config('enable_nestloop', :nestloop, true)
    """
)
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(:space, hashtext(:kind))")
_PLAN = text("SELECT number, result FROM tasks WHERE id = :id")
_FORGET_TOLD = text("DELETE FROM task_rows WHERE task_number = :number")


class StagingLost(Exception):
    """The staged rows are not there any more: Postgres restarted in between. Try again."""


def import_rows(task_id: uuid.UUID) -> None:
    """Do an import, or what is left of it.

    Raises:
        UnknownTask, TaskBusy, TaskTaken: the task is not ours to work on.
        Exception: what surrounds us failed; the same message can be tried again.
    """
    with database.transaction() as connection:
        task = claim_task(connection, task_id, "import")
    if task is None:
        return
    with logs.correlated(task.correlation_id or logs.correlation_id()):
        log.info("import_started", extra={"task_id": str(task.id), "attempt": task.attempt})
        with _failing(task):
            _run(task)
        _tidy(task)


def _run(task: Task) -> None:
    kind = get_import_kind(task.kind)
    source = _source_of(task)
    result, encoding = task.result, None
    if result is None:
        staged = stage_rows(task, kind, source)
        encoding = staged.encoding
        result = _write(task, kind, staged)
    if result["error_report"]:
        report.write_report(task, kind, source, encoding)
        with database.transaction() as connection:
            hold_task(connection, task)
            succeed_task(
                connection,
                task,
                result,
                count=result["total"],
                errors_key=report.report_key(task.id),
            )
    log.info("import_finished", extra={"task_id": str(task.id), "result": result})


def _source_of(task: Task) -> Source:
    """Return the file, pinned to what it was when the task was first worked on."""
    key = task.source_key or ""
    if task.source_etag:
        return Source(key, task.source_etag)
    found = s3.head(key)
    if found is None:
        raise TaskFailed("upload_missing", "The file was not uploaded before its form expired.")
    if found.size_bytes > MAX_SOURCE_BYTES:
        raise TaskFailed(
            "too_large", f"The file is larger than {MAX_SOURCE_BYTES // 1024 // 1024} MiB."
        )
    with database.transaction() as connection:
        hold_task(connection, task, source_etag=found.etag)
    return Source(key, found.etag)


def _write(task: Task, kind: Kind, staged: Staged) -> dict[str, Any]:
    """Judge the staged rows and write them, or their plan; return the result."""
    for _ in range(_TRIES - 1):
        try:
            return _try_to_write(task, kind, staged)
        except DBAPIError as error:
            contended = constraint_of(error) in kind.contended
            if sqlstate(error) != _UNIQUE_VIOLATION and not contended:
                raise
            # Somebody added one of the rows between our look and our write: look again.
            log.info("import_met_another_writer", extra={"task_id": str(task.id)})
    return _try_to_write(task, kind, staged)


def _try_to_write(task: Task, kind: Kind, staged: Staged) -> dict[str, Any]:
    many = staged.rows >= _MANY_ROWS
    with database.transaction() as connection:
        connection.execute(
            _LIMITS, {"timeout": f"{_APPLY_SECONDS}s", "nestloop": "off" if many else "on"}
        )
        hold_task(connection, task, done=staged.rows, total=staged.rows)
        result = _judge(connection, task, kind, staged)
        if result["total"] != staged.rows:
            raise StagingLost(task.id)
        if task.mode == "apply":
            who = OnBehalf(task.created_by)
            after = {"kind": kind.name, **{name: result[name] for name in _AUDITED_COUNTS}}
            audit.add(connection, who, "import_applied", "task", task.id, after=after)
        if result["error_report"]:
            keep_result(connection, task, result)
        else:
            succeed_task(connection, task, result, count=staged.rows)
    return result


def _judge(connection: Connection, task: Task, kind: Kind, staged: Staged) -> dict[str, Any]:
    if task.mode == "plan":
        statement = plan_statement(kind, staged.present)
        counts = connection.execute(statement, {"number": task.number}).one()
        return _result(kind, counts) | {"plan_hash": counts.plan_hash}
    connection.execute(_ONE_AT_A_TIME, {"space": _LOCK_SPACE, "kind": kind.name})
    for statement in lock_statements(kind):
        connection.execute(statement, {"number": task.number})
    if task.plan_of:
        return _apply_plan(connection, task, kind, staged)
    statement = apply_statement(kind, staged.present)
    counts = connection.execute(statement, {"number": task.number}).one()
    return _result(kind, counts)


def _apply_plan(connection: Connection, task: Task, kind: Kind, staged: Staged) -> dict[str, Any]:
    plan = connection.execute(_PLAN, {"id": task.plan_of}).one()
    statement = apply_plan_statement(kind, staged.present)
    counts = connection.execute(statement, {"number": task.number, "plan": plan.number}).one()
    planned = plan.result["created"] + plan.result["updated"]
    if counts.total == staged.rows and (counts.stale or counts.written != planned):
        raise TaskFailed("plan_stale", "The data that the plan touches changed since.")
    return _result(kind, counts)


def _result(kind: Kind, counts: Row[Any]) -> dict[str, Any]:
    return {
        "status": "success",
        "total": counts.total,
        "created": counts.created,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "failed": counts.failed,
        "warnings": int(counts.warnings),
        "error_report": counts.told > 0,
        **{name: getattr(counts, name) for name in kind.counts},
    }


@contextmanager
def _failing(task: Task) -> Iterator[None]:
    """End the task as a FAILURE where trying again would not help."""
    try:
        yield
        return
    except TaskFailed as failed:
        failure = failed.failure
        log.info("import_failed", extra={"task_id": str(task.id), **failure})
    except DBAPIError as error:
        if (sqlstate(error) or "")[:2] not in _HOPELESS:
            raise
        log.exception("import_refused_by_database", extra={"task_id": str(task.id)})
        failure = {"code": "unprocessable", "detail": "The rows could not be processed."}
    with database.transaction() as connection:
        hold_task(connection, task)
        fail_task(connection, task.id, failure)


def _tidy(task: Task) -> None:
    """Remove what nobody needs once the task has ended; what stays is swept."""
    try:
        with database.transaction() as connection:
            forget_rows(connection, task.number)
            if task.mode == "apply":
                connection.execute(_FORGET_TOLD, {"number": task.number})
    except Exception:
        log.exception("import_not_tidied", extra={"task_id": str(task.id)})

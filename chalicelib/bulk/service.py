"""What is asked of bulk work: start an import or an export, apply a plan, look after old tasks.

The work itself is done by functions, in importing.py and exporting.py.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import MANAGERS, Caller
from chalicelib.audit import service as audit
from chalicelib.bulk import queries
from chalicelib.bulk.errors import (
    NoSuchResult,
    NotAPlan,
    PlanApplied,
    PlanMismatch,
    PlanStale,
    TaskUnfinished,
)
from chalicelib.bulk.importing import MAX_SOURCE_BYTES
from chalicelib.bulk.queries import TaskFacts
from chalicelib.bulk.registry import get_import_kind, get_kind
from chalicelib.bulk.schemas import Mode, PlanQuery, TaskQuery
from chalicelib.bulk.work import MAX_ATTEMPTS, WORKER_LOST, fail_task
from chalicelib.core import logs
from chalicelib.core.errors import FieldError, Forbidden, Invalid, NotFound
from chalicelib.core.kinds import Export, Kind
from chalicelib.core.pagination import Page
from chalicelib.core.violations import refused_as
from chalicelib.integrations import s3
from chalicelib.outbox import service as outbox

MAX_BODY_BYTES = 5 * 1024 * 1024
UPLOAD_SECONDS = 15 * 60
DOWNLOAD_SECONDS = 5 * 60
KEPT_DAYS = 30
UPLOAD_TYPE = "text/csv"
_LARGEST_SWEEP_ROWS = 1_000_000

AnyKind = TypeVar("AnyKind", bound=Export)

_BY_CONSTRAINT = {"tasks_plan_of_key": PlanApplied}

_ADD_IMPORT = text(
    """
    INSERT INTO tasks (id, kind, job, mode, filename, source_key, source_etag, upload_expires_at,
                       plan_of, parameters, created_by, correlation_id)
    VALUES (:id, :kind, 'import', :mode, :filename, :source_key, :source_etag, :upload_expires_at,
            :plan_of, CAST(:parameters AS jsonb), :created_by, :correlation_id)
    """
)
_ADD_EXPORT = text(
    """
    INSERT INTO tasks (id, kind, job, parameters, filename, created_by, correlation_id)
    VALUES (:id, :kind, 'export', CAST(:parameters AS jsonb),
            :kind || '-' || to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') || '.csv',
            :created_by, :correlation_id)
    """
)
# A task at work is heard of every second or so, and holds its row meanwhile. One that waits in a
# long queue is not lost; an upload may begin in the last second of its form and take long.
_STALE = text(
    """
    SELECT id, job, attempt FROM tasks
     WHERE state IN ('PENDING', 'PROGRESS')
       AND heartbeat_at < clock_timestamp() - interval '30 seconds'
       AND (state = 'PROGRESS'
            OR heartbeat_at < clock_timestamp() - interval '5 minutes'
               AND coalesce(upload_expires_at < clock_timestamp() - interval '30 minutes', true))
     ORDER BY heartbeat_at LIMIT 100 FOR NO KEY UPDATE SKIP LOCKED
    """
)
_REVIVED = text("UPDATE tasks SET heartbeat_at = clock_timestamp() WHERE id = :id")
_LONGER = text("SELECT set_config('statement_timeout', '280s', true)")
_DELETE_OLD = text(
    """
    WITH old AS (
        SELECT id, number, CASE WHEN mode = 'plan' THEN coalesce(total, 0) ELSE 0 END AS rows
          FROM tasks
         WHERE state IN ('SUCCESS', 'FAILURE') AND created_at < now() - make_interval(days => :days)
         ORDER BY number LIMIT :limit FOR UPDATE SKIP LOCKED
    ), chosen AS (
        SELECT id, number FROM (
            SELECT id, number, sum(rows) OVER (ORDER BY number) - rows AS before FROM old
        ) counted WHERE before < :most_rows
    ), told AS (
        DELETE FROM task_rows WHERE task_number IN (SELECT number FROM chosen)
    )
    DELETE FROM tasks WHERE id IN (SELECT id FROM chosen)
    RETURNING id, array_remove(ARRAY[source_key, result_key, errors_key], NULL)
    """
)
# Rows that a worker could not remove any more after its task had ended.
_DELETE_LEFT = text(
    """
    DELETE FROM import_rows WHERE NOT EXISTS (
        SELECT FROM tasks WHERE number = task_number AND state IN ('PENDING', 'PROGRESS'))
    """
)


class DeletedTask(NamedTuple):
    """A task that is gone, and the objects that it leaves in the bucket."""

    id: uuid.UUID
    object_keys: list[str]


def start_import(
    connection: Connection,
    caller: Caller,
    kind_name: str,
    filename: str,
    mode: Mode,
    *,
    invite: bool = False,
) -> tuple[uuid.UUID, s3.PresignedUpload]:
    """Make a task and the form whose upload sets it off.

    Raises:
        UnknownKind: there is no import of that kind.
        Forbidden: this kind is not for the caller's role.
        Invalid: this kind invites nobody.
    """
    kind = _permitted(caller, get_import_kind(kind_name))
    parameters = _options_of(kind, invite=invite)
    task_id = uuid.uuid4()
    key = f"imports/{task_id}/source.csv"
    upload = s3.presigned_upload(key, UPLOAD_TYPE, 0, MAX_SOURCE_BYTES, UPLOAD_SECONDS)
    _add_import(
        connection,
        caller,
        id=task_id,
        kind=kind.name,
        mode=mode,
        filename=filename,
        parameters=parameters,
        source_key=key,
        upload_expires_at=upload.expires_at,
    )
    return task_id, upload


def start_import_of(
    connection: Connection,
    caller: Caller,
    kind_name: str,
    filename: str,
    mode: Mode,
    body: bytes,
    *,
    invite: bool = False,
) -> uuid.UUID:
    """Make a task for a file that is there already, and send it off.

    Raises:
        UnknownKind: there is no import of that kind.
        Forbidden: this kind is not for the caller's role.
        Invalid: this kind invites nobody.
    """
    kind = _permitted(caller, get_import_kind(kind_name))
    parameters = _options_of(kind, invite=invite)
    task_id = uuid.uuid4()
    key = f"bodies/{task_id}/source.csv"
    stored = s3.put(key, body, UPLOAD_TYPE)
    _add_import(
        connection,
        caller,
        id=task_id,
        kind=kind.name,
        mode=mode,
        filename=filename,
        parameters=parameters,
        source_key=key,
        source_etag=stored.etag,
    )
    outbox.add(connection, "imports", {"task_id": str(task_id)})
    return task_id


def start_export(
    connection: Connection, caller: Caller, kind_name: str, filters: Mapping[str, str | bool | int]
) -> uuid.UUID:
    """Make a task that exports what a list with these filters shows.

    Raises:
        UnknownKind: there is no export of that kind.
        Forbidden: this kind is not for the caller's role.
        Invalid: a filter that this kind does not have, or one that it needs is not set.
        NotFound: what such a filter names is not the caller's.
    """
    kind = _permitted(caller, get_kind(kind_name))
    narrowing = {name: value for name, value in filters.items() if value != ""}
    wrong = [
        FieldError(name, "unknown_field", "No filter here.")
        for name in filters
        if name not in kind.filters
    ]
    wrong += [
        FieldError(name, "required", "This kind is of one of these only.")
        for name in kind.doors
        if name not in narrowing
    ]
    if wrong:
        raise Invalid(errors=wrong)
    _pass_doors(connection, caller, kind, narrowing)
    task_id = uuid.uuid4()
    connection.execute(
        _ADD_EXPORT,
        {
            "id": task_id,
            "kind": kind.name,
            "parameters": json.dumps(narrowing),
            "created_by": caller.id,
            "correlation_id": logs.correlation_id(),
        },
    )
    outbox.add(connection, "exports", {"task_id": str(task_id)})
    after = {"kind": kind.name, "filters": sorted(narrowing)}
    audit.add(connection, caller, "export_started", "task", task_id, after=after)
    return task_id


def get_task_for(connection: Connection, caller: Caller, task_id: uuid.UUID) -> TaskFacts:
    """Return a task of the caller's own; a manager sees all.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    task = queries.find_task(connection, task_id)
    if task is None or (caller.role not in MANAGERS and task.created_by != caller.id):
        raise NotFound
    return task


def list_tasks_for(connection: Connection, caller: Caller, query: TaskQuery) -> Page:
    """Return a page of the tasks that the caller may see."""
    return queries.list_tasks(connection, query, None if caller.role in MANAGERS else caller.id)


def list_plan_for(
    connection: Connection, caller: Caller, task_id: uuid.UUID, query: PlanQuery
) -> Page:
    """Return a page of the rows of a finished plan.

    Raises:
        NotFound, NotAPlan, TaskUnfinished: there is nothing to show.
    """
    task = _get_plan(connection, caller, task_id)
    return queries.list_plan(connection, task.number, query)


def hand_out_result(connection: Connection, caller: Caller, task_id: uuid.UUID) -> str:
    """Return a link to the file that an export made.

    Raises:
        NotFound, TaskUnfinished, NoSuchResult: there is none (yet).
        Forbidden: its kind is not for the caller's role any more.
    """
    task = get_task_for(connection, caller, task_id)
    return _handed_out(connection, caller, task, task.result_key, task.filename or "export.csv")


def hand_out_report(connection: Connection, caller: Caller, task_id: uuid.UUID) -> str:
    """Return a link to the error report of an import.

    Raises:
        NotFound, TaskUnfinished, NoSuchResult: there is none (yet).
        Forbidden: its kind is not for the caller's role any more.
    """
    task = get_task_for(connection, caller, task_id)
    name = (task.filename or "import.csv").removesuffix(".csv")
    return _handed_out(connection, caller, task, task.errors_key, f"{name}-errors.csv")


def apply_plan(
    connection: Connection, caller: Caller, plan_id: uuid.UUID, plan_hash: str
) -> uuid.UUID:
    """Make a task that does what a plan says.

    Raises:
        NotFound, NotAPlan, TaskUnfinished: there is no plan to apply.
        PlanMismatch: the caller means another plan.
        PlanApplied: it is done, or under way.
        PlanStale: the data that it touches changed since.
        Forbidden: its kind is not for the caller's role.
    """
    plan = _get_plan(connection, caller, plan_id)
    if plan.result is None or plan_hash != plan.result["plan_hash"]:
        raise PlanMismatch
    if queries.is_applied(connection, plan.id):
        raise PlanApplied
    if queries.is_stale(connection, get_import_kind(plan.kind), plan.number):
        raise PlanStale
    task_id = uuid.uuid4()
    with refused_as(_BY_CONSTRAINT):
        _add_import(
            connection,
            caller,
            id=task_id,
            kind=plan.kind,
            mode="apply",
            filename=plan.filename,
            parameters=plan.parameters,
            source_key=plan.source_key,
            source_etag=plan.source_etag,
            plan_of=plan.id,
        )
    outbox.add(connection, "imports", {"task_id": str(task_id)})
    return task_id


def revive_stale(connection: Connection) -> int:
    """Send unfinished tasks that nobody works on to their function again; return how many.

    One that was tried often enough ends as a FAILURE. So no task hangs, whatever became of its
    messages and workers.
    """
    stale = connection.execute(_STALE).all()
    for task in stale:
        if task.attempt >= MAX_ATTEMPTS:
            fail_task(connection, task.id, WORKER_LOST)
            continue
        connection.execute(_REVIVED, {"id": task.id})
        outbox.add(connection, f"{task.job}s", {"task_id": str(task.id)})
    return len(stale)


def delete_old_tasks(connection: Connection, limit: int) -> list[DeletedTask]:
    """Delete up to `limit` tasks that ended and are older than KEPT_DAYS, and staged rows that
    no task needs.
    """
    connection.execute(_LONGER)
    connection.execute(_DELETE_LEFT)
    rows = connection.execute(
        _DELETE_OLD, {"days": KEPT_DAYS, "limit": limit, "most_rows": _LARGEST_SWEEP_ROWS}
    )
    return [DeletedTask(*row) for row in rows]


def _permitted(caller: Caller, kind: AnyKind) -> AnyKind:
    if caller.role not in kind.roles:
        raise Forbidden
    return kind


def _pass_doors(
    connection: Connection, caller: Caller, kind: Export, filters: Mapping[str, Any]
) -> None:
    for name, door in kind.doors.items():
        door(connection, caller, filters[name])


def _options_of(kind: Kind, **asked: bool) -> dict[str, bool]:
    """Return what an import is asked for besides, as its task keeps it."""
    options: dict[str, bool] = {name: value for name, value in asked.items() if value}
    unknown = [name for name in options if name not in kind.options]
    if unknown:
        raise Invalid(
            errors=[FieldError(name, "unknown_field", "Not for this kind.") for name in unknown]
        )
    return options


def _get_plan(connection: Connection, caller: Caller, task_id: uuid.UUID) -> TaskFacts:
    task = get_task_for(connection, caller, task_id)
    _permitted(caller, get_kind(task.kind))
    if task.job != "import" or task.mode != "plan":
        raise NotAPlan
    if task.state != "SUCCESS":
        raise TaskUnfinished
    return task


def _handed_out(
    connection: Connection, caller: Caller, task: TaskFacts, key: str | None, filename: str
) -> str:
    kind = _permitted(caller, get_kind(task.kind))
    _pass_doors(connection, caller, kind, task.parameters)
    if task.state != "SUCCESS":
        raise TaskUnfinished
    if key is None:
        raise NoSuchResult
    after = {"kind": task.kind, "job": task.job}
    audit.add(connection, caller, "sensitive_read", "task", task.id, after=after)
    return s3.presigned_download(key, filename, DOWNLOAD_SECONDS)


def _add_import(connection: Connection, caller: Caller, **facts: Any) -> None:
    absent = {"source_etag": None, "upload_expires_at": None, "plan_of": None}
    who = {"created_by": caller.id, "correlation_id": logs.correlation_id()}
    parameters = {"parameters": json.dumps(facts["parameters"])}
    connection.execute(_ADD_IMPORT, absent | facts | parameters | who)
    after = {"kind": facts["kind"], "mode": facts["mode"], **facts["parameters"]}
    audit.add(connection, caller, "import_started", "task", facts["id"], after=after)

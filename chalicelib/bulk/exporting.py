"""One export: a single COPY, so one moment of the data, streamed into the bucket part by part."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Collection

from sqlalchemy import text

from chalicelib.bulk.cells import exported
from chalicelib.bulk.registry import get_kind
from chalicelib.bulk.report import BOM, CSV_TYPE
from chalicelib.bulk.work import Task, claim_task, hold_task, succeed_task
from chalicelib.core import copying, database, logs
from chalicelib.core.kinds import Export
from chalicelib.integrations import s3

log = logging.getLogger(__name__)

_EXPORT_SECONDS = 280
_LIMITS = text(
    "SELECT set_config('statement_timeout', :timeout, true), set_config('work_mem', '64MB', true)"
)


def export_rows(task_id: uuid.UUID) -> None:
    """Do an export; one that broke off is done again from the start, under the same key.

    Raises:
        UnknownTask, TaskBusy, TaskTaken: the task is not ours to work on.
        Exception: what surrounds us failed; the same message can be tried again.
    """
    with database.transaction() as connection:
        task = claim_task(connection, task_id, "export")
    if task is None:
        return
    with logs.correlated(task.correlation_id or logs.correlation_id()):
        count = _export(task, get_kind(task.kind))
        log.info("export_finished", extra={"task_id": str(task.id), "rows": count})


def export_statement(kind: Export, task_number: int, filters: Collection[str]) -> str:
    """Return the COPY of the rows that the filters of a task let through.

    COPY takes no binds: the value of a filter is read from the task itself.
    """
    rows = kind.export(filters)
    for name in filters:
        value = f"(SELECT parameters->>'{name}' FROM tasks WHERE number = {task_number:d})"  # noqa: S608
        rows = re.sub(rf"(?<!:):{name}\b", value.replace("\\", r"\\"), rows)
    columns = ", ".join(f"{exported(name)} AS {name}" for name in kind.columns)
    return f"COPY (SELECT {columns} FROM ({rows}) exported) TO STDOUT (FORMAT csv)"  # noqa: S608


def _export(task: Task, kind: Export) -> int:
    key = f"results/{task.id}/{kind.name}.csv"
    with database.transaction() as connection:
        connection.execute(_LIMITS, {"timeout": f"{_EXPORT_SECONDS}s"})
        hold_task(connection, task)
        with s3.upload_stream(key, CSV_TYPE) as out:
            out.write(f"{BOM}{','.join(kind.columns)}\n".encode())
            count = copying.copy_out(
                connection, export_statement(kind, task.number, task.parameters), out.write
            )
        succeed_task(
            connection,
            task,
            {"status": "success", "count": count},
            count=count,
            result_key=key,
        )
    return count

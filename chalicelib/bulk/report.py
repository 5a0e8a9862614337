"""The error report of an import: the rows that failed, as they stood in the file, and why.

The file itself is read again beside task_rows, both in the order of lines: so every column is in
it, the unknown ones too, and neither side is ever whole in memory. An import ignores the columns
that the report adds.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterator
from itertools import chain
from time import monotonic
from typing import Any, NamedTuple

from sqlalchemy import text

from chalicelib.bulk.cells import reported
from chalicelib.bulk.decoding import NotUTF8
from chalicelib.bulk.reading import REPORT_COLUMNS, Batch, Table
from chalicelib.bulk.staging import FALLBACK_ENCODING, Source
from chalicelib.bulk.work import Task, hold_task
from chalicelib.core import database
from chalicelib.core.kinds import Kind
from chalicelib.integrations import s3

BOM = "\ufeff"
CSV_TYPE = "text/csv; charset=utf-8"
_PAGE_ROWS = 5_000
# Well below the silence after which a task counts as lost.
_HOLD_SECONDS = 5.0

_TOLD = text(
    """
    SELECT line, errors FROM task_rows
     WHERE task_number = :number AND line > :after AND errors IS NOT NULL
     ORDER BY line LIMIT :limit
    """
)


class _Told(NamedTuple):
    line: int
    errors: list[dict[str, Any]]


def report_key(task_id: uuid.UUID) -> str:
    """Return where the report of a task is stored."""
    return f"results/{task_id}/errors.csv"


def write_report(task: Task, kind: Kind, source: Source, encoding: str | None) -> None:
    """Store the report of a judged import.

    Raises:
        TaskTaken: another worker has the task.
        TaskFailed: the file is gone, or is another one.
    """
    try:
        _write(task, kind, source, encoding)
    except NotUTF8:
        _write(task, kind, source, FALLBACK_ENCODING)


def _write(task: Task, kind: Kind, source: Source, encoding: str | None) -> None:
    with (
        source.table(kind, encoding) as (table, _),
        s3.upload_stream(report_key(task.id), CSV_TYPE) as out,
    ):
        held_at = monotonic()
        for piece in _report(table, _told_rows(task)):
            out.write(piece)
            if monotonic() - held_at > _HOLD_SECONDS:
                with database.transaction() as connection:
                    hold_task(connection, task)
                held_at = monotonic()


def _told_rows(task: Task) -> Iterator[_Told]:
    after = 0
    while True:
        with database.transaction() as connection:
            hold_task(connection, task)
            page = connection.execute(
                _TOLD, {"number": task.number, "after": after, "limit": _PAGE_ROWS}
            ).all()
        for row in page:
            yield _Told(*row)
        if len(page) < _PAGE_ROWS:
            return
        after = page[-1].line


def _report(table: Table, told: Iterator[_Told]) -> Iterator[bytes]:
    """Yield the pieces of the report."""
    cells = table.header.cells
    kept = [at for at, cell in enumerate(cells) if cell.strip().lower() not in REPORT_COLUMNS]
    page = io.StringIO(newline="")
    # With "\n" alone, csv leaves a cell with a CR in it without quotes.
    writer = csv.writer(page, lineterminator="\r\n")
    page.write(BOM)
    writer.writerow([*(reported(cells[at].lstrip(BOM)) for at in kept), *REPORT_COLUMNS])
    row = next(told, None)
    for batch in table.batches():
        if row is None:
            break
        rows = _rows_by_line(batch)
        last = max(rows, default=0)
        while row is not None and row.line <= last:
            original = rows[row.line]
            if len(original) == len(cells):
                shown = [reported(original[at]) for at in kept]
            else:
                # Cut or filled up it would look like a good row when it comes again.
                shown = [reported(",".join(original)), *[""] * (len(kept) - 1)]
            writer.writerow([*shown, *_findings(row)])
            row = next(told, None)
        yield page.getvalue().encode()
        page.seek(0)
        page.truncate()
    yield page.getvalue().encode()


def _rows_by_line(batch: Batch) -> dict[int, list[str]]:
    rows = zip(batch.lines, batch.rows, strict=True)
    return dict(chain(rows, ((problem.line, problem.cells) for problem in batch.problems)))


def _findings(row: _Told) -> list[object]:
    """Return the cells that the report adds to a row."""
    severities = {error["severity"] for error in row.errors}
    severity = "error" if "error" in severities else "warning"
    codes = dict.fromkeys(error["code"] for error in row.errors)
    sentences = (
        f"{error['field']}: {error['message']}" if error["field"] else error["message"]
        for error in row.errors
    )
    return [row.line, severity, ";".join(codes), reported(" ".join(sentences))]

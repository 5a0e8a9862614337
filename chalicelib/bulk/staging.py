"""From a file in the bucket to rows of import_rows, by COPY, some tens of thousands in a
transaction: each tells how far the import is, and holds the task against another worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, text

from chalicelib.bulk.cells import CopyRows, copied_problem
from chalicelib.bulk.decoding import NotUTF8, encoding_of, line_blocks, texts
from chalicelib.bulk.errors import TaskFailed
from chalicelib.bulk.reading import Batch, Problem, Table
from chalicelib.bulk.statements import staged_columns
from chalicelib.bulk.work import Task, hold_task
from chalicelib.core import copying, database
from chalicelib.core.kinds import Kind
from chalicelib.integrations import s3
from chalicelib.integrations.errors import ObjectChanged, ObjectMissing

ROWS_A_STEP = 50_000
_READ_BYTES = 256 * 1024
_STEP_SECONDS = 240
FALLBACK_ENCODING = "gb18030"

_FORGET = text("DELETE FROM import_rows WHERE task_number = :number")
_LIMITS = text("SELECT set_config('statement_timeout', :timeout, true)")


class Staged(NamedTuple):
    """What was staged: the columns that the file has, how many rows, and how it is encoded."""

    present: frozenset[str]
    rows: int
    encoding: str


class Source(NamedTuple):
    """A file in the bucket, as it was when its task first saw it."""

    key: str
    etag: str

    @contextmanager
    def table(self, kind: Kind, encoding: str | None) -> Iterator[tuple[Table, str]]:
        """Open the file as a table; `encoding` None finds it out.

        Raises:
            TaskFailed: the file is gone, is another one, or is no table of that kind.
            NotUTF8: only a later part of it told; open it again with the other encoding.
        """
        try:
            stream = s3.open_object(self.key, self.etag)
        except (ObjectMissing, ObjectChanged) as error:
            raise TaskFailed(
                "upload_replaced", "The uploaded file was replaced or removed meanwhile."
            ) from error
        with stream:
            head = stream.read(_READ_BYTES)
            chosen = encoding or encoding_of(head)
            blocks = line_blocks(texts(_chunks(head, stream), chosen))
            yield Table(blocks, kind.columns, kind.key), chosen


def stage_rows(task: Task, kind: Kind, source: Source) -> Staged:
    """Put the rows of the file into import_rows.

    Raises:
        TaskFailed: the file cannot be read as a table of that kind.
        TaskTaken: another worker has the task.
    """
    try:
        return _stage(task, kind, source, None)
    except NotUTF8:
        return _stage(task, kind, source, FALLBACK_ENCODING)


def forget_rows(connection: Connection, task_number: int) -> None:
    """Remove what a task staged."""
    connection.execute(_FORGET, {"number": task_number})


def _chunks(head: bytes, stream: s3.ObjectStream) -> Iterator[bytes]:
    while head:
        yield head
        head = stream.read(_READ_BYTES)


def _stage(task: Task, kind: Kind, source: Source, encoding: str | None) -> Staged:
    with source.table(kind, encoding) as (table, chosen):
        positions = table.header.positions
        batches = table.batches()
        done = 0
        # Whoever was here before us, or the first try at an encoding, may have left rows.
        forgets = task.attempt > 1 or encoding is not None
        more = True
        while more:
            step = _Step(task, kind, table, batches)
            with database.transaction() as connection:
                connection.execute(_LIMITS, {"timeout": f"{_STEP_SECONDS}s"})
                hold_task(connection, task, done=done)
                if forgets:
                    forget_rows(connection, task.number)
                    forgets = False
                step.copy(connection)
            done += step.rows
            more = step.more
    return Staged(frozenset(positions), done, chosen)


class _Step:
    """One transaction's worth of rows, parsed while Postgres takes them in."""

    def __init__(self, task: Task, kind: Kind, table: Table, batches: Iterator[Batch]) -> None:
        header = table.header
        self._task = task
        self._names = list(header.positions)
        self._key_names = kind.key
        self._kind = kind
        self._key_positions = [header.positions[name] for name in kind.key]
        self._copied = CopyRows(
            task.number,
            len(header.cells),
            list(header.positions.values()),
            [self._names.index(name) for name in kind.key],
        )
        self._batches = batches
        self._problems: list[Problem] = []
        self._error: Exception | None = None
        self.rows = 0
        self.more = False

    def copy(self, connection: Connection) -> None:
        cells = staged_columns(self._kind, self._names)
        copying.copy_in(
            connection,
            f"COPY import_rows (task_number, line, {cells}) FROM STDIN",
            self._encoded(),
        )
        if self._error:
            raise self._error
        if self._problems:
            keys = staged_columns(self._kind, self._key_names)
            copying.copy_in(
                connection,
                f"COPY import_rows (task_number, line, problem, problem_detail, {keys}) FROM STDIN",
                (
                    copied_problem(self._task.number, problem, self._key_positions)
                    for problem in self._problems
                ),
            )

    def _encoded(self) -> Iterator[bytes]:
        # An error that broke the COPY off would cost the connection: it waits until COPY has ended.
        try:
            for batch in self._batches:
                yield self._copied.encode(batch)
                self._problems += batch.problems
                self.rows += batch.count
                if self.rows >= ROWS_A_STEP:
                    self.more = True
                    return
        except Exception as error:
            self._error = error

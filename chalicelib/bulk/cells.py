"""Cells as they leave and enter: what a spreadsheet would run as a formula gets an apostrophe in
front, and an import takes it off again (CWE-1236); and rows as Postgres's COPY wants them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from chalicelib.bulk.decoding import OVERLONG
from chalicelib.bulk.reading import Batch, Problem

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED_FORMULA = re.compile(r"'+[=+\-@\t\r]")

# While a block is put together, ASCII's own separators stand between cells and rows: neither does
# a cell hold them (if one does, the block takes the slow path), nor does COPY know them.
_CELL, _ROW = "\x1f", "\x1e"
_ESCAPED_FORMULA_CELL = re.compile(rb"\x1f'('*[=+\-@\t\r])")
_COPY_ESCAPES = ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n"), (b"\r", b"\\r"))
_COPY_SEPARATORS = bytes.maketrans(b"\x1e\x1f", b"\n\t")
_COPY_TEXT = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

# The same in SQL; the first test is a cheap one that almost every cell fails.
_EXPORTED = (
    "CASE WHEN left({cell}, 1) IN ('''', '=', '+', '-', '@', E'\\t', E'\\r')"
    " AND {cell} ~ '^''*[=+@\\t\\r-]' THEN '''' || {cell} ELSE {cell} END"
)


def exported(sql: str) -> str:
    """Return SQL that makes a text safe to open in a spreadsheet."""
    return _EXPORTED.format(cell=sql)


def reported(cell: str) -> str:
    """Return a cell of a file so that it is safe to open, and means the same to an import."""
    formula = _FORMULA.match(cell)
    return f"'{cell}" if formula and not _ESCAPED_FORMULA.match(cell) else cell


def imported(cell: str) -> str:
    """Return what a cell of a file means: an apostrophe before a formula does not belong to it."""
    return cell[1:] if _ESCAPED_FORMULA.match(cell) else cell


class CopyRows:
    """Turns batches into rows of `COPY … (task_number, line, <cells>) FROM STDIN`."""

    def __init__(
        self, task_number: int, width: int, positions: Sequence[int], keys: Sequence[int]
    ) -> None:
        """Take the cells at `positions` of `width`; those at `keys` of these are trimmed."""
        self._prefix = f"{task_number}{_CELL}"
        self._takes_all = list(positions) == list(range(width))
        self._pick = _picker(positions)
        self._keys = keys
        self._separators = len(positions) + 1

    def encode(self, batch: Batch) -> bytes:
        """Return the rows of a batch; those that hold a NUL go over to its problems."""
        rows = batch.rows if self._takes_all else [self._pick(row) for row in batch.rows]
        for key in self._keys:
            for row in rows:
                row[key] = row[key].strip()
        prefix = self._prefix
        data = _ROW.join(
            [
                f"{prefix}{line}{_CELL}{_CELL.join(row)}"
                for line, row in zip(batch.lines, rows, strict=True)
            ]
        ).encode()
        if not data:
            return b""
        if b"\0" in data:
            self._set_aside_nul(batch)
            return self.encode(batch)
        if data.count(b"\x1e") >= len(rows) or data.count(b"\x1f") > len(rows) * self._separators:
            return self._encode_slowly(batch.lines, rows)
        if b"\x1f'" in data:
            data = _ESCAPED_FORMULA_CELL.sub(b"\x1f\\1", data)
        for character, escape in _COPY_ESCAPES:
            data = data.replace(character, escape)
        return data.translate(_COPY_SEPARATORS) + b"\n"

    def _encode_slowly(self, lines: list[int], rows: list[list[str]]) -> bytes:
        number = self._prefix.rstrip(_CELL)
        cleaned = ([imported(cell).translate(_COPY_TEXT) for cell in row] for row in rows)
        return "".join(
            "\t".join((number, str(line), *cells)) + "\n"
            for line, cells in zip(lines, cleaned, strict=True)
        ).encode()

    def _set_aside_nul(self, batch: Batch) -> None:
        lines, rows = batch.lines, batch.rows
        batch.lines, batch.rows = [], []
        for line, row in zip(lines, rows, strict=True):
            if any("\0" in cell for cell in self._pick(row)):
                batch.problems.append(_nul(line, row))
            else:
                batch.lines.append(line)
                batch.rows.append(row)


def copied_problem(task_number: int, problem: Problem, keys: Sequence[int]) -> bytes:
    """Return a row of `COPY … (task_number, line, problem, problem_detail, <key cells>)`."""
    cells = [problem.cells[at] if at < len(problem.cells) else "" for at in keys]
    texts = [problem.code, problem.detail, *(cell.strip()[:200] for cell in cells)]
    shown = (text.replace("\0", "\ufffd").translate(_COPY_TEXT) for text in texts)
    return "\t".join((str(task_number), str(problem.line), *shown)).encode() + b"\n"


def _picker(positions: Sequence[int]) -> Callable[[list[str]], list[str]]:
    if len(positions) == 1:
        only = positions[0]
        return lambda row: [row[only]]
    pick: Callable[[list[str]], Any] = itemgetter(*positions)
    return lambda row: list(pick(row))


def _nul(line: int, row: list[str]) -> Problem:
    if any(OVERLONG in cell for cell in row):
        return Problem(line, "too_long", "A line of the row is beyond all measure.", row)
    return Problem(line, "invalid_character", "The row holds a NUL character.", row)

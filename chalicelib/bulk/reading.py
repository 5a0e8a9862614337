"""From blocks of lines to records: the header and its separator, the rows, and what is no row.

Pure, and in C as far as csv goes. A record keeps the line at which it begins (the header of a file
is line 1). A row that cannot be read is a `Problem` and costs no other row: after a quote that is
never closed, reading goes on with the next line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chalicelib.bulk.decoding import MAX_RECORD_CHARS, OVERLONG
from chalicelib.bulk.errors import TaskFailed

# The module's own limit is 128 KiB and for the whole process; ours is the record's.
csv.field_size_limit(MAX_RECORD_CHARS)

SEPARATORS = ",;\t"
REPORT_COLUMNS = ("line", "severity", "error_code", "error")
MAX_ROWS = 5_000_000
_UNFINISHED = "unexpected end of data"
_SHOWN_CHARS = 200


@dataclass(frozen=True)
class Header:
    """The first record of a file: its cells as they stand, and where the known columns are."""

    cells: list[str]
    separator: str
    positions: dict[str, int]


@dataclass(frozen=True)
class Problem:
    """A row that cannot be read: why, and what there is of it."""

    line: int
    code: str
    detail: str
    cells: list[str]


@dataclass
class Batch:
    """Rows with as many cells as the header, the lines at which they begin, and the others."""

    lines: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Return the number of data rows."""
        return len(self.rows) + len(self.problems)


class Table:
    """A CSV file as a header and batches of rows, read once from front to back."""

    def __init__(
        self, blocks: Iterator[list[str]], known: Sequence[str], required: Sequence[str]
    ) -> None:
        """Read the header.

        Raises:
            TaskFailed: `empty`, `not_csv`, `no_header`, `missing_column` or `duplicate_column`.
        """
        self._blocks = blocks
        self._line = 1
        self._rest: list[str] = []
        self.header = self._read_header(known, required)

    def batches(self) -> Iterator[Batch]:
        """Yield the rows, a block of lines at a time.

        Raises:
            TaskFailed: `too_large`, more than MAX_ROWS rows.
        """
        rows = 0
        lines, self._rest = self._rest, []
        more = True
        while more:
            block = next(self._blocks, None)
            more = block is not None
            batch, begun = self._read_block(lines, final=not more)
            rows += batch.count
            if rows > MAX_ROWS:
                raise TaskFailed("too_large", f"The file has more than {MAX_ROWS:,} rows.")
            yield batch
            self._line += begun
            lines = lines[begun:] + (block or [])

    def _read_header(self, known: Sequence[str], required: Sequence[str]) -> Header:
        lines = self._first_lines()
        _refuse_binary(lines[0])
        # The separator under which most columns are known; the comma, where that decides nothing.
        candidates = [_first_record(lines, separator, known) for separator in SEPARATORS]
        readable = [candidate for candidate in candidates if candidate is not None]
        if not readable:
            raise TaskFailed("not_csv", "The quotes of the first line are never closed.")
        header, used = max(readable, key=lambda candidate: len(candidate[0].positions))
        names = [_name(cell) for cell in header.cells]
        if not header.positions:
            raise TaskFailed(
                "no_header", f"The first line names none of the columns {', '.join(known)}."
            )
        for name in header.positions:
            if names.count(name) > 1:
                raise TaskFailed("duplicate_column", f"The column {name} stands there twice.")
        missing = [name for name in required if name not in header.positions]
        if missing:
            raise TaskFailed("missing_column", f"There is no column {', '.join(missing)}.")
        self._line += used
        self._rest = lines[used:]
        return header

    def _first_lines(self) -> list[str]:
        for block in self._blocks:
            while block:
                if block[0].strip("\ufeff \t\r\n"):
                    return block
                del block[0]
                self._line += 1
        raise TaskFailed("empty", "The file is empty.")

    def _read_block(self, lines: list[str], *, final: bool) -> tuple[Batch, int]:
        """Return the rows of `lines`, and how many lines they took: all, or those before a record
        that goes on in the next block.
        """
        if plain := self._read_plain_block(lines):
            return plain, len(lines)
        batch = Batch()
        keep_line, keep_row = batch.lines.append, batch.rows.append
        width = len(self.header.cells)
        first = self._line
        at = 0

        def feed() -> Iterator[str]:
            nonlocal at
            while at < len(lines):
                at += 1
                yield lines[at - 1]

        begun = 0
        while begun < len(lines):
            reader = csv.reader(feed(), delimiter=self.header.separator, strict=True)
            try:
                for row in reader:
                    if len(row) == width and row[0] != OVERLONG:
                        keep_line(first + begun)
                        keep_row(row)
                    elif len(row) > 1 or (row and row[0].strip()):
                        batch.problems.append(self._misfit(first + begun, row))
                    begun = at
            except csv.Error as error:
                unfinished = str(error) == _UNFINISHED
                if unfinished and not final and _chars(lines, begun) <= MAX_RECORD_CHARS:
                    break
                batch.problems.append(_unreadable(first + begun, lines[begun], at - begun > 1))
                begun += 1
                at = begun
        return batch, begun

    def _read_plain_block(self, lines: list[str]) -> Batch | None:
        """Return the rows of lines without a quote and of the right width, which need no parser:
        most lines of most files, at a third of the time. None where a line is anything else.
        """
        width, separator = len(self.header.cells), self.header.separator
        if width == 1 or '"' in "".join(lines):
            return None
        rows = [line.rstrip("\r\n").split(separator) for line in lines]
        if set(map(len, rows)) != {width}:
            return None
        return Batch(list(range(self._line, self._line + len(rows))), rows)

    def _misfit(self, line: int, row: list[str]) -> Problem:
        if row[0] == OVERLONG:
            detail = f"The row has more than {MAX_RECORD_CHARS:,} characters."
            return Problem(line, "too_long", detail, [])
        width = len(self.header.cells)
        detail = f"The row has {len(row)} cells, the header has {width}."
        if surplus := self.header.separator.join(row[width:]):
            detail += f" Beyond the last column: {surplus[:_SHOWN_CHARS]}"
        return Problem(line, "wrong_column_count", detail, row)


def _first_record(
    lines: list[str], separator: str, known: Sequence[str]
) -> tuple[Header, int] | None:
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        cells = next(reader)
    except csv.Error:
        return None
    names = [_name(cell) for cell in cells]
    positions = {name: names.index(name) for name in names if name in known}
    return Header(cells, separator, positions), reader.line_num


def _name(cell: str) -> str:
    return cell.strip("\ufeff \t\r\n\xa0").lower()


def _refuse_binary(line: str) -> None:
    if any(character < " " and character not in "\t\r\n" for character in line[:MAX_RECORD_CHARS]):
        raise TaskFailed("not_csv", "The first line holds control characters: this is no text.")


def _unreadable(line: int, text: str, spans_lines: bool) -> Problem:
    if text == OVERLONG:
        return Problem(line, "too_long", "The row is beyond all measure.", [])
    detail = (
        "A quote is opened and never closed; the row was read up to the end of its line."
        if spans_lines or text.count('"') % 2
        else 'A quoted cell goes on after its closing quote; write " inside of it as "".'
    )
    return Problem(line, "bad_quotes", detail, [text.rstrip("\r\n")])


def _chars(lines: list[str], begun: int) -> int:
    return sum(len(lines[index]) for index in range(begun, len(lines)))

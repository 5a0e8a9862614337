"""Cells keep their meaning on the way out and in, and no spreadsheet runs one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.bulk.cells import CopyRows, imported, reported
from chalicelib.bulk.reading import Batch

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
tricky = st.text(st.sampled_from("'=+-@\t\r\n\\x\x1e\x1f, "), max_size=6)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("'=1+1", "'=1+1"),
        ("-3", "'-3"),
        ("\tx", "'\tx"),
        ("'x", "'x"),
        ("''", "''"),
        ("x=1", "x=1"),
        ("", ""),
    ],
)
def test_a_report_is_safe_to_open(cell: str, shown: str) -> None:
    assert reported(cell) == shown


@given(text | tricky)
def test_a_reported_cell_means_what_it_meant(cell: str) -> None:
    assert imported(reported(cell)) == imported(cell)
    assert reported(cell)[:1] not in ("=", "+", "-", "@", "\t", "\r")


def _uncopied(data: bytes) -> list[list[str]]:
    """Read COPY's text format back."""
    back = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}
    rows = []
    for line in data.decode().split("\n")[:-1]:
        cells = []
        for cell in line.split("\t"):
            at, plain = 0, ""
            while at < len(cell):
                taken = 2 if cell[at] == "\\" else 1
                plain += back.get(cell[at : at + taken], cell[at : at + taken])
                at += taken
            cells.append(plain)
        rows.append(cells)
    return rows


@given(st.lists(st.lists(text | tricky, min_size=3, max_size=3), max_size=8))
def test_copy_gets_what_the_cells_mean(rows: list[list[str]]) -> None:
    batch = Batch(list(range(2, 2 + len(rows))), [list(row) for row in rows])
    expected = [
        ["7", str(line), imported(row[2]), imported(row[0].strip())]
        for line, row in enumerate(rows, 2)
    ]
    assert _uncopied(CopyRows(7, 3, [2, 0], [1]).encode(batch)) == expected


def test_rows_with_nul_are_set_aside() -> None:
    batch = Batch([2, 3, 4], [["A", "x"], ["B", "\0"], ["C\0", "y"]])
    assert _uncopied(CopyRows(7, 2, [0, 1], [0]).encode(batch)) == [["7", "2", "A", "x"]]
    assert [(p.line, p.code) for p in batch.problems] == [
        (3, "invalid_character"),
        (4, "invalid_character"),
    ]


def test_nul_in_a_column_that_nobody_reads_does_no_harm() -> None:
    batch = Batch([2, 3], [["A", "\0"], ["B\0", "x"]])
    assert _uncopied(CopyRows(7, 2, [0], [0]).encode(batch)) == [["7", "2", "A"]]
    assert [problem.line for problem in batch.problems] == [3]

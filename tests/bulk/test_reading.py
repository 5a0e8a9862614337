"""Files of every shape become the same rows, or a cause that a person understands."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.bulk import decoding, reading
from chalicelib.bulk.decoding import MAX_RECORD_CHARS, NotUTF8, encoding_of, line_blocks, texts
from chalicelib.bulk.errors import TaskFailed
from chalicelib.bulk.reading import Table

KNOWN = ("code", "title", "description", "credits")


def table_of(content: bytes, chunk_bytes: int = 65536) -> Table:
    chunks = [content[at : at + chunk_bytes] for at in range(0, len(content), chunk_bytes)]
    encoding = encoding_of(content[:64])
    try:
        return _rewound(chunks, encoding)
    except NotUTF8:
        return _rewound(chunks, "gb18030")


def _rewound(chunks: list[bytes], encoding: str) -> Table:
    for _ in texts(chunks, encoding):
        pass
    return Table(line_blocks(texts(chunks, encoding)), KNOWN, ("code",))


def read(content: bytes, chunk_bytes: int = 65536) -> tuple[dict[int, list[str]], dict[int, str]]:
    """Return rows by line, and the codes of problems by line."""
    rows: dict[int, list[str]] = {}
    problems: dict[int, str] = {}
    for batch in table_of(content, chunk_bytes).batches():
        rows |= dict(zip(batch.lines, batch.rows, strict=True))
        problems |= {problem.line: problem.code for problem in batch.problems}
    return rows, problems


def failure_of(content: bytes) -> str:
    with pytest.raises(TaskFailed) as failed:
        read(content)
    return failed.value.failure["code"]


TEXT = "code,title\nA1,微积分\nB2,线性代数\n"
ROWS = {2: ["A1", "微积分"], 3: ["B2", "线性代数"]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
@pytest.mark.parametrize("chunk_bytes", [1, 7, 65536])
def test_encodings_are_told_apart(encoding: str, chunk_bytes: int) -> None:
    assert read(TEXT.encode(encoding), chunk_bytes)[0] == ROWS


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_in_both_orders(order: str) -> None:
    assert read(("\ufeff" + TEXT).encode(order))[0] == ROWS


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 65536])
def test_separators_and_line_ends(line_end: str, separator: str, chunk_bytes: int) -> None:
    content = TEXT.replace(",", separator).replace("\n", line_end).encode()
    assert read(content, chunk_bytes)[0] == ROWS


def test_the_last_line_needs_no_end() -> None:
    assert read(TEXT.rstrip("\n").encode())[0] == ROWS


def test_a_separator_inside_quotes_decides_nothing() -> None:
    content = b'code;"title, long, longer, longest";title\nA1;x, y;z\n'
    assert read(content)[0] == {2: ["A1", "x, y", "z"]}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("chunk_bytes", [1, 5, 65536])
def test_lines_are_those_at_which_records_begin(line_end: str, chunk_bytes: int) -> None:
    lines = ["", "code,title", 'A1,"one', "", 'three"', "", "   ", 'B2,"a ""b"" c"', "C3,x", "D4"]
    rows, problems = read(line_end.join(lines).encode(), chunk_bytes)
    assert rows == {
        3: ["A1", f"one{line_end}{line_end}three"],
        8: ["B2", 'a "b" c'],
        9: ["C3", "x"],
    }
    assert problems == {10: "wrong_column_count"}


def test_exotic_separators_are_no_line_ends() -> None:
    odd = "a\x0bb\x0cc\x1cd\x85e\u2028f"
    for line_end in ("\n", "\r"):
        content = f"code,title{line_end}A1,{odd}{line_end}".encode()
        assert read(content)[0] == {2: ["A1", odd]}


@pytest.mark.parametrize("chunk_bytes", [1, 65536])
def test_a_quote_that_is_never_closed_costs_one_row(chunk_bytes: int) -> None:
    rows, problems = read(b'code,title\nA1,"open\nB2,x\nC3,"y"\nD4,z\n', chunk_bytes)
    assert problems == {2: "bad_quotes"}
    assert rows == {3: ["B2", "x"], 4: ["C3", "y"], 5: ["D4", "z"]}
    assert read(b'code,title\nA1,x\nB2,"open\nC3,y', chunk_bytes) == (
        {2: ["A1", "x"], 4: ["C3", "y"]},
        {3: "bad_quotes"},
    )


def test_text_after_a_closing_quote_costs_one_row() -> None:
    rows, problems = read(b'code,title\nA1,"a" b\nB2,a "b" c\n')
    assert problems == {2: "bad_quotes"}
    assert rows == {3: ["B2", 'a "b" c']}


@pytest.mark.parametrize("size", [140_000, 1_000_000])
def test_a_cell_may_be_larger_than_the_csv_module_likes(size: int) -> None:
    rows, problems = read(b"code,title\nA1," + b"x" * size + b"\nB2,y\n")
    assert not problems
    assert [len(row[1]) for row in rows.values()] == [size, 1]


@pytest.mark.parametrize("chunk_bytes", [100_000, 1 << 20])
def test_a_line_beyond_all_measure_costs_one_row(chunk_bytes: int) -> None:
    huge = b"x" * (MAX_RECORD_CHARS + 10)
    content = b"code,title\nA1," + huge + b"\nB2,y\nC3," + huge
    rows, problems = read(content, chunk_bytes)
    assert rows == {3: ["B2", "y"]}
    assert problems == {2: "too_long", 4: "too_long"}


def test_a_quote_open_over_megabytes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_RECORD_CHARS", 2_000)
    monkeypatch.setattr(decoding, "MAX_RECORD_CHARS", 2_000)
    lines = "".join(f"C{n},x\n" for n in range(2_000))
    rows, problems = read(f'code,title\nA1,"open\n{lines}'.encode(), 512)
    assert problems == {2: "bad_quotes"}
    assert len(rows) == 2_000


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b" \r\n\n  \n", "empty"),
        ("\ufeff".encode("utf-16-le"), "empty"),
        (b"A1,Algebra\nB2,Calculus\n", "no_header"),
        (b"title,credits\nAlgebra,3\n", "missing_column"),
        (b"code,Title,TITLE \nA1,x,y\n", "duplicate_column"),
        (b"code,code\nA1,A1\n", "duplicate_column"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00", "not_csv"),
        (b"PK\x03\x04\x14\x00\x06\x00", "not_csv"),
        (b"\x00\x01\x02\x03\x04", "not_csv"),
        ("code,title\nA1,x\n".encode("utf-16-le"), "not_csv"),
        (b'"code,title\nA1,x\n', "not_csv"),
        (b"code,title\nA1,caf\xe9 noir\xff\n", "encoding"),
        (b"\xef\xbb\xbfcode,title\nA1,caf\xe9\n", "encoding"),
        (b"\xff\xfec\x00o\x00d\x00e\x00\n\x00\x00\xd8\n\x00", "encoding"),
    ],
)
def test_what_is_no_table_says_why(content: bytes, code: str) -> None:
    assert failure_of(content) == code


def test_too_many_rows_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ROWS", 3)
    assert len(read(b"code\nA\nB\nC\n")[0]) == 3
    assert failure_of(b"code\nA\nB\nC\nD\n") == "too_large"


@pytest.mark.parametrize(
    "header", ["CODE,Title", " code , TITLE", '"code","title"', "\ufeffCode,title"]
)
def test_header_names_are_trimmed_and_caseless(header: str) -> None:
    assert table_of(f"{header}\n".encode()).header.positions == {"code": 0, "title": 1}


def test_unknown_columns_may_come_twice_or_nameless() -> None:
    table = table_of(b"note,code,note,,\nx,A1,y,,\n")
    assert table.header.positions == {"code": 1}


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(
    st.lists(st.tuples(cells.filter(lambda c: "\ufeff" not in c), cells), max_size=20),
    st.integers(1, 50),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_whatever_csv_writes_is_read_back(
    rows: list[tuple[str, str]], chunk_bytes: int, line_end: str, encoding: str
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(["code", "title"])
    writer.writerows(rows)
    found, problems = read(out.getvalue().encode(encoding), chunk_bytes)
    assert not problems
    assert list(found.values()) == [list(row) for row in rows]

"""Random files, and what an independent and slow reading of the rules says of them."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from chalicelib.core import database
from tests.bulk.desk import HEADER, Desk
from tests.bulk.oracle import expected

codes = st.sampled_from(
    [
        "A1",
        "a1",
        " A1 ",
        "B1",
        "b1\u3000",
        "微积分",
        "",
        "  ",
        "X" * 32,
        "X" * 33,
        "'=c",
        "=C",
        "'-d",
    ]
)
texts = st.one_of(
    st.sampled_from(["", "x", "X", "'=x", "''+y", "=z", "x\ny", "\tt", "'", "a\x07", "y" * 129]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)
credits = st.sampled_from(
    [
        "",
        " ",
        "3",
        "3.0",
        "2.5",
        "0",
        "999.9",
        "1000",
        "-1",
        "'-1",
        "3.25",
        "three",
        ".",
        "+2",
        "1e1",
    ]
)
columns = {"code": codes, "title": texts, "description": texts, "credits": credits}
course = st.tuples(
    st.sampled_from(["A1", "b1", "微积分", "=C"]), st.sampled_from(["x", "X", "=x"]),
    st.sampled_from(["", "x", "'=x"]), st.sampled_from([Decimal("3.0"), Decimal("2.5")]),
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> tuple[list[str], list[list[str]], str, str, str]:
    others = draw(st.lists(st.sampled_from([*HEADER[1:], "room"]), unique=True, max_size=4))
    header = draw(st.permutations(["code", *others]))
    row = st.tuples(*(columns.get(name, texts) for name in header)).map(list)
    odd = st.lists(texts.filter(lambda cell: cell.strip() != ""), min_size=2, max_size=6)
    rows = draw(st.lists(row | row | row | odd, max_size=12))
    # With one column there is nothing in the header to tell a separator by.
    separator = draw(st.sampled_from(",;\t" if others else ","))
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return list(header), rows, separator, line_end, encoding


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files(), st.lists(course, max_size=3, unique_by=lambda c: c[0].lower()), st.booleans())
def test_every_row_has_the_outcome_that_the_rules_give_it(
    desk: Desk,
    file: tuple[list[str], list[list[str]], str, str, str],
    catalogue: list[tuple[str, str, str, Decimal]],
    plans_first: bool,
) -> None:
    header, rows, separator, line_end, encoding = file
    _set_catalogue(catalogue)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    numbered = []
    for row in rows:
        numbered.append((_lines(out.getvalue()) + 1, row))
        writer.writerow(row)
    content = out.getvalue().encode(encoding)
    before = {course[0].lower(): course for course in catalogue}
    told = expected(before, header, numbered)

    task = desk.import_(content, "plan" if plans_first else "apply")
    outcomes = list(told.outcomes.values())
    assert task.counts == tuple(
        outcomes.count(name) for name in ("created", "updated", "unchanged", "failed")
    )
    if told.errors:
        assert dict(desk.problems(task)) == {
            line: ";".join(dict.fromkeys(codes)) for line, codes in told.errors.items()
        }
    if plans_first:
        assert dict(desk.read("SELECT line, outcome FROM task_rows")) == told.outcomes
        assert desk.apply(task).counts == task.counts
    found = {row[0].lower(): (*row[:3], Decimal(row[3])) for row in desk.courses()}
    assert found == told.courses
    desk.write("DELETE FROM task_rows")


def _lines(content: str) -> int:
    """Return how many lines a text has, as an editor counts them."""
    return len(io.StringIO(content, newline="").readlines())


def _set_catalogue(courses: list[tuple[str, str, str, Decimal]]) -> None:
    with database.transaction() as connection:
        connection.execute(text("DELETE FROM courses"))
        for code, title, description, number in courses:
            connection.execute(
                text(
                    "INSERT INTO courses (code, title, description, credits) VALUES (:c,:t,:d,:n)"
                ),
                {"c": code, "t": title, "d": description, "n": number},
            )

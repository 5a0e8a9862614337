"""An export, from its message to its file."""

from __future__ import annotations

import csv
import io
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from chalicelib.bulk import service
from chalicelib.core import database
from tests.bulk.desk import HEADER, Desk, csv_file, parsed

text_cell = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
) | st.text(st.sampled_from("'=+-@\t\r\n\\,\";x"), max_size=5)


def test_an_export_has_every_column_and_a_byte_order_mark(desk: Desk) -> None:
    desk.import_(csv_file([["b", "微积分", 'a "b", c\nd', "2.5"], ["A", "x", "", "3"]]))
    assert (
        desk.export()
        == (
            '\ufeffcode,title,description,credits\nA,x,"",3.0\nb,微积分,"a ""b"", c\nd",2.5\n'
        ).encode()
    )


def test_an_empty_catalogue_is_a_header(desk: Desk) -> None:
    assert desk.export() == b"\xef\xbb\xbfcode,title,description,credits\n"


@pytest.mark.parametrize(
    ("filters", "codes"),
    [
        ({"q": "ALG"}, ["A1"]),
        ({"q": "微"}, ["B1"]),
        ({"code": "b1"}, ["B1"]),
        ({"q": "%"}, ["C1"]),
        ({"q": "'; DROP TABLE courses; --"}, []),
        ({"q": "\\"}, ["D1"]),
        ({"q": ":code"}, []),
        ({"q": "a", "code": "A1"}, ["A1"]),
        ({"q": ""}, ["A1", "B1", "C1", "D1"]),
    ],
)
def test_the_filters_are_the_lists(desk: Desk, filters: dict[str, str], codes: list[str]) -> None:
    desk.import_(
        csv_file(
            [
                ["A1", "Algebra", "", "3"],
                ["B1", "微积分", "", "3"],
                ["C1", "100 %", "", "3"],
                ["D1", "back\\slash", "", "3"],
            ]
        )
    )
    assert [row["code"] for row in parsed(desk.export(**filters))] == codes


def test_no_cell_is_a_formula(desk: Desk) -> None:
    rows = [(f"A{n}", f"{start}1+1", "", "3") for n, start in enumerate("=+-@\t\r")]
    with database.transaction() as connection:
        for row in rows:
            connection.execute(
                text("INSERT INTO courses (code, title) VALUES (:code, :title)"),
                {"code": row[0], "title": row[1]},
            )
    assert [row["title"] for row in parsed(desk.export())] == [f"'{row[1]}" for row in rows]


def test_a_message_a_second_time_changes_nothing(desk: Desk) -> None:
    with database.transaction() as connection:
        task_id = service.start_export(connection, desk.caller, "courses", {})
    message = {"task_id": str(task_id)}
    assert desk.deliver(message, message, function="export") == []
    task = desk.task(task_id)
    assert (task.state, task.attempt) == ("SUCCESS", 1)


def test_messages_without_sense_fail(desk: Desk) -> None:
    bodies = ["{", {"task_id": str(uuid.uuid4())}, {"task_id": 1}, {}]
    assert len(desk.deliver(*bodies, function="export")) == 4


def test_an_export_that_broke_off_is_done_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.bulk import exporting

    desk.import_(csv_file([["A1", "x", "", "3"]]))
    with database.transaction() as connection:
        task_id = service.start_export(connection, desk.caller, "courses", {})
    with monkeypatch.context() as broken:
        broken.setattr(exporting, "succeed_task", lambda *_, **__: 1 / 0)
        assert len(desk.deliver({"task_id": str(task_id)}, function="export")) == 1
    assert desk.task(task_id).state == "PROGRESS"
    assert desk.deliver({"task_id": str(task_id)}, function="export") == []
    assert desk.task(task_id).result == {"status": "success", "count": 1}


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(text_cell.filter(bool), text_cell), max_size=20))
def test_whatever_is_exported_goes_in_again_without_a_change(
    desk: Desk, rows: list[tuple[str, str]]
) -> None:
    with database.transaction() as connection:
        connection.execute(text("DELETE FROM courses"))
        for n, (title, description) in enumerate(rows):
            connection.execute(
                text("INSERT INTO courses (code, title, description) VALUES (:code, :t, :d)"),
                {"code": f"-{n}", "t": title, "d": description},
            )
    content = desk.export()
    out = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert out[0] == list(HEADER)
    ended = desk.import_(content)
    controls = sum(
        any((c < " " and c not in "\t\r\n") or "\x7f" <= c < "\xa0" for c in t) for t, _ in rows
    )
    assert ended.counts == (0, 0, len(rows) - controls, controls)

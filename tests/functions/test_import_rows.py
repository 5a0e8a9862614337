"""An import of courses, from the message to the end of its task: every rule of the import."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chalicelib.bulk import staging
from tests.bulk.desk import Desk, csv_file, parsed, uploaded
from tests.functions.events import s3_created, s3_test_event

NEW = ("CS101", "Computing", "About it", "3.0")


def test_a_catalogue_goes_in_and_a_second_time_changes_nothing(desk: Desk) -> None:
    content = csv_file([NEW, ["MA1", "微积分", "", "4.5"]])
    first = desk.import_(content)
    assert first.state == "SUCCESS"
    assert first.counts == (2, 0, 0, 0)
    assert (first.done, first.total) == (2, 2)
    assert first.result == {
        "status": "success",
        "total": 2,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "failed": 0,
        "warnings": 0,
        "error_report": False,
    }
    assert desk.courses() == [NEW, ("MA1", "微积分", "", "4.5")]
    assert desk.import_(content).counts == (0, 0, 2, 0)
    assert desk.versions() == {"CS101": 1, "MA1": 1}


def test_only_what_differs_is_written(desk: Desk) -> None:
    desk.import_(csv_file([NEW, ["CS102", "More", "", "2.0"]]))
    before = desk.read("SELECT code, updated_at FROM courses ORDER BY code")
    again = desk.import_(csv_file([NEW, ["CS102", "More", "", "2.5"]]))
    assert again.counts == (0, 1, 1, 0)
    assert desk.versions() == {"CS101": 1, "CS102": 2}
    after = desk.read("SELECT code, updated_at FROM courses ORDER BY code")
    assert after[0] == before[0]
    assert after[1].updated_at > before[1].updated_at


def test_the_key_is_trimmed_and_caseless_and_keeps_its_spelling(desk: Desk) -> None:
    desk.import_(csv_file([NEW]))
    assert desk.import_(csv_file([["\u3000 cs101\t", *NEW[1:]]])).counts == (0, 0, 1, 0)
    assert desk.courses() == [NEW]


def test_other_cells_are_kept_as_they_are(desk: Desk) -> None:
    row = ("A1", "  two  spaces ", " line one\r\n\tline \\N two\n", "3.0")
    desk.import_(csv_file([row, ["B1", "\\.", "\x1e\x1f\\", " 3 "]]))
    assert desk.courses() == [row, ("B1", "\\.", "\x1e\x1f\\", "3.0")]


@pytest.mark.parametrize(
    ("header", "row", "after"),
    [
        (["code", "credits"], ["CS101", "5"], ("CS101", "Computing", "About it", "5.0")),
        (["title", "CODE"], ["New", "cs101"], ("CS101", "New", "About it", "3.0")),
        (["code", "description"], ["CS101", ""], ("CS101", "Computing", "", "3.0")),
        (["code", "title", "credits"], ["CS101", "New", ""], ("CS101", "New", "About it", "3.0")),
        (["code"], ["CS101"], NEW),
        (["room", "code", "room"], ["x", "CS101", "y"], NEW),
    ],
)
def test_an_absent_column_leaves_the_field_alone(
    desk: Desk, header: list[str], row: list[str], after: tuple[str, ...]
) -> None:
    desk.import_(csv_file([NEW]))
    ended = desk.import_(csv_file([row], header))
    assert ended.counts == ((0, 0, 1, 0) if after == NEW else (0, 1, 0, 0))
    assert desk.courses() == [after]


def test_empty_credits_keep_the_old_value_and_are_three_for_a_new_course(desk: Desk) -> None:
    desk.import_(csv_file([["A1", "x", "", "5.5"]]))
    ended = desk.import_(csv_file([["A1", "x", "", ""], ["B1", "y", "", "  "]]))
    assert ended.counts == (1, 0, 1, 0)
    assert [row[3] for row in desk.courses()] == ["5.5", "3.0"]
    desk.import_(csv_file([["C1", "z"]], ["code", "title"]))
    assert desk.courses()[2] == ("C1", "z", "", "3.0")


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (["", "x", "", "3"], "required"),
        (["  ", "x", "", "3"], "required"),
        (["A1", "", "", "3"], "required"),
        (["A" * 33, "x", "", "3"], "too_long"),
        (["A\x01", "x", "", "3"], "invalid_character"),
        (["A\nB", "x", "", "3"], "invalid_character"),
        (["A1", "x" * 129, "", "3"], "too_long"),
        (["A1", "x\x07", "", "3"], "invalid_character"),
        (["A1", "x", "y" * 10_001, "3"], "too_long"),
        (["A1", "x", "y" * 1_000_000, "3"], "too_long"),
        (["A1" * 500_000, "x", "y", "3"], "too_long"),
        (["A1", "x", "", "3 hours."], "invalid_number"),
        (["A1", "x", "", "3,5"], "invalid_number"),
        (["A1", "x", "", "1e1"], "invalid_number"),
        (["A1", "x", "", "NaN"], "invalid_number"),
        (["A1", "x", "", "Infinity"], "invalid_number"),
        (["A1", "x", "", "."], "invalid_number"),
        (["A1", "x", "", "\uff13"], "invalid_number"),
        (["A1", "x", "", "9" * 200_000], "invalid_number"),
        (["A1", "x", "", "-0.5"], "out_of_range"),
        (["A1", "x", "", "1000"], "out_of_range"),
        (["A1", "x", "", "9" * 1000], "out_of_range"),
        (["A1", "x", "", "3.25"], "too_precise"),
        (["A1", "x\0", "", "3"], "invalid_character"),
        (["A1", "x", ""], "wrong_column_count"),
        (["A1", "x", "", "3", "more"], "wrong_column_count"),
        (["", "", "", ""], "required"),
        (["A1", "", "", "many"], "required;invalid_number"),
    ],
)
def test_a_bad_row_is_told_and_stops_no_other(desk: Desk, row: list[str], code: str) -> None:
    ended = desk.import_(csv_file([NEW, row, ["Z9", "Last", "", ""]]))
    assert ended.counts == (2, 0, 0, 1)
    assert desk.problems(ended) == [(3, code)]
    assert [course[0] for course in desk.courses()] == ["CS101", "Z9"]


@pytest.mark.parametrize("credits", ["3", "3.0", "3.00", "+3", "03.", " 3\t"])
def test_a_number_may_be_written_in_many_ways(desk: Desk, credits: str) -> None:
    desk.import_(csv_file([["A1", "x", "", credits]]))
    assert desk.courses() == [("A1", "x", "", "3.0")]


@pytest.mark.parametrize("credits", ["0", "999.9", ".5"])
def test_credits_at_the_edges(desk: Desk, credits: str) -> None:
    assert desk.import_(csv_file([["A1", "x", "", credits]])).counts == (1, 0, 0, 0)


def test_a_new_course_needs_a_title(desk: Desk) -> None:
    desk.import_(csv_file([NEW]))
    ended = desk.import_(csv_file([["CS101", "4"], ["X1", "4"], ["X1", "4"]], ["code", "credits"]))
    assert ended.counts == (0, 1, 0, 2)
    assert desk.problems(ended) == [(3, "required"), (4, "required")]


def test_of_good_rows_with_one_key_the_first_counts(desk: Desk) -> None:
    ended = desk.import_(
        csv_file(
            [
                ["a1", "bad", "", "much"],
                ["A1", "first", "", "1"],
                ["a1 ", "second", "", "2"],
                ["A1", "", "", "3"],
                ["B1", "other", "", "4"],
            ]
        )
    )
    assert ended.counts == (2, 0, 0, 3)
    assert desk.problems(ended) == [
        (2, "invalid_number"),
        (4, "duplicate_in_file"),
        (5, "required"),
    ]
    assert desk.courses()[0] == ("A1", "first", "", "1.0")


def test_formulas_lose_one_apostrophe_and_nothing_else_does(desk: Desk) -> None:
    ended = desk.import_(
        csv_file([["A1", "'=1+1", "''=2", "'+3"], ["B1", "=raw", "'quoted'", "3"]])
    )
    assert ended.counts == (2, 0, 0, 0)
    assert desk.courses() == [("A1", "=1+1", "'=2", "3.0"), ("B1", "=raw", "'quoted'", "3.0")]


def test_a_header_without_rows_is_a_success(desk: Desk) -> None:
    ended = desk.import_(b"code,title")
    assert ended.state == "SUCCESS"
    assert ended.counts == (0, 0, 0, 0)
    assert (ended.done, ended.total) == (0, 0)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"A1,Algebra,,3\n", "no_header"),
        (b"title\nAlgebra\n", "missing_column"),
        (b"code,code\nA1,A1\n", "duplicate_column"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not_csv"),
        (b"code,title\nA1,caf\xe9 noir\xff\n", "encoding"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_its_cause(
    desk: Desk, content: bytes, code: str
) -> None:
    desk.import_(csv_file([NEW]))
    ended = desk.import_(content)
    assert ended.code == code
    assert ended.error is not None
    assert len(ended.error["detail"]) > 10
    assert desk.courses() == [NEW]


def test_a_file_that_turns_out_not_to_be_utf_8_starts_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "ROWS_A_STEP", 100)
    monkeypatch.setattr(staging, "_READ_BYTES", 1000)
    rows = [[f"A{n}", "plain", "", "3"] for n in range(1000)]
    content = csv_file(
        [*rows, ["B1", "微积分", "", "3"], ["", "线性", "", "3"]], encoding="gb18030"
    )
    ended = desk.import_(content)
    assert ended.counts == (1001, 0, 0, 1)
    assert desk.courses()[-1][1] == "微积分"
    assert desk.report(ended)[0]["title"] == "线性"


def test_an_encoding_that_breaks_late_changes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "ROWS_A_STEP", 100)
    monkeypatch.setattr(staging, "_READ_BYTES", 1000)
    content = csv_file([[f"A{n}", "plain", "", "3"] for n in range(1000)]) + b"B1,\xff\xff,,3\n"
    assert desk.import_(content).code == "encoding"
    assert desk.courses() == []
    assert desk.read("SELECT 1 FROM import_rows") == []


def test_the_error_report_is_corrected_and_uploaded_again(desk: Desk) -> None:
    content = csv_file(
        [
            ["A1", "=Fine", "'=x", "2", "north"],
            ["B1", "=Formula", "two\nlines", "many", "=south"],
            ["C1", "", "''=y", "2", "east"],
        ],
        ["Code", "title", "description", "Credits", "Campus"],
        separator=";",
        encoding="utf-16",
    )
    ended = desk.import_(content)
    assert ended.counts == (1, 0, 0, 2)
    raw = desk.object(f"results/{ended.id}/errors.csv")
    assert raw.startswith(b"\xef\xbb\xbfCode,title,description,Credits,Campus,line,severity,")
    rows = desk.report(ended)
    assert rows[0] == {
        "Code": "B1",
        "title": "'=Formula",
        "description": "two\nlines",
        "Credits": "many",
        "Campus": "'=south",
        "line": "3",
        "severity": "error",
        "error_code": "invalid_number",
        "error": "credits: Credits are a number such as 3 or 2.5.",
    }
    assert (rows[1]["line"], rows[1]["description"]) == ("5", "''=y")

    corrected = raw.decode().replace("many", "4").replace("C1,,", "C1,Calculus,")
    again = desk.import_(corrected.encode())
    assert again.counts == (2, 0, 0, 0)
    assert desk.courses()[1:] == [
        ("B1", "=Formula", "two\nlines", "4.0"),
        ("C1", "Calculus", "'=y", "2.0"),
    ]


def test_a_report_of_a_report_has_its_own_columns_once(desk: Desk) -> None:
    first = desk.import_(csv_file([["A1", "", "", "3"]]))
    second = desk.import_(desk.object(f"results/{first.id}/errors.csv"))
    assert second.counts == (0, 0, 0, 1)
    assert desk.report(second) == desk.report(first)


def test_unreadable_rows_are_reported_with_what_there_is_of_them(desk: Desk) -> None:
    content = b'code,title,description,credits\nA1,x\nB1,x,y,3,surplus,=1\nC1,"open,y,3\nD1,x,y,3'
    ended = desk.import_(content)
    assert ended.counts == (1, 0, 0, 3)
    short, long, unclosed = desk.report(ended)
    assert (short["code"], short["title"], short["credits"]) == ("A1,x", "", "")
    assert (long["code"], long["error_code"]) == ("B1,x,y,3,surplus,=1", "wrong_column_count")
    assert "surplus,=1" in long["error"]
    assert (unclosed["code"], unclosed["error_code"]) == ('C1,"open,y,3', "bad_quotes")
    again = desk.import_(desk.object(f"results/{ended.id}/errors.csv"))
    assert again.counts == (0, 0, 0, 3)


def test_a_long_report_is_made_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.bulk import report

    monkeypatch.setattr(report, "_PAGE_ROWS", 7)
    monkeypatch.setattr(staging, "_READ_BYTES", 500)
    rows = [[f"A{n}", "x" if n % 3 else "", "", "3"] for n in range(100)]
    ended = desk.import_(csv_file(rows))
    assert ended.counts == (66, 0, 0, 34)
    assert desk.problems(ended) == [(n + 2, "required") for n in range(0, 100, 3)]


def test_ten_thousand_rows_in_many_steps(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "ROWS_A_STEP", 1_000)
    monkeypatch.setattr(staging, "_READ_BYTES", 20_000)
    rows = [
        [f"A{n:05}", f"标题 {n}", "about\nit" if n % 10 == 0 else "", "3"] for n in range(10_000)
    ]
    ended = desk.import_(csv_file(rows))
    assert ended.counts == (10_000, 0, 0, 0)
    assert desk.courses()[9_990] == ("A09990", "标题 9990", "about\nit", "3.0")
    assert desk.read("SELECT 1 FROM import_rows") == []


def test_a_message_a_second_time_changes_nothing(desk: Desk) -> None:
    task_id = desk.upload(csv_file([NEW]))
    assert desk.deliver(uploaded(task_id), uploaded(task_id)) == []
    before = desk.task(task_id)
    desk.write("UPDATE courses SET title = 'Changed since'")
    assert desk.deliver(uploaded(task_id), {"task_id": str(task_id)}) == []
    assert desk.task(task_id) == before
    assert desk.courses()[0][1] == "Changed since"


def test_a_notification_of_a_replaced_upload_changes_nothing(desk: Desk) -> None:
    from chalicelib.integrations import s3

    task_id = desk.upload(csv_file([NEW]))
    desk.deliver(uploaded(task_id))
    s3.put(f"imports/{task_id}/source.csv", csv_file([["X1", "Other", "", ""]]), "text/csv")
    assert desk.deliver(uploaded(task_id)) == []
    assert desk.courses() == [NEW]


def test_a_file_replaced_between_two_attempts_is_not_taken(desk: Desk) -> None:
    from chalicelib.integrations import s3

    task_id = desk.upload(csv_file([NEW]))
    desk.write("UPDATE tasks SET source_etag = 'of-another-file' WHERE id = :id", id=task_id)
    assert desk.deliver(uploaded(task_id)) == []
    assert desk.task(task_id).code == "upload_replaced"
    assert s3.head(f"imports/{task_id}/source.csv") is not None
    assert desk.courses() == []


def test_a_file_replaced_before_its_report_was_made_does_not_undo_its_rows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.bulk import report
    from chalicelib.integrations import s3

    task_id = desk.upload(csv_file([NEW, ["", "No code", "", ""]]))
    write_report = report.write_report

    def replace_first(*arguments: Any) -> None:
        s3.put(f"imports/{task_id}/source.csv", b"code\nX1\n", "text/csv")
        write_report(*arguments)

    monkeypatch.setattr(report, "write_report", replace_first)
    assert desk.deliver(uploaded(task_id)) == []
    ended = desk.task(task_id)
    assert ended.state == "SUCCESS"
    assert ended.counts == (1, 0, 0, 1)
    assert ended.result["error_report"] is False
    assert desk.courses() == [NEW]


def test_a_file_that_never_came_fails_its_task(desk: Desk) -> None:
    from chalicelib.bulk import service
    from chalicelib.core import database

    with database.transaction() as connection:
        task_id, _ = service.start_import(connection, desk.caller, "courses", "x.csv", "apply")
    assert desk.deliver({"task_id": str(task_id)}) == []
    assert desk.task(task_id).code == "upload_missing"


def test_a_file_beyond_the_limit_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.bulk import importing

    monkeypatch.setattr(importing, "MAX_SOURCE_BYTES", 10)
    assert desk.import_(csv_file([NEW])).code == "too_large"


def test_messages_without_sense_fail_alone(desk: Desk) -> None:
    task_id = desk.upload(csv_file([NEW]))
    failed = desk.deliver(
        "{",
        {"task_id": str(uuid.uuid4())},
        {"task_id": "no-uuid"},
        {"task_id": 7},
        {"Records": "none"},
        {"Records": [{"s3": {}}]},
        s3_created("attachments/7/source.csv"),
        s3_created(f"imports/{uuid.uuid4()}/source.csv"),
        s3_test_event(),
        uploaded(task_id),
    )
    assert len(failed) == 8
    assert desk.task(task_id).state == "SUCCESS"


def test_an_export_is_no_work_for_an_import(desk: Desk) -> None:
    from chalicelib.bulk import service
    from chalicelib.core import database

    with database.transaction() as connection:
        task_id = service.start_export(connection, desk.caller, "courses", {})
    assert len(desk.deliver({"task_id": str(task_id)})) == 1
    assert desk.task(task_id).state == "PENDING"


def test_spaces_in_a_key_arrive_as_plus_signs(desk: Desk) -> None:
    task_id = desk.upload(csv_file([NEW]))
    message = s3_created(f"imports/{task_id}/source.csv")
    message["Records"][0]["s3"]["object"]["key"] = f"imports%2F{task_id}%2Fsource.csv"
    assert desk.deliver(message) == []
    assert desk.task(task_id).state == "SUCCESS"


def test_the_good_rows_appear_together(desk: Desk) -> None:
    """A course that breaks a constraint of the table, which no rule foresaw, takes all with it."""
    desk.write("ALTER TABLE courses ADD CONSTRAINT no_x CHECK (title <> 'x')")
    try:
        ended = desk.import_(csv_file([NEW, ["B1", "x", "", "3"]]))
        assert ended.code == "unprocessable"
        assert desk.courses() == []
    finally:
        desk.write("ALTER TABLE courses DROP CONSTRAINT no_x")


def test_an_export_goes_in_again_without_a_change(desk: Desk) -> None:
    rows = [
        ("A1", "=1+1", "'=2", "0.0"),
        ("b2", "'", "''+x", "999.9"),
        ("C3", '微积分 "quoted", and more', "line\r\nline\n", "2.5"),
        ("d4", " @home ", "\tx", "3.0"),
    ]
    desk.import_(csv_file([[f"'{c}" if c[:1] in "='@+\t" else c for c in row] for row in rows]))
    content = desk.export()
    before = desk.versions()
    assert desk.import_(content).counts == (0, 0, 4, 0)
    assert desk.versions() == before
    assert [row["code"] for row in parsed(content)] == ["A1", "b2", "C3", "d4"]

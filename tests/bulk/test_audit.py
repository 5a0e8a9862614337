"""What bulk work leaves in the audit log: who asked for it, what it did, who took its files."""

from __future__ import annotations

from typing import Any

from chalicelib.bulk import service
from chalicelib.core import database
from tests.bulk.desk import Desk, csv_file, uploaded

ROWS = [["A1", "Alpha", "", "1"], ["B1", "", "", "2"]]


def events(desk: Desk) -> list[Any]:
    return desk.read("SELECT * FROM audit_events ORDER BY id")


def test_an_import_is_asked_for_and_applied(desk: Desk) -> None:
    task = desk.import_(csv_file(ROWS))
    started, applied = events(desk)
    assert (started.action, started.after) == (
        "import_started",
        {"kind": "courses", "mode": "apply"},
    )
    assert (applied.action, applied.actor_id, applied.ip) == (
        "import_applied",
        desk.caller.id,
        "",
    )
    assert {started.object_id, applied.object_id} == {str(task.id)}
    counts = {"created": 1, "updated": 0, "unchanged": 0, "failed": 1}
    assert applied.after == {"kind": "courses", **counts}


def test_a_message_a_second_time_is_no_second_event(desk: Desk) -> None:
    task_id = desk.upload(csv_file(ROWS))
    desk.deliver(uploaded(task_id), uploaded(task_id))
    assert [event.action for event in events(desk)] == ["import_started", "import_applied"]


def test_a_plan_applies_nothing_until_it_is_applied(desk: Desk) -> None:
    plan = desk.import_(csv_file(ROWS), "plan")
    assert [event.after for event in events(desk)] == [{"kind": "courses", "mode": "plan"}]
    desk.apply(plan)
    assert [event.action for event in events(desk)[1:]] == ["import_started", "import_applied"]


def test_rows_that_were_refused_as_a_whole_were_not_applied(desk: Desk) -> None:
    desk.write("ALTER TABLE courses ADD CONSTRAINT no_x CHECK (title <> 'Alpha')")
    try:
        assert desk.import_(csv_file(ROWS)).code == "unprocessable"
    finally:
        desk.write("ALTER TABLE courses DROP CONSTRAINT no_x")
    assert [event.action for event in events(desk)] == ["import_started"]


def test_files_are_asked_for_and_taken(desk: Desk) -> None:
    imported = desk.import_(csv_file(ROWS))
    desk.export(q="a", code="")
    export = desk.read("SELECT id FROM tasks WHERE job = 'export'")[0].id
    with database.transaction() as connection:
        service.hand_out_report(connection, desk.caller, imported.id)
        service.hand_out_result(connection, desk.caller, export)
    started, report, result = events(desk)[2:]
    assert (started.action, started.after) == (
        "export_started",
        {"kind": "courses", "filters": ["q"]},
    )
    assert (report.action, report.object_id, report.after["job"]) == (
        "sensitive_read",
        str(imported.id),
        "import",
    )
    assert (result.object_id, result.after["job"]) == (str(export), "export")

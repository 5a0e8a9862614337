"""The timetable as a file: a row for each meeting, one way only."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from chalicelib.accounts.rules import Caller
from chalicelib.bulk import service
from chalicelib.bulk.errors import UnknownKind
from chalicelib.core import database
from chalicelib.core.errors import Forbidden
from tests.bulk.desk import Desk, parsed, uploaded
from tests.bulk.test_section_import import file, furnish
from tests.outbox.queues import Queues

EARLY = (
    "CS101",
    "Computing",
    "autumn",
    "01",
    "ben",
    "1",
    "1",
    "2",
    "odd",
    "A101",
    "08:00",
    "09:45",
)
LATE = ("CS101", "Computing", "autumn", "01", "ben", "5", "6", "6", "1-3,9", "", "13:00", "13:45")
MATHS = ("MA1", "Maths", "autumn", "x", "", "2", "2", "3", "all", "东上院202", "09:00", "10:45")


@pytest.fixture
def desk(desk_queues: Queues, clean_database: None, owner: Connection) -> Desk:
    desk = Desk(owner, desk_queues, kind="timetable")
    furnish(desk)
    content = file(
        ["MA1", "autumn", "x", "", "", "published", "2:2-3:all@东上院202"],
        ["CS101", "autumn", "01", "ben", "", "", "5:6-6:1-3,9;1:1-2:odd@A101"],
        ["CS101", "autumn", "02", "ben", "", "", ""],
    )
    task_id = desk.upload(content, kind="sections")
    assert desk.deliver(uploaded(task_id)) == []
    assert desk.task(task_id).counts == (3, 0, 0, 0)
    return desk


def exported(desk: Desk, **filters: Any) -> list[tuple[str, ...]]:
    return [tuple(row.values()) for row in parsed(desk.export(**filters))]


def test_each_meeting_is_a_row_in_the_order_of_sections_and_weeks(desk: Desk) -> None:
    content = desk.export()
    assert content.startswith(
        b"\xef\xbb\xbfcourse_code,title,term,section_code,teacher,weekday,first_period,last_period,"
        b"weeks,room,starts_at,ends_at\n"
    )
    assert [tuple(row.values()) for row in parsed(content)] == [EARLY, LATE, MATHS]


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({"q": "math"}, [MATHS]),
        ({"status": "draft"}, [EARLY, LATE]),
        ({"term": "Autumn", "status": "published"}, [MATHS]),
        ({"term": "spring"}, []),
        ({"teacher": -1}, []),
        ({"course": -1}, []),
    ],
)
def test_the_filters_are_those_of_sections(
    desk: Desk, filters: dict[str, Any], rows: list[tuple[str, ...]]
) -> None:
    assert exported(desk, **filters) == rows


def test_it_does_not_come_in(desk: Desk) -> None:
    with database.transaction() as connection:
        with pytest.raises(UnknownKind):
            service.start_import(connection, desk.caller, "timetable", "x.csv", "apply")
        with pytest.raises(UnknownKind):
            service.start_import_of(connection, desk.caller, "timetable", "x.csv", "plan", b"x")


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_registrars_and_managers_take_it_out(desk: Desk, role: Any) -> None:
    with database.transaction() as connection, pytest.raises(Forbidden):
        service.start_export(connection, Caller(1, "ben", role), "timetable", {})

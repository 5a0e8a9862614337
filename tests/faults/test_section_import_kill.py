"""The worker of an import of sections dies at every statement in turn: no meeting is there twice or
missing, and nobody is promoted twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tests.bulk.desk import Desk, bucket_and_queues, parsed
from tests.bulk.test_section_import import file, furnish
from tests.faults.import_kills import kill_at_each_statement
from tests.outbox.queues import Queues

ROWS = [
    ["CS101", "autumn", "01", "ben", "2", "published", "1:1-2:odd@A101;3:1-1:all"],
    ["CS101", "autumn", "02", "ben", "", "", "1:2-2:1@A101"],
    ["CS101", "autumn", "03", "nobody", "", "", ""],
]


@pytest.fixture(scope="module")
def desk_queues() -> Iterator[Queues]:
    with bucket_and_queues() as queues:
        yield queues


@pytest.fixture
def desk(desk_queues: Queues, clean_database: None, owner: Connection) -> Desk:
    desk = Desk(owner, desk_queues, kind="sections")
    furnish(desk)
    return desk


def _start_over(desk: Desk) -> uuid.UUID:
    for table in ("task_rows", "tasks", "enrollments", "sections"):
        desk.write(f"DELETE FROM {table}")
    desk.write("TRUNCATE audit_events")
    desk.write(
        "WITH section AS (INSERT INTO sections (course_id, term_id, section_code, capacity, status)"
        " SELECT courses.id, terms.id, '01', 0, 'published' FROM courses, terms"
        " WHERE courses.code = 'CS101' RETURNING id),"
        " meeting AS (INSERT INTO meetings (section_id, number, weekday, first_period, last_period,"
        " weeks) SELECT id, number, 5, 1, 1, '{1}' FROM section, generate_series(1, 3) number)"
        " INSERT INTO enrollments (section_id, user_id, status)"
        " SELECT section.id, users.id, 'waitlisted' FROM section, users WHERE role = 'student'"
    )
    return desk.upload(file(*ROWS))


def _ended_once(desk: Desk, task_id: uuid.UUID) -> None:
    task = desk.task(task_id)
    assert task.counts == (1, 1, 0, 1)
    assert desk.problems(task) == [
        (2, "schedule_conflict"),
        (3, "schedule_conflict"),
        (4, "unknown_teacher"),
    ]
    assert [tuple(row.values())[2:] for row in parsed(desk.export())] == [
        ("01", "ben", "2", "published", "1:1-2:odd@A101;3:1-1:all"),
        ("02", "ben", "50", "draft", "1:2-2:1@A101"),
    ]
    counts = desk.read("SELECT enrolled, waitlisted, version FROM sections ORDER BY section_code")
    assert [tuple(row) for row in counts] == [(2, 1, 2), (0, 0, 1)]
    promoted = desk.read("SELECT 1 FROM audit_events WHERE action = 'enrollment_promoted'")
    assert len(promoted) == 1


def test_killed_at_any_statement_it_ends_once(desk: Desk) -> None:
    points = kill_at_each_statement(desk, _start_over, _ended_once)
    # claim, pin, stage, lock, judge, write down, report, end, tidy: all were points
    assert points > 20

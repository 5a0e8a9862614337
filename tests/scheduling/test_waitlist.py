"""Seats and the line under any mix of comings, goings and changes of the capacity, many at once,
held against a model that knows nothing of SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from chalicelib.accounts.rules import Caller
from chalicelib.core import database
from chalicelib.core.dialect import constraint_of
from chalicelib.scheduling import enrollments, sections
from chalicelib.scheduling.schemas import SectionChanges

pytestmark = pytest.mark.usefixtures("clean_database")

AT_ONCE = 6
STUDENTS = range(12)
ROSA = Caller(1, "rosa", "registrar")


@pytest.fixture
def engine(clean_database: None) -> Iterator[Engine]:
    """As many connections as hands, where the application has one a process."""
    engine = create_engine(
        "postgresql+flight://", creator=database._connect, pool_size=AT_ONCE, max_overflow=0
    )
    yield engine
    engine.dispose()


@pytest.fixture
def new_section(owner: Connection) -> Callable[[int], tuple[int, list[int]]]:
    """Make a section of that capacity in an empty school; return its id and those of students."""

    def make(capacity: int) -> tuple[int, list[int]]:
        for table in ("enrollments", "sections", "courses", "terms", "users"):
            owner.execute(text(f"DELETE FROM {table}"))
        students = owner.execute(
            text(
                "INSERT INTO users (username, email, full_name, role)"
                " SELECT 's' || n, 's' || n || '@school.example', '', 'student'"
                "   FROM generate_series(1, :count) n RETURNING id"
            ),
            {"count": len(STUDENTS)},
        )
        ids = sorted(students.scalars())
        section = owner.execute(
            text(
                "WITH course AS (INSERT INTO courses (code, title) VALUES ('C', 't') RETURNING id),"
                " term AS (INSERT INTO terms (code, name, starts_on, ends_on, timezone)"
                " VALUES ('T', 't', '2026-09-07', '2026-12-27', 'UTC') RETURNING id)"
                " INSERT INTO sections (course_id, term_id, section_code, status, capacity)"
                " SELECT course.id, term.id, '1', 'published', :capacity FROM course, term"
                " RETURNING id"
            ),
            {"capacity": capacity},
        ).scalar_one()
        owner.commit()
        return section, ids

    return make


some_students = st.sets(st.sampled_from(STUDENTS), min_size=1, max_size=AT_ONCE)


def test_no_order_of_events_breaks_the_line(
    owner: Connection, engine: Engine, new_section: Callable[[int], tuple[int, list[int]]]
) -> None:
    class Registration(RuleBasedStateMachine):
        @initialize(capacity=st.integers(0, 6))
        def opens(self, capacity: int) -> None:
            self.capacity = capacity
            self.section, self.ids = new_section(capacity)
            self.seated: set[int] = set()
            self.line: list[int] = []

        @rule(students=some_students)
        def come(self, students: set[int]) -> None:
            new = students - self.seated - set(self.line)
            self.all_at_once([partial(self.enrol, student) for student in new])
            seated, line = self.as_written()
            # who of them was first is for the database to say
            assert seated >= self.seated
            assert line[: len(self.line)] == self.line
            assert (seated - self.seated) | set(line[len(self.line) :]) == new
            free = max(0, self.capacity - len(self.seated))
            assert len(seated - self.seated) == min(free, len(new))
            self.seated, self.line = seated, line

        @rule(students=some_students, capacity=st.none() | st.integers(0, 8))
        def go(self, students: set[int], capacity: int | None) -> None:
            going = students & (self.seated | set(self.line))
            work = [partial(self.withdraw, student) for student in going]
            if capacity is not None and capacity >= self.capacity:
                self.capacity = capacity
                work.append(partial(self.resize, capacity))
            self.all_at_once(work)
            self.seated -= going
            self.line = [student for student in self.line if student not in going]
            self.fill()

        @rule(capacity=st.integers(0, 8))
        def resized(self, capacity: int) -> None:
            self.all_at_once([partial(self.resize, capacity)])
            self.capacity = capacity
            self.fill()

        @invariant()
        def what_is_written_is_what_should_be(self) -> None:
            assert self.as_written() == (self.seated, self.line)
            shown = owner.execute(
                text("SELECT enrolled, waitlisted FROM sections WHERE id = :id"),
                {"id": self.section},
            ).one()
            owner.rollback()
            assert tuple(shown) == (len(self.seated), len(self.line))

        def fill(self) -> None:
            free = max(0, self.capacity - len(self.seated))
            self.seated |= set(self.line[:free])
            self.line = self.line[free:]

        def as_written(self) -> tuple[set[int], list[int]]:
            rows = owner.execute(
                text("SELECT user_id, status FROM enrollments WHERE section_id = :id ORDER BY id"),
                {"id": self.section},
            ).all()
            owner.rollback()
            who = {user_id: number for number, user_id in enumerate(self.ids)}
            seated = {who[user_id] for user_id, status in rows if status == "enrolled"}
            return seated, [who[user_id] for user_id, status in rows if status == "waitlisted"]

        def all_at_once(self, work: list[Callable[[Connection], object]]) -> None:
            def do(task: Callable[[Connection], object]) -> None:
                with engine.begin() as connection:
                    task(connection)

            with ThreadPoolExecutor(AT_ONCE) as hands:
                list(hands.map(do, work))

        def enrol(self, student: int, connection: Connection) -> None:
            enrollments.enroll(connection, ROSA, self.section, self.ids[student])

        def withdraw(self, student: int, connection: Connection) -> None:
            enrollments.withdraw(connection, ROSA, self.section, self.ids[student])

        def resize(self, capacity: int, connection: Connection) -> None:
            section = sections.lock_section_for(connection, ROSA, self.section)
            changes = SectionChanges(capacity=capacity)
            sections.change_section(connection, ROSA, section, changes, allow_conflicts=False)

    run_machine(
        Registration,
        settings=settings(
            max_examples=25,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO enrollments (section_id, user_id, status)"
        " SELECT :section, id, 'enrolled' FROM users LIMIT 3",
        "UPDATE enrollments SET status = 'enrolled'",
    ],
)
def test_no_statement_gives_more_seats_than_there_are(
    new_section: Callable[[int], tuple[int, list[int]]], statement: str
) -> None:
    section, students = new_section(2)
    if statement.startswith("UPDATE"):
        for student in students[:3]:
            with database.transaction() as connection:
                enrollments.enroll(connection, ROSA, section, student)
    with pytest.raises(DBAPIError) as refused, database.transaction() as connection:
        binds = {"section": section} if ":section" in statement else {}
        connection.execute(text(statement), binds)
    assert constraint_of(refused.value) == "enrollments_capacity"


def test_counts_follow_whatever_is_written(
    owner: Connection, new_section: Callable[[int], tuple[int, list[int]]]
) -> None:
    section, _ = new_section(10)
    shown = text("SELECT enrolled, waitlisted FROM sections WHERE id = :id")
    for statement, expected in (
        ("INSERT INTO enrollments (section_id, user_id, status) SELECT :id, id,"
         " CASE WHEN id % 3 = 0 THEN 'enrolled' ELSE 'waitlisted' END FROM users", (4, 8)),
        ("UPDATE enrollments SET enrolled_at = now() WHERE section_id = :id", (4, 8)),
        ("UPDATE enrollments SET status = 'enrolled' WHERE section_id = :id"
         " AND user_id % 3 = 1", (8, 4)),
        ("DELETE FROM enrollments WHERE section_id = :id AND user_id % 3 > 0", (4, 0)),
    ):  # fmt: skip
        owner.execute(text(statement.replace("%", "%%")), {"id": section})
        owner.commit()
        assert tuple(owner.execute(shown, {"id": section}).one()) == expected

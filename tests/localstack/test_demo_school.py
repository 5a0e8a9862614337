"""The demo school: complete, open to its password, loaded twice without harm."""

from __future__ import annotations

import os

import demo_announcements
import demo_school
import demo_timetable
import pytest
from sqlalchemy import Connection, text

from chalicelib.accounts import signing_in
from chalicelib.accounts.passwords import password_matches
from chalicelib.accounts.rules import Stranger
from chalicelib.core import database

pytestmark = pytest.mark.usefixtures("clean_database")


def counts(owner: Connection) -> dict[str, int]:
    rows = owner.execute(text("SELECT role, count(*) FROM users GROUP BY role")).all()
    found = {role: int(count) for role, count in rows}
    found["courses"] = int(owner.execute(text("SELECT count(*) FROM courses")).scalar_one())
    owner.rollback()
    return found


COMPLETE = {"manager": 1, "registrar": 1, "teacher": 2, "student": 202, "courses": 30}


def test_it_is_loaded_once(owner: Connection) -> None:
    demo_school.load(os.environ["DATABASE_URL"])
    assert counts(owner) == COMPLETE
    owner.execute(text("UPDATE courses SET title = 'Changed' WHERE code = 'CS101'"))
    of_student200 = "(SELECT id FROM users WHERE username = 'student200')"
    for table in ("enrollments", "deliveries"):
        owner.execute(text(f"DELETE FROM {table} WHERE user_id = {of_student200}"))
    owner.execute(text("DELETE FROM users WHERE username = 'student200'"))
    owner.commit()
    demo_school.load(os.environ["DATABASE_URL"])
    assert counts(owner) == COMPLETE
    kept = owner.execute(text("SELECT title FROM courses WHERE code = 'CS101'")).scalar_one()
    owner.rollback()
    assert kept == "Changed"


@pytest.mark.parametrize("name", ["amara", "dai", "student001", "student200@rollcall.example"])
def test_the_password_opens_it(name: str) -> None:
    demo_school.load(os.environ["DATABASE_URL"])
    with database.transaction() as connection:
        attempt = signing_in.begin_sign_in(connection, Stranger("127.0.0.1"), name)
    assert password_matches(attempt.password_hash, demo_school.PASSWORD)


def test_its_terms_have_a_section_of_each_course_and_nobody_is_in_two_places(
    owner: Connection,
) -> None:
    for _ in range(2):
        demo_school.load(os.environ["DATABASE_URL"])
    totals = owner.execute(
        text(
            "SELECT (SELECT count(*) FROM terms), (SELECT count(*) FROM sections),"
            " (SELECT count(*) FROM meetings), (SELECT count(*) FROM enrollments)"
        )
    ).one()
    assert tuple(totals) == (2, 60, 120, 202 * demo_timetable.SECTIONS_A_STUDENT)
    for what in ("teacher_id", "room"):
        twice = owner.execute(
            text(
                f"SELECT term_id, {what}, weekday, week, period FROM meetings"
                " JOIN sections ON id = section_id, unnest(weeks) week,"
                " generate_series(CAST(first_period AS integer), last_period) period"
                " GROUP BY 1, 2, 3, 4, 5 HAVING count(*) > 1"
            )
        )
        assert twice.all() == []
    seats = owner.execute(
        text("SELECT max(enrolled - capacity), sum(waitlisted) > 0 FROM sections")
    ).one()
    assert tuple(seats) == (0, True)


def test_its_meetings_fit_into_its_terms(owner: Connection) -> None:
    demo_school.load(os.environ["DATABASE_URL"])
    fits = text(
        "SELECT bool_and(last_period <= cardinality(period_starts)"
        " AND first_monday + 7 * (SELECT max(week) FROM unnest(weeks) week) - 1 <= ends_on)"
        " FROM meetings JOIN sections ON sections.id = section_id"
        " JOIN terms ON terms.id = term_id"
    )
    assert owner.execute(fits).scalar_one()


def test_it_was_told_something_and_some_have_read_it(owner: Connection) -> None:
    for _ in range(2):
        demo_school.load(os.environ["DATABASE_URL"])
    rows = owner.execute(
        text(
            "SELECT title, (SELECT username FROM users WHERE id = publisher_id), status,"
            " count(deliveries.id), count(*) FILTER (WHERE state = 'acknowledged'),"
            " count(*) FILTER (WHERE state = 'delivered')"
            " FROM announcements LEFT JOIN deliveries ON announcement_id = announcements.id"
            " GROUP BY announcements.id ORDER BY announcements.id"
        )
    ).all()
    seats = text(
        "SELECT count(*) FROM enrollments JOIN sections ON sections.id = section_id"
        " JOIN courses ON courses.id = course_id JOIN terms ON terms.id = term_id"
        " WHERE courses.code = :course AND terms.code = :term"
        " AND enrollments.status = 'enrolled'"
    )
    course, term, _ = demo_announcements.SECTION
    of_section = owner.execute(seats, {"course": course, "term": term}).scalar_one()
    assert [tuple(row[:4]) for row in rows] == [
        (demo_announcements.WELCOME.title, "rosa", "published", 202),
        (demo_announcements.LAPTOPS.title, "ben", "published", of_section),
        (demo_announcements.EXAMS.title, "tilda", "scheduled", 0),
        (demo_announcements.LIBRARY.title, "rosa", "withdrawn", 202),
    ]
    assert [tuple(row[4:]) for row in rows[::3]] == [(67, 67), (0, 0)]
    of_chloe = text(
        "SELECT DISTINCT state FROM deliveries JOIN users ON users.id = user_id"
        " WHERE username = :name"
    )
    states = owner.execute(of_chloe, {"name": demo_announcements.NOT_READ_BY}).scalars().all()
    assert states == ["queued"]


def test_its_courses_could_come_through_the_api() -> None:
    from chalicelib.catalog.schemas import CourseIn

    for code, title, description, credits_ in demo_school.COURSES:
        course = CourseIn(code=code, title=title, description=description, credits=float(credits_))
        assert str(course.credits) == credits_

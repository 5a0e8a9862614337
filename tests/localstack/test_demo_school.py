"""The demo school: complete, open to its password, loaded twice without harm."""

from __future__ import annotations

import os

import demo_school
import pytest
from sqlalchemy import Connection, text

from chalicelib.accounts import service
from chalicelib.core import database
from chalicelib.core.clock import utc_now

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
    with database.lone_read() as connection:
        assert service.sign_in(connection, name, demo_school.PASSWORD, utc_now()).token


def test_its_courses_could_come_through_the_api() -> None:
    from chalicelib.catalog.schemas import CourseIn

    for code, title, description, credits_ in demo_school.COURSES:
        course = CourseIn(code=code, title=title, description=description, credits=float(credits_))
        assert str(course.credits) == credits_

"""A broken constraint as the domain error that it means."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chalicelib.core import database
from chalicelib.core.dialect import constraint_of, sqlstate
from chalicelib.core.errors import Conflict
from chalicelib.core.violations import refused_as

pytestmark = pytest.mark.usefixtures("clean_database")


class CodeTaken(Conflict):
    code = "test_code_taken"


class TooDear(Conflict):
    code = "test_too_dear"


MEANINGS = {"courses_code_key": CodeTaken, "courses_credits_range_check": TooDear}
INSERT = text("INSERT INTO courses (code, title, credits) VALUES (:code, :title, :credits)")


def insert(**values: object) -> None:
    with database.transaction() as connection, refused_as(MEANINGS):
        connection.execute(INSERT, {"code": "A", "title": "t", "credits": "1.0"} | values)


def test_a_named_constraint_is_its_error() -> None:
    insert()
    with pytest.raises(CodeTaken):
        insert()
    with pytest.raises(TooDear):
        insert(code="B", credits="-1.0")


def test_another_constraint_passes_through() -> None:
    with pytest.raises(DBAPIError) as caught:
        insert(title="x" * 129)
    assert constraint_of(caught.value) == "courses_title_length_check"


def test_what_is_no_constraint_passes_through() -> None:
    with pytest.raises(DBAPIError) as caught:
        insert(credits="dear")
    assert sqlstate(caught.value) == "22P02"

"""The list of courses as Postgres sees it: which index serves it, and that it stays one row."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from chalicelib.catalog import queries
from chalicelib.catalog.schemas import CourseQuery
from chalicelib.core import database
from chalicelib.core.listing import page_statement

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def many(owner: Connection) -> None:
    owner.execute(
        text(
            "INSERT INTO courses (code, title)"
            " SELECT 'C' || lpad(n::text, 5, '0'), 't' FROM generate_series(1, 5000) n"
        )
    )
    owner.commit()
    with owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as outside:
        outside.execute(text("ANALYZE courses"))


def explained(query: CourseQuery) -> str:
    """Return the plan of a page, with values where the binds are."""
    filters = frozenset(name for name in ("q", "code") if getattr(query, name))
    statement = page_statement(queries.COURSES, query.sort, filters, bool(query.cursor)).element
    values = {"limit": query.limit, "key": "c02500", "code": "c02500", "id": 1, "q": "x"}
    used = {name: value for name, value in values.items() if f":{name}" in statement.text}
    with database.transaction() as connection:
        plan = connection.execute(text(f"EXPLAIN {statement.text}"), used)
        return "\n".join(row[0] for row in plan)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("cursor", [None, "x"])
@pytest.mark.parametrize("sort", ["code", "-code"])
def test_a_page_by_code_reads_the_index_and_sorts_nothing(sort: str, cursor: str | None) -> None:
    plan = explained(CourseQuery.model_validate({"sort": sort, "cursor": cursor}))
    assert "courses_code_key" in plan
    assert "Sort" not in plan
    assert ("Index Cond" in plan) == (cursor is not None)


@pytest.mark.usefixtures("many")
def test_the_filter_by_code_reads_the_index() -> None:
    plan = explained(CourseQuery(code="C02500", sort="title"))
    assert "courses_code_key" in plan
    assert "Seq Scan" not in plan

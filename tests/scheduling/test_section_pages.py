"""The list of sections as Postgres sees it: which indexes serve it, and what it costs."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from chalicelib.core import database
from chalicelib.core.listing import page_statement
from chalicelib.scheduling import queries

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def many(owner: Connection) -> None:
    for statement in (
        "INSERT INTO terms (code, name, starts_on, ends_on, timezone)"
        " SELECT 'T' || n, 't', '2026-09-07', '2026-12-27', 'UTC' FROM generate_series(1, 4) n",
        "INSERT INTO courses (code, title)"
        " SELECT 'C' || lpad(n::text, 4, '0'), 't' FROM generate_series(1, 1000) n",
        "INSERT INTO sections (course_id, term_id, section_code)"
        " SELECT courses.id, terms.id, '01' FROM courses, terms",
    ):
        owner.execute(text(statement))
    owner.commit()
    with owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as outside:
        outside.execute(text("ANALYZE"))


def explained(filters: dict[str, object], sort: str = "course") -> str:
    """Return the plan of a page, with values where the binds are."""
    resumes = "key" in filters
    named = frozenset(filters) - {"key", "id"}
    statement = page_statement(queries.SECTIONS, sort, named, resumes).element
    with database.transaction() as connection:
        plan = connection.execute(text(f"EXPLAIN {statement.text}"), {"limit": 50, **filters})
        return "\n".join(row[0] for row in plan)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("sort", ["course", "-course"])
@pytest.mark.parametrize("filters", [{}, {"term": "t2"}, {"key": "c0500", "id": 1}])
def test_a_page_reads_courses_in_order_and_stops(sort: str, filters: dict[str, object]) -> None:
    plan = explained(filters, sort)
    assert "Index Scan" in plan
    assert "courses_code_key" in plan
    assert "Seq Scan on sections" not in plan
    assert "Presorted Key: (lower(courses.code))" in plan
    if "key" in filters:
        assert "Index Cond: (lower(code)" in plan

"""The list of sections over HTTP: pages, search, filters, and one statement whatever it shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from chalicelib.core import database

from .conftest import API, AddCourse, AddSection, AddTerm, meeting


def keys(page: Any) -> list[str]:
    return [f"{s['course']['code']}-{s['section_code']}" for s in page["items"]]


def walk(api: API, as_: str = "rosa", **query: Any) -> list[str]:
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/api/sections", as_=as_, query=query | cursor).json
        seen += keys(page)
        if page["next"] is None:
            return seen
        cursor = {"cursor": page["next"]}


@pytest.fixture
def catalogue(
    add_course: AddCourse, add_term: AddTerm, add_section: AddSection
) -> dict[str, dict[str, Any]]:
    """Three courses, added against their order, in two terms."""
    autumn, spring = add_term("2026-autumn")["code"], add_term("2027-spring")["code"]
    ma = add_course("MA1", "数据结构")["id"]
    cs = add_course("cs101", "Computing")["id"]
    zh = add_course("ZH_1", "100%")["id"]
    made = [
        add_section("01", course_id=ma, term=autumn, teacher="ben"),
        add_section("02", course_id=ma, term=spring, status="draft"),
        add_section("A", course_id=cs, term=autumn, teacher="tilda", meetings=[meeting()] * 2),
        add_section("B", course_id=cs, term=autumn, status="archived"),
        add_section("x", course_id=zh, term=spring, teacher="ben"),
    ]
    return {f"{s['course']['code']}-{s['section_code']}": s for s in made}


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
def test_pages_add_up_to_the_whole(
    api: API, catalogue: dict[str, dict[str, Any]], limit: int
) -> None:
    by_course = ["cs101-A", "cs101-B", "MA1-01", "MA1-02", "ZH_1-x"]
    assert walk(api, limit=limit) == by_course
    assert walk(api, limit=limit, sort="-course") == by_course[::-1]
    assert walk(api, limit=limit, sort="id") == list(catalogue)
    assert walk(api, limit=limit, sort="-id") == list(catalogue)[::-1]


def test_an_item_is_what_is_read(api: API, catalogue: dict[str, dict[str, Any]]) -> None:
    items = api.get("/api/sections", as_="ben").json["items"]
    assert items == sorted(catalogue.values(), key=lambda s: s["course"]["code"].lower())


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "CS1"}, ["cs101-A", "cs101-B"]),
        ({"q": "据结"}, ["MA1-01", "MA1-02"]),
        ({"q": "%"}, ["ZH_1-x"]),
        ({"q": "X"}, ["ZH_1-x"]),
        ({"q": "TILDA"}, ["cs101-A"]),
        ({"q": "rosa"}, []),
        ({"term": "2027-SPRING"}, ["MA1-02", "ZH_1-x"]),
        ({"term": "2027"}, []),
        ({"status": "draft"}, ["MA1-02"]),
        ({"q": "ben", "term": "2027-spring"}, ["ZH_1-x"]),
    ],
)
def test_it_is_searched_and_filtered(
    api: API, catalogue: dict[str, dict[str, Any]], query: dict[str, str], found: list[str]
) -> None:
    assert walk(api, **query) == found
    assert walk(api, limit=1, **query) == found


def test_it_is_filtered_by_ids(api: API, catalogue: dict[str, dict[str, Any]]) -> None:
    course = catalogue["MA1-01"]["course"]["id"]
    ben = api.callers["ben"].id
    assert walk(api, course=course) == ["MA1-01", "MA1-02"]
    assert walk(api, teacher=ben) == ["MA1-01", "ZH_1-x"]
    assert walk(api, teacher=ben, course=course, limit=1) == ["MA1-01"]
    assert walk(api, teacher=999_999) == []


def test_students_find_what_is_published(api: API, catalogue: dict[str, dict[str, Any]]) -> None:
    assert walk(api, "dai") == ["cs101-A", "MA1-01", "ZH_1-x"]
    assert walk(api, "dai", limit=1, sort="-course") == ["ZH_1-x", "MA1-01", "cs101-A"]
    assert walk(api, "dai", status="draft") == []


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", {"limit": "out_of_range"}),
        ("course=0", {"course": "out_of_range"}),
        ("course=x", {"course": "wrong_type"}),
        ("teacher=9223372036854775808", {"teacher": "out_of_range"}),
        ("status=open", {"status": "not_one_of"}),
        ("term=%00", {"term": "nul_character"}),
        ("sort=capacity", {"sort": "not_one_of"}),
    ],
)
def test_a_query_that_is_not_valid(api: API, query: str, fields: dict[str, str]) -> None:
    answer = api.get("/api/sections", as_="dai", query=query)
    assert (answer.status, answer.code, answer.fields) == (422, "invalid", fields)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is sent to the database from now on."""
    sent: list[str] = []
    engine = database.init()

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def test_a_page_is_one_statement(
    api: API, catalogue: dict[str, dict[str, Any]], statements: list[str]
) -> None:
    with database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO sections (course_id, term_id, section_code)"
                " SELECT course_id, term_id, section_code || '-' || n"
                " FROM sections, generate_series(1, 40) n"
            )
        )
    statements.clear()
    assert len(api.get("/api/sections?limit=200", as_="rosa").json["items"]) == 200
    assert len(statements) == 1

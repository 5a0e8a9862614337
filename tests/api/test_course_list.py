"""The list of courses: search, filters, sorts, and pages that hold still."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from chalicelib.core import database

from .conftest import API, AddCourse

SORTS = ["code", "-code", "title", "-title", "credits", "-credits", "updated_at", "-updated_at"]


@pytest.fixture
def fill() -> Callable[[int], None]:
    """Add courses whose titles, credits and times repeat, so that pages break inside of ties."""

    def fill(count: int) -> None:
        with database.transaction() as connection:
            connection.execute(
                text(
                    "INSERT INTO courses (code, title, credits, updated_at)"
                    " SELECT chr(97 + mod(n, 26)) || n, 'Title ' || mod(n, 3), mod(n, 4),"
                    " '2026-01-01'::timestamptz + mod(n, 5) * interval '1 microsecond'"
                    " FROM generate_series(1, CAST(:count AS int)) n"
                ),
                {"count": count},
            )

    return fill


def codes(page: Any) -> list[str]:
    return [course["code"] for course in page["items"]]


def walk(api: API, between: Callable[[], object] = lambda: None, **query: Any) -> list[str]:
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/api/courses", as_="chloe", query=query | cursor).json
        seen += codes(page)
        if page["next"] is None:
            return seen
        cursor = {"cursor": page["next"]}
        between()


def test_an_empty_list(api: API) -> None:
    answer = api.get("/api/courses", as_="chloe")
    assert answer.body == b'{"items":[],"next":null}'
    assert "Link" not in answer.headers


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 7, 19, 20, 200])
def test_pages_add_up_to_the_whole(
    api: API, fill: Callable[[int], None], sort: str, limit: int
) -> None:
    fill(20)
    whole = api.get("/api/courses", as_="chloe", query={"sort": sort, "limit": 200}).json
    assert whole["next"] is None
    assert len(set(codes(whole))) == 20
    assert walk(api, sort=sort, limit=limit) == codes(whole)
    column = sort.strip("-")
    values = [course[column] for course in whole["items"]]
    assert values == sorted(values, reverse=sort.startswith("-"))


def test_the_last_full_page_knows_that_it_is_the_last(
    api: API, fill: Callable[[int], None]
) -> None:
    fill(50)
    page = api.get("/api/courses", as_="chloe").json
    assert (len(page["items"]), page["next"]) == (50, None)


def test_pages_hold_still_while_courses_come(
    api: API, fill: Callable[[int], None], add_course: AddCourse
) -> None:
    fill(20)
    before = walk(api, limit=200)
    new = iter([f"{chr(97 + n)}new" for n in range(26)])
    seen = walk(api, lambda: add_course(next(new)), limit=3)
    assert [code for code in seen if not code.endswith("new")] == before
    assert len(seen) == len(set(seen))


def test_a_cursor_outlives_the_course_it_ends_at(api: API, add_course: AddCourse) -> None:
    ids = {code: add_course(code)["id"] for code in ("A", "B", "C")}
    page = api.get("/api/courses?limit=2", as_="rosa").json
    api.delete(f"/api/courses/{ids['B']}", as_="rosa")
    rest = api.get("/api/courses", as_="rosa", query={"limit": 2, "cursor": page["next"]}).json
    assert codes(rest) == ["C"]


@pytest.mark.parametrize("text_", ["𠮷", '"', "\\", "\x01"])
def test_a_page_fits_into_an_answer_whatever_the_descriptions(api: API, text_: str) -> None:
    with database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO courses (code, title, description)"
                " SELECT 'C' || n, 't', repeat(:text, 10000) FROM generate_series(1, 200) n"
            ),
            {"text": text_},
        )
    first = api.get("/api/courses?limit=200", as_="dai").json
    assert 1 < len(first["items"]) < 200
    assert len(set(walk(api, limit=200))) == 200


def test_the_link_leads_to_the_next_page(api: API, add_course: AddCourse) -> None:
    for code in ("A1", "A2", "B1"):
        add_course(code)
    answer = api.get("/api/courses/?q=a&limit=1&sort=-code", as_="dai")
    link, rel = answer.headers["Link"].split("; ")
    assert rel == 'rel="next"'
    following = api.get(link.strip("<>"), as_="dai").json
    assert (codes(answer.json), codes(following)) == (["A2"], ["A1"])
    assert following["next"] is None


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("", ["CS101", "MA1", "ZH_1"]),
        ("cs1", ["CS101"]),
        ("COMPUTING", ["CS101"]),
        ("数据", ["MA1"]),
        ("构", ["MA1"]),
        ("ÉTÉ", ["ZH_1"]),
        ("été", ["ZH_1"]),
        ("%", ["ZH_1"]),
        ("_", ["ZH_1"]),
        ("100%", ["ZH_1"]),
        ("\\", []),
        ("'; DROP TABLE courses; --", []),
        ("S101 Com", []),
    ],
)
def test_search_finds_any_part_in_any_case(
    api: API, add_course: AddCourse, q: str, found: list[str]
) -> None:
    add_course("CS101", "Intro to computing")
    add_course("MA1", "数据结构")
    add_course("ZH_1", "Zh", description="L'été, 100%")
    assert walk(api, q=q) == found
    assert walk(api, q=q, limit=1) == found


def test_the_filter_by_code_takes_the_whole_code(api: API, add_course: AddCourse) -> None:
    add_course("CS10")
    add_course("CS101")
    assert walk(api, code="cs10") == ["CS10"]
    assert walk(api, code="CS1") == []
    assert walk(api, code="cs101", q="nothing") == []


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", {"limit": "out_of_range"}),
        ("limit=201", {"limit": "out_of_range"}),
        ("limit=ten", {"limit": "wrong_type"}),
        ("limit=", {"limit": "wrong_type"}),
        ("limit=5&limit=0", {"limit": "out_of_range"}),
        ("sort=colour", {"sort": "not_one_of"}),
        ("q=" + "x" * 201, {"q": "too_long"}),
        ("q=a%00b", {"q": "nul_character"}),
        ("code=%00", {"code": "nul_character"}),
        ("cursor=" + "x" * 5000, {"cursor": "too_long"}),
    ],
)
def test_a_query_that_is_not_valid(api: API, query: str, fields: dict[str, str]) -> None:
    answer = api.get("/api/courses", as_="chloe", query=query)
    assert (answer.status, answer.code, answer.fields) == (422, "invalid", fields)


def test_what_the_list_does_not_know_it_ignores(api: API, add_course: AddCourse) -> None:
    add_course("A")
    assert walk(api, utm_source="mail") == ["A"]


def _cursor(*parts: Any) -> str:
    return (
        base64.urlsafe_b64encode(
            json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
        )
        .decode()
        .rstrip("=")
    )


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [
        ("code", ""),
        ("code", "!"),
        ("code", "é"),
        ("code", "AAAA"),
        ("code", _cursor()),
        ("code", _cursor("code", "a")),
        ("code", _cursor("code", "a", 1, 2)),
        ("code", _cursor("code", 5, 1)),
        ("code", _cursor("code", "a", "1")),
        ("code", _cursor("code", "a", True)),
        ("code", _cursor("code", "a", 0)),
        ("code", _cursor("code", "a", 2**63)),
        ("code", _cursor("code", "a\0", 1)),
        ("code", base64.urlsafe_b64encode(b'["code","\\ud800",1]').decode().rstrip("=")),
        ("code", _cursor("title", "a", 1)),
        ("-code", _cursor("code", "a", 1)),
        ("credits", _cursor("credits", "NaN", 1)),
        ("credits", _cursor("credits", "a", 1)),
        ("updated_at", _cursor("updated_at", "yesterday", 1)),
        ("updated_at", _cursor("updated_at", "infinity", 1)),
        ("updated_at", _cursor("updated_at", "2026-02-30 00:00:00+00", 1)),
        ("updated_at", _cursor("updated_at", "2026-01-01 00:00:00", 1)),
        ("updated_at", _cursor("updated_at", "٢٠٢٦-01-01 00:00:00+00", 1)),
        ("credits", _cursor("credits", "٣.٠", 1)),
        ("updated_at", _cursor("updated_at", "2026-W01-1", 1)),
        ("code", _cursor(["code"], "a", 1)),
        ("code", base64.urlsafe_b64encode(b"[" * 3000).decode()),
    ],
)
def test_a_cursor_that_was_not_handed_out(api: API, sort: str, cursor: str) -> None:
    answer = api.get("/api/courses", as_="chloe", query={"sort": sort, "cursor": cursor})
    assert (answer.status, answer.code) == (422, "invalid_cursor")

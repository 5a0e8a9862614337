"""Figures over HTTP, held against sums over the list of sections."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, text

from .conftest import API, AddCourse, AddSection, AddTerm
from .test_announcements import act, announce, inbox

NOTHING = {"published": 0, "audience": 0, "acknowledged": 0, "ack_rate": 0}


def summed(sections: list[dict[str, Any]]) -> dict[str, Any]:
    sums = {name: sum(s[name] for s in sections) for name in ("capacity", "enrolled", "waitlisted")}
    rate = round(sums["enrolled"] / sums["capacity"], 4) if sums["capacity"] else 0
    return sums | {"fill_rate": rate}


def expected(term: str | None, sections: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the overview that a list of sections adds up to."""
    statuses = [s["status"] for s in sections]
    courses = {s["course"]["code"]: s["course"] for s in sections}
    return {
        "term": term,
        "sections": {name: statuses.count(name) for name in ("draft", "published", "archived")}
        | {"total": len(sections)},
        **summed(sections),
        "courses": [
            {"course": courses[code], "sections": len(own), **summed(own)}
            for code in sorted(courses, key=str.lower)
            for own in [[s for s in sections if s["course"]["code"] == code]]
        ],
        "announcements": NOTHING,
    }


@pytest.fixture
def school(
    api: API, add_course: AddCourse, add_term: AddTerm, add_section: AddSection
) -> list[dict[str, Any]]:
    autumn, spring = add_term("autumn")["code"], add_term("spring")["code"]
    ma, cs = add_course("MA1")["id"], add_course("cs1")["id"]
    for code, rest in {
        "a": {"course_id": ma, "term": autumn, "teacher": "ben", "capacity": 1},
        "b": {"course_id": ma, "term": autumn, "capacity": 3, "teacher": "tilda"},
        "c": {"course_id": cs, "term": autumn, "status": "draft", "capacity": 0},
        "d": {"course_id": cs, "term": spring, "status": "archived", "teacher": "ben"},
        "e": {"course_id": cs, "term": spring, "teacher": "ben", "capacity": 3},
    }.items():
        section = add_section(code, **rest)
        if rest.get("status") != "archived":
            for who in ("chloe", "dai"):
                path = f"/api/sections/{section['id']}/enrollments"
                api.post(path, as_="rosa", body={"user_id": api.callers[who].id})
    sections: list[dict[str, Any]] = api.get("/api/sections", as_="rosa").json["items"]
    return sections


@pytest.mark.parametrize("term", [None, "autumn", "spring"])
@pytest.mark.parametrize("who", ["rosa", "amara", "ben", "tilda"])
def test_it_adds_up(api: API, school: list[dict[str, Any]], term: str | None, who: str) -> None:
    seen = [
        section
        for section in school
        if term in (None, section["term"])
        and (who in ("rosa", "amara") or (section["teacher"] or {}).get("username") == who)
    ]
    query = f"?term={term.upper()}" if term else ""
    answer = api.get(f"/api/stats/overview{query}", as_=who)
    assert answer.json == expected(term, seen)
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_figures_are_those_that_one_counts_by_hand(
    api: API, school: list[dict[str, Any]]
) -> None:
    autumn = api.get("/api/stats/overview?term=autumn", as_="rosa").json
    assert autumn["sections"] == {"draft": 1, "published": 2, "archived": 0, "total": 3}
    assert (autumn["capacity"], autumn["enrolled"], autumn["waitlisted"]) == (4, 3, 3)
    assert autumn["fill_rate"] == 0.75
    assert [(c["course"]["code"], c["fill_rate"]) for c in autumn["courses"]] == [
        ("cs1", 0), ("MA1", 0.75)
    ]  # fmt: skip


def test_an_empty_school(api: API) -> None:
    assert api.get("/api/stats/overview", as_="rosa").json == expected(None, [])


def test_a_term_that_there_is_not(api: API) -> None:
    answer = api.get("/api/stats/overview?term=never", as_="rosa")
    assert (answer.status, answer.fields) == (422, {"term": "not_one_of"})
    assert api.get("/api/stats/overview?term=%00", as_="rosa").fields == {"term": "nul_character"}


def announced(api: API, who: str, term: str = "") -> dict[str, Any]:
    query = f"?term={term}" if term else ""
    figures: dict[str, Any] = api.get(f"/api/stats/overview{query}", as_=who).json["announcements"]
    return figures


def acknowledge_newest(api: API, who: str) -> None:
    api.post(f"/api/deliveries/{inbox(api, who)[0]['id']}/ack", as_=who)


def test_what_is_announced_is_added_up_and_a_teacher_s_is_the_own(api: API) -> None:
    announce(api, "ben")
    for who in ("chloe", "dai"):
        acknowledge_newest(api, who)
    announce(api, "rosa", audience={"kind": "users", "ids": [api.callers["dai"].id]})
    withdrawn = announce(api, "ben")
    acknowledge_newest(api, "chloe")
    act(api, withdrawn, "withdraw", "ben")
    api.post(
        "/api/announcements",
        as_="ben",
        body={"title": "x", "body": "x", "publish_at": "2099-01-01T00:00:00Z"},
    )
    of_ben = {"published": 1, "audience": 2, "acknowledged": 2, "ack_rate": 1}
    assert announced(api, "ben") == of_ben
    assert announced(api, "tilda") == NOTHING
    of_all = {"published": 2, "audience": 3, "acknowledged": 2, "ack_rate": 0.6667}
    assert announced(api, "rosa") == of_all


def test_an_acknowledgement_of_a_version_before_the_one_that_asks_again_does_not_count(
    api: API,
) -> None:
    told = announce(api, "ben")
    acknowledge_newest(api, "chloe")
    assert announced(api, "ben")["acknowledged"] == 1
    edit = {"body": "Once more.", "material": True}
    api.patch(f"/api/announcements/{told['id']}", as_="ben", body=edit)
    assert announced(api, "ben")["acknowledged"] == 0


@pytest.mark.parametrize(
    ("published_at", "published"),
    [
        ("2026-09-06T21:59:59Z", 0),
        ("2026-09-06T22:00:00Z", 1),
        ("2026-12-27T22:59:59Z", 1),
        ("2026-12-27T23:00:00Z", 0),
    ],
)
def test_the_days_of_a_term_are_those_of_its_time_zone(
    api: API, owner: Connection, add_term: AddTerm, published_at: str, published: int
) -> None:
    add_term("autumn", timezone="Europe/Berlin", starts_on="2026-09-07", ends_on="2026-12-27")
    announce(api, "ben")
    owner.execute(text("UPDATE announcements SET published_at = :at"), {"at": published_at})
    owner.commit()
    assert announced(api, "rosa", "Autumn")["published"] == published
    assert announced(api, "rosa")["published"] == 1

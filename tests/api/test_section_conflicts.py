"""Clashes over HTTP: refused at the save that creates one, unless a registrar allows it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, text

from .conftest import API, AddCourse, AddSection, AddTerm, AtOnce, meeting


@pytest.fixture
def taken(add_section: AddSection, add_course: AddCourse) -> dict[str, Any]:
    """Ben's section on Mondays 1-2 in A1, odd weeks."""
    course = add_course("MA1", "Algebra")["id"]
    return add_section(
        "9", course_id=course, teacher="ben", meetings=[meeting(weeks=[1, 3, 5], room="A1")]
    )


def brief(section: dict[str, Any]) -> dict[str, Any]:
    return {name: section[name] for name in ("id", "course", "section_code", "term")}


def test_a_save_that_creates_a_clash_is_refused_with_the_list(
    api: API, add_section: AddSection, taken: dict[str, Any]
) -> None:
    section = add_section(teacher="tilda")
    path = f"/api/sections/{section['id']}"
    own = meeting(first=2, last=3, room="A1")
    answer = api.patch(path, as_="rosa", body={"meetings": [own], "teacher_id": None})
    assert (answer.status, answer.code) == (409, "schedule_conflict")
    clash = {
        "section": brief(taken),
        "meeting": own,
        "other_meeting": taken["meetings"][0],
        "dates": ["2026-09-07", "2026-09-21", "2026-10-05"],
    }
    assert answer.json["conflicts"] == [{"kind": "room", **clash}]
    assert answer.json["errors"] == [
        {
            "field": "meetings",
            "code": "room_taken",
            "message": "Taken by MA1 9 on 2026-09-07 and 2 more days.",
        }
    ]
    assert api.get(path, as_="rosa").json == section
    ben = {"meetings": [own], "teacher_id": api.callers["ben"].id}
    both = api.patch(path, as_="rosa", body=ben).json["conflicts"]
    assert both == [{"kind": "room", **clash}, {"kind": "teacher", **clash}]


def test_a_new_section_is_held_against_the_others_too(
    api: API, add_course: AddCourse, taken: dict[str, Any]
) -> None:
    body = {
        "course_id": add_course("CS1")["id"],
        "term": taken["term"],
        "section_code": "1",
        "teacher_id": api.callers["ben"].id,
        "meetings": [meeting(weeks=[5, 6])],
    }
    answer = api.post("/api/sections", as_="rosa", body=body)
    assert (answer.status, answer.fields) == (409, {"teacher_id": "teacher_taken"})
    assert len(api.get("/api/sections", as_="rosa").json["items"]) == 1
    even = body | {"meetings": [meeting(weeks=[2, 4, 6])]}
    assert api.post("/api/sections", as_="rosa", body=even).status == 201


def test_a_registrar_allows_it_and_is_written_down(
    api: API, add_section: AddSection, taken: dict[str, Any], owner: Connection
) -> None:
    path = f"/api/sections/{add_section()['id']}"
    body = {"meetings": [meeting(room="A1")]}
    allowed = api.patch(f"{path}?allow_conflicts=true", as_="rosa", body=body)
    assert (allowed.status, allowed.json["meetings"]) == (200, body["meetings"])
    events = owner.execute(
        text(
            "SELECT actor_id, object_id, after FROM audit_events"
            " WHERE action = 'schedule_conflict_allowed'"
        )
    ).all()
    after = {"clashes": 3, "sections": [taken["id"]]}
    assert [tuple(event) for event in events] == [
        (api.callers["rosa"].id, path.rpartition("/")[2], after)
    ]
    # what was allowed before is in nobody's way afterwards, what is new is
    other_weeks = {"meetings": [meeting(weeks=range(1, 5), room="A1")]}
    assert api.patch(path, as_="rosa", body=other_weeks).status == 200
    for harmless in ({"capacity": 3}, {"meetings": []}):
        assert api.patch(path, as_="rosa", body=harmless).status == 200
    assert api.patch(path, as_="rosa", body=body).status == 409


def test_nothing_is_written_down_where_nothing_clashes(
    api: API, add_section: AddSection, owner: Connection
) -> None:
    path = f"/api/sections/{add_section()['id']}?allow_conflicts=true"
    assert api.patch(path, as_="rosa", body={"meetings": [meeting(room="A1")]}).status == 200
    allowed = "SELECT count(*) FROM audit_events WHERE action = 'schedule_conflict_allowed'"
    assert owner.execute(text(allowed)).scalar_one() == 0


def test_a_teacher_cannot_allow_it(
    api: API, add_section: AddSection, taken: dict[str, Any]
) -> None:
    path = f"/api/sections/{add_section(teacher='tilda')['id']}?allow_conflicts=true"
    answer = api.patch(path, as_="tilda", body={"meetings": [meeting(room="A1")]})
    assert (answer.status, answer.code) == (409, "schedule_conflict")


@pytest.mark.parametrize("query", ["allow_conflicts=maybe", "allow_conflicts="])
def test_what_is_neither_true_nor_false(api: API, add_section: AddSection, query: str) -> None:
    path = f"/api/sections/{add_section()['id']}?{query}"
    answer = api.patch(path, as_="rosa", body={})
    assert (answer.status, answer.fields) == (422, {"allow_conflicts": "wrong_type"})


def test_the_archive_clashes_with_nobody_until_it_comes_back(
    api: API, add_section: AddSection, taken: dict[str, Any]
) -> None:
    path = f"/api/sections/{taken['id']}"
    api.patch(path, as_="rosa", body={"status": "archived"})
    add_section(meetings=[meeting(room="A1")])
    assert api.get(f"{path}/conflicts", as_="rosa").json == {
        "items": [],
        "total": 0,
        "warnings": [],
    }
    back = api.patch(path, as_="rosa", body={"status": "published"})
    assert (back.status, back.code) == (409, "schedule_conflict")
    assert api.patch(path, as_="rosa", body={"meetings": []}).status == 200
    assert api.patch(path, as_="rosa", body={"status": "published"}).status == 200


def test_a_move_to_another_term_is_a_move_to_other_dates(
    api: API, add_section: AddSection, add_term: AddTerm, taken: dict[str, Any]
) -> None:
    next_week = add_term("shifted", starts_on="2026-09-14")["code"]
    add_section(term=next_week, meetings=[meeting(weeks=[1, 3], room="A1")])
    path = f"/api/sections/{taken['id']}"
    moved = api.patch(path, as_="rosa", body={"term": next_week})
    assert [c["dates"] for c in moved.json["conflicts"]] == [["2026-09-14", "2026-09-28"]]


class TestConflicts:
    @pytest.fixture
    def path(self, api: API, add_section: AddSection, taken: dict[str, Any]) -> str:
        section = add_section(teacher="tilda")
        path = f"/api/sections/{section['id']}"
        body = {"meetings": [meeting(room="A1")]}
        assert api.patch(f"{path}?allow_conflicts=true", as_="rosa", body=body).status == 200
        return f"{path}/conflicts"

    def test_editors_are_told(self, api: API, path: str, taken: dict[str, Any]) -> None:
        answer = api.get(path, as_="tilda")
        assert answer.json == {
            "items": [
                {
                    "kind": "room",
                    "section": brief(taken),
                    "meeting": meeting(room="A1"),
                    "other_meeting": taken["meetings"][0],
                    "dates": ["2026-09-07", "2026-09-21", "2026-10-05"],
                }
            ],
            "total": 1,
            "warnings": [],
        }
        for name in ("rosa", "amara"):
            assert api.get(path, as_=name).body == answer.body
        theirs = api.get(f"/api/sections/{taken['id']}/conflicts", as_="ben").json
        assert theirs["items"][0]["dates"] == answer.json["items"][0]["dates"]

    def test_a_colleague_is_not(self, api: API, path: str) -> None:
        assert api.get(path, as_="ben").code == "forbidden"

    def test_what_is_not_there_has_none(self, api: API) -> None:
        assert api.get("/api/sections/999999/conflicts", as_="rosa").status == 404


def test_of_two_who_book_a_room_at_once_one_gets_it(
    api: API, add_section: AddSection, at_once: AtOnce
) -> None:
    paths = [f"/api/sections/{add_section(code)['id']}" for code in "abcd"]
    body = {"meetings": [meeting(room="A1"), meeting(2, room="B1")]}
    answers = at_once([("PATCH", path, body, {}) for path in paths])
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]


def test_students_with_two_sections_at_once_are_a_warning(
    api: API, add_section: AddSection, add_course: AddCourse, taken: dict[str, Any]
) -> None:
    mine = add_section(teacher="tilda", meetings=[meeting(first=2, last=3, weeks=[3, 4])])
    full = add_section("2", course_id=mine["course"]["id"], capacity=0, meetings=[meeting()])
    for section in (mine, taken, full):
        for who in ("chloe", "dai"):
            path = f"/api/sections/{section['id']}/enrollments"
            body = {"user_id": api.callers[who].id}
            assert api.post(path, as_="rosa", body=body).status == 201
    path = f"/api/sections/{mine['id']}"
    answer = api.get(f"{path}/conflicts", as_="tilda").json
    assert answer == {
        "items": [],
        "total": 0,
        "warnings": [
            {
                "section": brief(taken),
                "meeting": mine["meetings"][0],
                "other_meeting": taken["meetings"][0],
                "dates": ["2026-09-21"],
                "students": 2,
            }
        ],
    }
    assert api.patch(path, as_="tilda", body={"meetings": [meeting()]}).status == 200

"""Sections and their meetings over HTTP: what the contract says of them, refusals included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from .conftest import API, AddCourse, AddSection, AddTerm, AtOnce, meeting

NOBODY = 999_999


def ref(api: API, name: str) -> dict[str, Any]:
    return {"id": api.callers[name].id, "username": name, "full_name": name.title()}


def test_a_section_is_added_and_read(api: API, add_course: AddCourse, add_term: AddTerm) -> None:
    course, term = add_course(), add_term()
    meetings = [meeting(room="东上院202"), meeting(3, 3, 4, [1, 3, 5])]
    body = {
        "course_id": course["id"],
        "term": term["code"].upper(),
        "section_code": " 01 ",
        "teacher_id": api.callers["ben"].id,
        "capacity": 30,
        "status": "published",
        "meetings": meetings,
    }
    created = api.post("/api/sections", as_="rosa", body=body)
    assert created.status == 201
    read = api.get(created.headers["Location"], as_="dai")
    assert read.body == created.body
    assert read.headers["ETag"] == created.headers["ETag"]
    assert read.json == {
        "id": read.json["id"],
        "course": {"id": course["id"], "code": "CS101", "title": "Computing"},
        "section_code": "01",
        "term": term["code"],
        "teacher": ref(api, "ben"),
        "capacity": 30,
        "status": "published",
        "enrolled": 0,
        "waitlisted": 0,
        "meetings": meetings,
    }


def test_what_is_not_said_has_a_default(api: API, add_course: AddCourse, add_term: AddTerm) -> None:
    body = {"course_id": add_course()["id"], "term": add_term()["code"], "section_code": "1"}
    section = api.post("/api/sections", as_="rosa", body=body).json
    assert section["teacher"] is None
    assert (section["capacity"], section["status"], section["meetings"]) == (50, "draft", [])


def test_meetings_are_kept_in_the_order_of_the_week(add_section: AddSection) -> None:
    late, early = meeting(5, 1, 1, [2]), meeting(1, 3, 4, [9, 1, 3, 3])
    section = add_section(meetings=[late, early])
    assert section["meetings"] == [early | {"weeks": [1, 3, 9]}, late]


INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"course_id": NOBODY}, "course_id", "not_one_of"),
    ({"course_id": 0}, "course_id", "out_of_range"),
    ({"course_id": 2**63}, "course_id", "out_of_range"),
    ({"course_id": None}, "course_id", "wrong_type"),
    ({"course_id": "1"}, "course_id", "wrong_type"),
    ({"term": "no such term"}, "term", "not_one_of"),
    ({"term": None}, "term", "wrong_type"),
    ({"term": "\0"}, "term", "nul_character"),
    ({"section_code": ""}, "section_code", "too_short"),
    ({"section_code": "x" * 33}, "section_code", "too_long"),
    ({"section_code": "a\nb"}, "section_code", "invalid_character"),
    ({"teacher_id": NOBODY}, "teacher_id", "not_one_of"),
    ({"teacher_id": "ben"}, "teacher_id", "wrong_type"),
    ({"capacity": -1}, "capacity", "out_of_range"),
    ({"capacity": 100_001}, "capacity", "out_of_range"),
    ({"capacity": None}, "capacity", "wrong_type"),
    ({"status": "open"}, "status", "not_one_of"),
    ({"meetings": None}, "meetings", "wrong_type"),
    ({"meetings": [meeting()] * 51}, "meetings", "too_many"),
    ({"meetings": [meeting(0)]}, "meetings.0.weekday", "out_of_range"),
    ({"meetings": [meeting(8)]}, "meetings.0.weekday", "out_of_range"),
    ({"meetings": [meeting(first=13, last=13)]}, "meetings.0.first_period", "not_one_of"),
    ({"meetings": [meeting(first=1, last=13)]}, "meetings.0.last_period", "not_one_of"),
    ({"meetings": [meeting(first=2, last=1)]}, "meetings.0.last_period", "out_of_range"),
    ({"meetings": [meeting(weeks=[])]}, "meetings.0.weeks", "too_few"),
    ({"meetings": [meeting(weeks=[17])]}, "meetings.0.weeks", "out_of_range"),
    ({"meetings": [meeting(weeks=[0])]}, "meetings.0.weeks.0", "out_of_range"),
    ({"meetings": [meeting(weeks=[61])]}, "meetings.0.weeks.0", "out_of_range"),
    ({"meetings": [meeting(room="x" * 65)]}, "meetings.0.room", "too_long"),
    ({"meetings": [meeting(room="A;B")]}, "meetings.0.room", "invalid_character"),
    ({"meetings": [meeting(room="\0")]}, "meetings.0.room", "nul_character"),
    ({"meetings": [meeting() | {"building": "A"}]}, "meetings.0.building", "unknown_field"),
    ({"enrolled": 5}, "enrolled", "unknown_field"),
]


@pytest.mark.parametrize(("change", "field", "code"), INVALID)
def test_a_field_that_is_not_valid_is_named(
    api: API, add_section: AddSection, change: dict[str, Any], field: str, code: str
) -> None:
    section = add_section("OLD")
    body = {
        "course_id": section["course"]["id"],
        "term": section["term"],
        "section_code": "NEW",
    }
    new = api.post("/api/sections", as_="rosa", body=body | change)
    assert (new.status, new.code, new.fields.get(field)) == (422, "invalid", code)
    changed = api.patch(f"/api/sections/{section['id']}", as_="rosa", body=change)
    assert (changed.status, changed.fields) == (422, new.fields)
    assert api.get("/api/sections", as_="rosa").json["items"] == [section]


@pytest.mark.parametrize("name", ["dai", "rosa", "amara"])
def test_only_a_teacher_teaches(api: API, add_section: AddSection, name: str) -> None:
    path = f"/api/sections/{add_section()['id']}"
    answer = api.patch(path, as_="rosa", body={"teacher_id": api.callers[name].id})
    assert (answer.status, answer.fields) == (422, {"teacher_id": "not_one_of"})


def test_a_teacher_who_left_stays_until_another_comes(
    api: API, add_section: AddSection, deactivate: Callable[[str], None]
) -> None:
    section = add_section(teacher="ben")
    path = f"/api/sections/{section['id']}"
    deactivate("ben")
    body = {"capacity": 10, "teacher_id": api.callers["ben"].id}
    assert api.patch(path, as_="rosa", body=body).json == section | {"capacity": 10}
    assert api.patch(path, as_="rosa", body={"teacher_id": None}).json["teacher"] is None
    assert api.patch(path, as_="rosa", body=body).fields == {"teacher_id": "not_one_of"}


def test_codes_are_unique_in_course_and_term(
    api: API, add_section: AddSection, add_course: AddCourse, add_term: AddTerm
) -> None:
    first = add_section("a1")
    body = {"course_id": first["course"]["id"], "term": first["term"], "section_code": "A1"}
    again = api.post("/api/sections", as_="rosa", body=body)
    assert (again.status, again.code) == (409, "section_code_taken")
    elsewhere = add_section("a1", course_id=add_course("CS102")["id"])
    add_section("a1", term=add_term("2027")["code"])
    moved = api.patch(
        f"/api/sections/{elsewhere['id']}",
        as_="rosa",
        body={"course_id": first["course"]["id"]},
    )
    assert (moved.status, moved.code) == (409, "section_code_taken")
    own = api.patch(f"/api/sections/{first['id']}", as_="rosa", body={"section_code": "A1"})
    assert (own.status, own.json["section_code"]) == (200, "A1")


def test_a_change_touches_what_it_names(
    api: API, add_section: AddSection, add_course: AddCourse, add_term: AddTerm
) -> None:
    section = add_section(teacher="ben", meetings=[meeting(room="A1")])
    path = f"/api/sections/{section['id']}"
    changed = api.patch(path, as_="amara", body={"capacity": 7})
    assert changed.json == section | {"capacity": 7}
    other, spring = add_course("CS2", "Other"), add_term("2027-spring")
    body = {
        "course_id": other["id"],
        "term": "2027-SPRING",
        "teacher_id": api.callers["tilda"].id,
        "meetings": [meeting(2, 5, 6, [16])],
    }
    moved = api.patch(path, as_="rosa", body=body).json
    assert moved == changed.json | {
        "course": {name: other[name] for name in ("id", "code", "title")},
        "term": spring["code"],
        "teacher": ref(api, "tilda"),
        "meetings": [meeting(2, 5, 6, [16])],
    }
    assert api.patch(path, as_="rosa", body={"meetings": []}).json["meetings"] == []


def test_a_change_of_nothing_makes_no_new_version(
    api: API, add_section: AddSection, owner: Connection
) -> None:
    section = add_section(teacher="ben", meetings=[meeting(), meeting(2)])
    path = f"/api/sections/{section['id']}"
    before = api.get(path, as_="rosa")
    whole = {
        "course_id": section["course"]["id"],
        "term": section["term"].upper(),
        "section_code": section["section_code"],
        "teacher_id": section["teacher"]["id"],
        "capacity": section["capacity"],
        "status": section["status"],
        "meetings": section["meetings"][::-1],
    }
    for body in ({}, whole, {"capacity": 50}):
        after = api.patch(path, as_="rosa", body=body)
        assert (after.status, after.body) == (200, before.body)
    assert owner.execute(text("SELECT version FROM sections")).scalar_one() == 1


class TestVersions:
    def test_the_tag_names_all_that_is_shown(self, api: API, add_section: AddSection) -> None:
        section = add_section()
        path = f"/api/sections/{section['id']}"
        tag = api.get(path, as_="dai").headers["ETag"]
        assert api.get(path, as_="dai", headers={"If-None-Match": tag}).status == 304
        course = f"/api/courses/{section['course']['id']}"
        api.patch(course, as_="rosa", body={"title": "Renamed"})
        renamed = api.get(path, as_="dai", headers={"If-None-Match": tag})
        assert (renamed.status, renamed.json["course"]["title"]) == (200, "Renamed")

    def test_a_stale_editor_is_told(self, api: API, add_section: AddSection) -> None:
        path = f"/api/sections/{add_section()['id']}"
        tag = {"If-Match": api.get(path, as_="rosa").headers["ETag"]}
        assert api.patch(path, as_="rosa", body={"capacity": 1}, headers=tag).status == 200
        for method, body in (("PATCH", {"capacity": 2}), ("DELETE", None)):
            answer = api(method, path, as_="amara", body=body, headers=tag)
            assert (answer.status, answer.code) == (412, "precondition_failed")
        assert api.get(path, as_="rosa").json["capacity"] == 1

    def test_of_editors_at_the_same_time_one_is_told(
        self, api: API, add_section: AddSection, at_once: AtOnce
    ) -> None:
        path = f"/api/sections/{add_section()['id']}"
        tag = {"If-Match": api.get(path, as_="rosa").headers["ETag"]}
        bodies = [{"meetings": [meeting(weekday=n + 1)]} for n in range(4)]
        answers = at_once([("PATCH", path, body, tag) for body in bodies])
        assert sorted(answer.status for answer in answers) == [200, 412, 412, 412]
        kept = next(answer for answer in answers if answer.status == 200)
        assert api.get(path, as_="rosa").json == kept.json


class TestStatus:
    @pytest.fixture
    def path(self, add_section: AddSection) -> str:
        return f"/api/sections/{add_section(teacher='ben', status='draft')['id']}"

    def become(self, api: API, path: str, status: str, as_: str) -> tuple[int, str]:
        answer = api.patch(path, as_=as_, body={"status": status})
        return answer.status, answer.json.get("code", answer.json["status"])

    def test_it_goes_on_step_by_step(self, api: API, path: str) -> None:
        assert self.become(api, path, "archived", "rosa") == (409, "invalid_transition")
        assert self.become(api, path, "published", "ben") == (200, "published")
        assert self.become(api, path, "draft", "rosa") == (409, "invalid_transition")
        assert self.become(api, path, "archived", "ben") == (200, "archived")
        assert self.become(api, path, "draft", "rosa") == (409, "invalid_transition")

    def test_only_a_registrar_brings_it_back(self, api: API, path: str) -> None:
        for status in ("published", "archived"):
            self.become(api, path, status, "rosa")
        assert self.become(api, path, "published", "ben") == (403, "forbidden")
        assert self.become(api, path, "published", "rosa") == (200, "published")

    def test_students_see_what_is_published(self, api: API, path: str) -> None:
        seen = []
        for status in ("draft", "published", "archived"):
            self.become(api, path, status, "rosa")
            seen.append(api.get(path, as_="dai").status)
            assert len(api.get("/api/sections", as_="dai").json["items"]) == (status == "published")
            for name in ("ben", "tilda", "rosa", "amara"):
                assert api.get(path, as_=name).json["status"] == status
                assert len(api.get("/api/sections", as_=name).json["items"]) == 1
        assert seen == [404, 200, 404]


class TestTeachers:
    def test_a_teacher_edits_an_own_section(self, api: API, add_section: AddSection) -> None:
        section = add_section(teacher="ben")
        body = {
            "section_code": "02",
            "capacity": 5,
            "meetings": [meeting(4)],
            # unchanged, as a form sends them
            "course_id": section["course"]["id"],
            "term": section["term"],
            "teacher_id": api.callers["ben"].id,
        }
        answer = api.patch(f"/api/sections/{section['id']}", as_="ben", body=body)
        assert answer.status == 200
        changed = {"section_code": "02", "capacity": 5, "meetings": [meeting(4)]}
        assert answer.json == section | changed

    @pytest.mark.parametrize("field", ["course_id", "term", "teacher_id"])
    def test_a_teacher_does_not_move_it(
        self,
        api: API,
        add_section: AddSection,
        add_course: AddCourse,
        add_term: AddTerm,
        field: str,
    ) -> None:
        section = add_section(teacher="ben")
        path = f"/api/sections/{section['id']}"
        elsewhere = {
            "course_id": add_course("CS2")["id"],
            "term": add_term("2027")["code"],
            "teacher_id": api.callers["tilda"].id,
        }
        answer = api.patch(path, as_="ben", body={field: elsewhere[field]})
        assert (answer.status, answer.code) == (403, "forbidden")
        assert api.get(path, as_="ben").json == section

    @pytest.mark.parametrize("teacher", ["tilda", None])
    def test_a_teacher_cannot_edit_a_colleagues_section(
        self, api: API, add_section: AddSection, teacher: str | None
    ) -> None:
        section = add_section(teacher=teacher)
        path = f"/api/sections/{section['id']}"
        answer = api.patch(path, as_="ben", body={"capacity": 1}, headers={"If-Match": '"old"'})
        assert (answer.status, answer.code) == (403, "forbidden")
        assert api.get(path, as_="ben").json == section


class TestTermsInUse:
    def test_a_term_with_sections_stays(
        self, api: API, add_section: AddSection, add_term: AddTerm
    ) -> None:
        term = add_term()
        section = add_section(term=term["code"])
        path = f"/api/terms/{term['id']}"
        answer = api.delete(path, as_="rosa")
        assert (answer.status, answer.code) == (409, "term_in_use")
        api.delete(f"/api/sections/{section['id']}", as_="rosa")
        assert api.delete(path, as_="rosa").status == 204

    def test_a_course_with_sections_stays(self, api: API, add_section: AddSection) -> None:
        section = add_section()
        path = f"/api/courses/{section['course']['id']}"
        answer = api.delete(path, as_="rosa")
        assert (answer.status, answer.code) == (409, "course_in_use")
        api.delete(f"/api/sections/{section['id']}", as_="rosa")
        assert api.delete(path, as_="rosa").status == 204

    def test_a_term_keeps_the_weeks_and_periods_that_meetings_use(
        self, api: API, add_section: AddSection, add_term: AddTerm
    ) -> None:
        term = add_term()
        path = f"/api/terms/{term['id']}"
        add_section(term=term["code"], meetings=[meeting(1, 3, 5, [1, 10])])
        periods = {period["number"]: period for period in term["periods"]}
        for body in (
            {"ends_on": "2026-11-08"},
            {"starts_on": "2026-10-26"},
            {"periods": [periods[n] for n in (1, 2, 4, 5)]},
            {"periods": [periods[n] for n in (1, 2, 3, 4)]},
        ):
            answer = api.patch(path, as_="rosa", body=body)
            assert (answer.status, answer.code) == (409, "term_in_use")
        assert api.get(path, as_="rosa").json == term
        for body in (
            {"name": "Still", "code": "renamed", "timezone": "Asia/Tokyo"},
            {"ends_on": "2026-11-09"},
            {"periods": [periods[n] for n in (3, 5)]},
        ):
            assert api.patch(path, as_="rosa", body=body).status == 200
        assert api.get("/api/sections?term=RENAMED", as_="rosa").json["items"] != []

    def test_no_meeting_slips_past_a_change_of_the_term(
        self, api: API, add_section: AddSection, add_term: AddTerm, at_once: AtOnce
    ) -> None:
        term = add_term()
        section = add_section(term=term["code"])
        requests = [
            ("PATCH", f"/api/terms/{term['id']}", {"periods": term["periods"][:3]}, {}),
            ("PATCH", f"/api/sections/{section['id']}", {"meetings": [meeting(1, 4, 5)]}, {}),
        ]
        term_changed, section_changed = at_once(requests)
        assert {(term_changed.status, section_changed.status)} <= {(200, 422), (409, 200)}


def test_a_removed_section_is_gone(api: API, add_section: AddSection) -> None:
    path = f"/api/sections/{add_section(meetings=[meeting()])['id']}"
    assert api.delete(path, as_="rosa").status == 204
    for method, body in (("GET", None), ("PATCH", {"capacity": 1}), ("DELETE", None)):
        assert api(method, path, as_="rosa", body=body).status == 404
    add_section()


def test_the_same_key_adds_one_section(api: API, add_course: AddCourse, add_term: AddTerm) -> None:
    body = {"course_id": add_course()["id"], "term": add_term()["code"], "section_code": "01"}
    headers = {"Idempotency-Key": "01"}
    first = api.post("/api/sections", as_="rosa", body=body, headers=headers)
    again = api.post("/api/sections", as_="rosa", body=body, headers=headers)
    assert (first.status, again.status, again.body) == (201, 201, first.body)


def test_of_the_same_section_at_the_same_time_one_is_added(
    api: API, add_course: AddCourse, add_term: AddTerm, at_once: AtOnce
) -> None:
    body = {"course_id": add_course()["id"], "term": add_term()["code"], "section_code": "01"}
    answers = at_once([("POST", "/api/sections", body, {})] * 4)
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]


def test_who_did_what_is_written_down(api: API, add_section: AddSection, owner: Connection) -> None:
    section = add_section(teacher="ben", meetings=[meeting(room="A1")])
    path = f"/api/sections/{section['id']}"
    api.patch(path, as_="ben", body={"capacity": 3, "meetings": []})
    api.patch(path, as_="ben", body={"capacity": 3})
    api.delete(path, as_="rosa")
    events = owner.execute(
        text(
            "SELECT action, actor_id, before, after FROM audit_events"
            " WHERE object_kind = 'section' AND object_id = :id ORDER BY id"
        ),
        {"id": str(section["id"])},
    ).all()
    facts = {
        "course_id": section["course"]["id"],
        "term": section["term"],
        "section_code": "01",
        "teacher_id": api.callers["ben"].id,
        "capacity": 50,
        "status": "published",
        "meetings": "1:1-2:1-16@A1",
    }
    changed = {"capacity": 3, "meetings": ""}
    before = {name: facts[name] for name in changed}
    rosa, ben = api.callers["rosa"].id, api.callers["ben"].id
    assert [tuple(event) for event in events] == [
        ("section_created", rosa, None, facts),
        ("section_updated", ben, before, changed),
        ("section_deleted", rosa, facts | changed, None),
    ]

"""Enrolments over HTTP: seats, the line for them, rosters, who may, and crowds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.accounts.service import NewUser
from chalicelib.core.settings import reset_settings

from .conftest import API, AddSection, AtOnce

AddStudents = Callable[[int], list[int]]


@pytest.fixture
def add_students(api: API) -> AddStudents:
    """Add students s1, s2 … and return their ids."""

    def add(count: int) -> list[int]:
        api.add(
            *(
                NewUser(f"s{n}", f"s{n}@school.example", f"Student {n:03}", "student")
                for n in range(1, count + 1)
            )
        )
        return [api.callers[f"s{n}"].id for n in range(1, count + 1)]

    return add


@pytest.fixture
def self_enrolment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SELF_ENROLMENT", "true")
    reset_settings()
    yield
    monkeypatch.undo()
    reset_settings()


def enrol(api: API, section: dict[str, Any], who: str, as_: str = "rosa") -> Any:
    path = f"/api/sections/{section['id']}/enrollments"
    return api.post(path, as_=as_, body={"user_id": api.callers[who].id})


def withdraw(api: API, section: dict[str, Any], who: str, as_: str = "rosa") -> Any:
    path = f"/api/sections/{section['id']}/enrollments/{api.callers[who].id}"
    return api.delete(path, as_=as_)


def roster(api: API, section: dict[str, Any], as_: str = "rosa", **query: Any) -> list[Any]:
    path = f"/api/sections/{section['id']}/enrollments"
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get(path, as_=as_, query=query | cursor).json
        seen += [(e["user"]["username"], e["status"], e["position"]) for e in page["items"]]
        if page["next"] is None:
            return seen
        cursor = {"cursor": page["next"]}


def counts(api: API, section: dict[str, Any]) -> tuple[int, int]:
    shown = api.get(f"/api/sections/{section['id']}", as_="rosa").json
    return shown["enrolled"], shown["waitlisted"]


def test_a_student_is_enrolled_and_listed(api: API, add_section: AddSection) -> None:
    section = add_section(teacher="ben")
    answer = enrol(api, section, "chloe")
    assert answer.status == 201
    enrolment = answer.json
    assert enrolment.pop("enrolled_at").endswith("Z")
    chloe = {"id": api.callers["chloe"].id, "username": "chloe", "full_name": "Chloe"}
    assert enrolment == {"user": chloe, "status": "enrolled", "position": None}
    for name in ("ben", "rosa", "amara"):
        listed = api.get(f"/api/sections/{section['id']}/enrollments", as_=name)
        assert listed.json == {"items": [answer.json], "next": None}
        assert listed.headers["Cache-Control"] == "no-store"
    assert counts(api, section) == (1, 0)


def test_who_comes_when_it_is_full_waits_in_line(
    api: API, add_section: AddSection, add_students: AddStudents
) -> None:
    section = add_section(capacity=2)
    add_students(5)
    answers = [enrol(api, section, f"s{n}").json for n in (3, 1, 5, 2, 4)]
    assert [(a["status"], a["position"]) for a in answers] == [
        ("enrolled", None), ("enrolled", None),
        ("waitlisted", 1), ("waitlisted", 2), ("waitlisted", 3),
    ]  # fmt: skip
    in_line = [("s5", "waitlisted", 1), ("s2", "waitlisted", 2), ("s4", "waitlisted", 3)]
    whole = [("s3", "enrolled", None), ("s1", "enrolled", None), *in_line]
    for limit in (1, 2, 3, 200):
        assert roster(api, section, limit=limit) == whole
        assert roster(api, section, limit=limit, sort="name") == sorted(whole)
        assert roster(api, section, limit=limit, status="waitlisted") == in_line
    assert roster(api, section, q="STUDENT 002") == [("s2", "waitlisted", 2)]
    assert counts(api, section) == (2, 3)


def test_a_freed_seat_goes_to_the_first_in_line(
    api: API, add_section: AddSection, add_students: AddStudents
) -> None:
    section = add_section(capacity=1)
    add_students(4)
    for n in (1, 2, 3, 4):
        enrol(api, section, f"s{n}")
    waited_since = api.get(f"/api/sections/{section['id']}/enrollments?q=s2", as_="rosa").json[
        "items"
    ][0]["enrolled_at"]
    assert withdraw(api, section, "s3").status == 204
    assert roster(api, section) == [
        ("s1", "enrolled", None), ("s2", "waitlisted", 1), ("s4", "waitlisted", 2)
    ]  # fmt: skip
    assert withdraw(api, section, "s1").status == 204
    assert roster(api, section) == [("s2", "enrolled", None), ("s4", "waitlisted", 1)]
    promoted = api.get(f"/api/sections/{section['id']}/enrollments?q=s2", as_="rosa").json
    assert promoted["items"][0]["enrolled_at"] >= waited_since
    enrol(api, section, "s1")
    assert roster(api, section)[-1] == ("s1", "waitlisted", 2)


def test_a_raised_capacity_lets_in_a_lowered_one_throws_nobody_out(
    api: API, add_section: AddSection, add_students: AddStudents
) -> None:
    section = add_section(capacity=1, teacher="ben")
    path = f"/api/sections/{section['id']}"
    add_students(5)
    for n in range(1, 6):
        enrol(api, section, f"s{n}")
    raised = api.patch(path, as_="ben", body={"capacity": 3}).json
    assert (raised["enrolled"], raised["waitlisted"]) == (3, 2)
    lowered = api.patch(path, as_="rosa", body={"capacity": 0}).json
    assert (lowered["enrolled"], lowered["waitlisted"]) == (3, 2)
    for n in (1, 2):
        withdraw(api, section, f"s{n}")
    assert roster(api, section) == [
        ("s3", "enrolled", None), ("s4", "waitlisted", 1), ("s5", "waitlisted", 2)
    ]  # fmt: skip
    api.patch(path, as_="rosa", body={"capacity": 100})
    assert counts(api, section) == (3, 0)


def test_the_same_student_again(api: API, add_section: AddSection) -> None:
    section = add_section(capacity=1)
    for who in ("chloe", "dai"):
        assert enrol(api, section, who).status == 201
        again = enrol(api, section, who)
        assert (again.status, again.code) == (409, "already_enrolled")
    assert counts(api, section) == (1, 1)


def test_the_same_key_enrols_once(api: API, add_section: AddSection) -> None:
    path = f"/api/sections/{add_section()['id']}/enrollments"
    body, headers = {"user_id": api.callers["dai"].id}, {"Idempotency-Key": "dai"}
    first = api.post(path, as_="rosa", body=body, headers=headers)
    again = api.post(path, as_="rosa", body=body, headers=headers)
    assert (first.status, again.status, again.body) == (201, 201, first.body)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"user_id": 999_999}, "not_one_of"),
        ({"user_id": 0}, "out_of_range"),
        ({"user_id": "dai"}, "wrong_type"),
        ({"user_id": None}, "wrong_type"),
    ],
)
def test_a_user_that_is_not_valid(
    api: API, add_section: AddSection, body: dict[str, Any], code: str
) -> None:
    section = add_section()
    answer = api.post(f"/api/sections/{section['id']}/enrollments", as_="rosa", body=body)
    assert (answer.status, answer.fields) == (422, {"user_id": code})
    assert counts(api, section) == (0, 0)


@pytest.mark.parametrize("who", ["ben", "rosa", "amara", "dai"])
def test_only_active_students_are_enrolled(
    api: API, add_section: AddSection, deactivate: Callable[[str], None], who: str
) -> None:
    section = add_section()
    deactivate("dai")
    answer = enrol(api, section, who)
    assert (answer.status, answer.fields) == (422, {"user_id": "not_one_of"})


def test_who_is_not_in_it_cannot_be_withdrawn(api: API, add_section: AddSection) -> None:
    assert withdraw(api, add_section(), "dai").code == "not_found"
    assert withdraw(api, {"id": 999_999}, "dai").code == "not_found"
    assert enrol(api, {"id": 999_999}, "dai").code == "not_found"


def test_a_section_with_students_stays(
    api: API, add_section: AddSection, add_students: AddStudents
) -> None:
    section = add_section(capacity=0)
    enrol(api, section, "dai")
    path = f"/api/sections/{section['id']}"
    answer = api.delete(path, as_="rosa")
    assert (answer.status, answer.code) == (409, "section_in_use")
    withdraw(api, section, "dai")
    assert api.delete(path, as_="rosa").status == 204


def test_the_archive_takes_and_promotes_nobody(api: API, add_section: AddSection) -> None:
    section = add_section(capacity=1)
    path = f"/api/sections/{section['id']}"
    for who in ("chloe", "dai"):
        enrol(api, section, who)
    api.patch(path, as_="rosa", body={"status": "archived", "capacity": 5})
    assert counts(api, section) == (1, 1)
    assert withdraw(api, section, "chloe").code == "section_archived"
    for who in ("chloe", "dai"):
        assert enrol(api, section, who).code == "section_archived"
    assert api.patch(path, as_="rosa", body={"status": "published"}).json["enrolled"] == 2


class TestStudents:
    def test_the_archive_is_seen_from_within(self, api: API, add_section: AddSection) -> None:
        section = add_section(capacity=1)
        for who in ("chloe", "dai"):
            enrol(api, section, who)
        path = f"/api/sections/{section['id']}"
        api.patch(path, as_="rosa", body={"status": "archived"})
        seen = {"chloe": 200, "dai": 404}
        for who, status in seen.items():
            assert api.get(path, as_=who).status == status
            assert api.get(f"{path}/enrollments", as_=who).status == status
            listed = api.get("/api/sections", as_=who).json["items"]
            assert len(listed) == (status == 200)

    def test_a_draft_is_404(self, api: API, add_section: AddSection, self_enrolment: None) -> None:
        section = add_section(status="draft")
        enrol(api, section, "dai")
        assert enrol(api, section, "dai", as_="dai").code == "not_found"
        assert withdraw(api, section, "dai", as_="dai").code == "not_found"
        assert api.get(f"/api/sections/{section['id']}/enrollments", as_="dai").status == 404

    def test_they_find_nobody_else_on_a_roster(
        self, api: API, add_section: AddSection, add_students: AddStudents
    ) -> None:
        section = add_section(capacity=1)
        add_students(2)
        for who in ("s1", "s2", "dai"):
            enrol(api, section, who)
        assert roster(api, section, as_="dai") == [("dai", "waitlisted", 2)]
        assert roster(api, section, as_="s1") == [("s1", "enrolled", None)]
        assert roster(api, section, as_="chloe") == []
        assert roster(api, section, as_="dai", q="s1") == []

    def test_they_enrol_and_withdraw_themselves(
        self, api: API, add_section: AddSection, self_enrolment: None
    ) -> None:
        section = add_section(capacity=1)
        assert enrol(api, section, "dai", as_="dai").json["status"] == "enrolled"
        assert enrol(api, section, "chloe", as_="chloe").json["position"] == 1
        assert withdraw(api, section, "dai", as_="dai").status == 204
        assert roster(api, section) == [("chloe", "enrolled", None)]

    def test_they_do_nothing_for_others(
        self, api: API, add_section: AddSection, self_enrolment: None
    ) -> None:
        section = add_section()
        enrol(api, section, "chloe")
        assert enrol(api, section, "chloe", as_="dai").code == "forbidden"
        assert withdraw(api, section, "chloe", as_="dai").code == "forbidden"
        assert roster(api, section) == [("chloe", "enrolled", None)]

    def test_they_may_not_where_it_is_closed(self, api: API, add_section: AddSection) -> None:
        section = add_section()
        closed = enrol(api, section, "dai", as_="dai")
        assert (closed.status, closed.code) == (403, "self_enrolment_closed")
        enrol(api, section, "dai")
        assert withdraw(api, section, "dai", as_="dai").code == "self_enrolment_closed"


@pytest.mark.parametrize("teacher", ["tilda", None])
def test_a_teacher_does_not_read_a_colleagues_roster(
    api: API, add_section: AddSection, teacher: str | None
) -> None:
    section = add_section(teacher=teacher)
    answer = api.get(f"/api/sections/{section['id']}/enrollments", as_="ben")
    assert (answer.status, answer.code) == (403, "forbidden")


def test_who_did_what_is_written_down(api: API, add_section: AddSection, owner: Connection) -> None:
    section = add_section(capacity=1)
    enrol(api, section, "chloe")
    enrol(api, section, "dai")
    withdraw(api, section, "chloe", as_="amara")
    events = owner.execute(
        text(
            "SELECT action, actor_id, before, after FROM audit_events"
            " WHERE object_id = :id AND action LIKE 'enrollment%' ORDER BY id"
        ),
        {"id": str(section["id"])},
    ).all()
    rosa, amara = api.callers["rosa"].id, api.callers["amara"].id
    chloe = {"user_id": api.callers["chloe"].id, "status": "enrolled"}
    dai = {"user_id": api.callers["dai"].id, "status": "waitlisted"}
    assert [tuple(event) for event in events] == [
        ("enrollment_created", rosa, None, chloe),
        ("enrollment_created", rosa, None, dai),
        ("enrollment_deleted", amara, chloe, None),
        ("enrollment_promoted", amara, None, {"count": 1, "users": [dai["user_id"]]}),
    ]


class TestCrowds:
    def test_forty_students_and_five_seats(
        self, api: API, add_section: AddSection, add_students: AddStudents, at_once: AtOnce
    ) -> None:
        section = add_section(capacity=5)
        path = f"/api/sections/{section['id']}/enrollments"
        students = add_students(40)
        answers = at_once([("POST", path, {"user_id": student}, {}) for student in students])
        assert [answer.status for answer in answers] == [201] * 40
        places = sorted((a.json["status"], a.json["position"] or 0) for a in answers)
        line = [("waitlisted", position) for position in range(1, 36)]
        assert places == [("enrolled", 0)] * 5 + line
        told = {a.json["user"]["username"]: a.json["position"] for a in answers}
        listed = roster(api, section)
        assert {name: position for name, _, position in listed} == told
        assert [position for _, _, position in listed] == [None] * 5 + list(range(1, 36))
        assert counts(api, section) == (5, 35)

    def test_the_same_student_at_the_same_time(
        self, api: API, add_section: AddSection, at_once: AtOnce
    ) -> None:
        path = f"/api/sections/{add_section()['id']}/enrollments"
        body = {"user_id": api.callers["dai"].id}
        answers = at_once([("POST", path, body, {})] * 4)
        assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]

    def test_withdrawals_and_a_raised_capacity_at_once(
        self, api: API, add_section: AddSection, add_students: AddStudents, at_once: AtOnce
    ) -> None:
        section = add_section(capacity=3)
        path = f"/api/sections/{section['id']}"
        students = add_students(12)
        for n in range(1, 13):
            enrol(api, section, f"s{n}")
        leaving = [("DELETE", f"{path}/enrollments/{students[n]}", None, {}) for n in (0, 2, 4, 7)]
        at_once([*leaving, ("PATCH", path, {"capacity": 5}, {})])
        enrolled = [("s2", "enrolled", None)] + [(f"s{n}", "enrolled", None) for n in (4, 6, 7, 9)]
        waiting = [(f"s{n}", "waitlisted", place) for place, n in enumerate((10, 11, 12), start=1)]
        assert roster(api, section) == enrolled + waiting
        assert counts(api, section) == (5, 3)

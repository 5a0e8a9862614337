"""Courses over HTTP: what the contract says of them, refusals included."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import API, AddCourse, AtOnce


def test_a_course_is_added_and_read(api: API) -> None:
    body = {"code": " CS101 ", "title": "计算机导论", "description": "a\nb\t'\"\\", "credits": 2.5}
    created = api.post("/api/courses", as_="rosa", body=body)
    assert created.status == 201
    read = api.get(created.headers["Location"], as_="dai")
    assert read.body == created.body
    assert read.headers["ETag"] == created.headers["ETag"]
    course = read.json
    assert course.pop("updated_at").endswith("Z")
    assert course == body | {"id": course["id"], "code": "CS101"}


def test_what_is_not_said_has_a_default(add_course: AddCourse) -> None:
    course = add_course("CS1", "x")
    assert (course["description"], course["credits"]) == ("", 3.0)


@pytest.mark.parametrize(
    ("sent", "text"), [(3, b"3.0"), (0, b"0.0"), (999.9, b"999.9"), (2.50, b"2.5")]
)
def test_credits_are_numbers_with_one_decimal(api: API, sent: float, text: bytes) -> None:
    answer = api.post("/api/courses", as_="rosa", body={"code": "C", "title": "t", "credits": sent})
    assert b'"credits":' + text + b"," in answer.body


INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"code": None}, "code", "wrong_type"),
    ({"code": ""}, "code", "too_short"),
    ({"code": " \u3000"}, "code", "too_short"),
    ({"code": "x" * 33}, "code", "too_long"),
    ({"code": "a\tb"}, "code", "invalid_character"),
    ({"code": "a\x7fb"}, "code", "invalid_character"),
    ({"code": 101}, "code", "wrong_type"),
    ({"title": ""}, "title", "too_short"),
    ({"title": "x" * 129}, "title", "too_long"),
    ({"title": "two\nlines"}, "title", "invalid_character"),
    ({"title": "nul\0"}, "title", "nul_character"),
    ({"title": "half \ud83d"}, "title", "not_unicode"),
    ({"description": "x" * 10001}, "description", "too_long"),
    ({"description": "\0"}, "description", "nul_character"),
    ({"description": None}, "description", "wrong_type"),
    ({"credits": -0.1}, "credits", "out_of_range"),
    ({"credits": 1000}, "credits", "out_of_range"),
    ({"credits": 3.25}, "credits", "too_precise"),
    ({"credits": "3.0"}, "credits", "wrong_type"),
    ({"credits": True}, "credits", "wrong_type"),
    ({"credits": None}, "credits", "wrong_type"),
    ({"credits": 10**400}, "credits", "out_of_range"),
    ({"id": 5}, "id", "unknown_field"),
    ({"updated_at": "2026-01-01T00:00:00Z"}, "updated_at", "unknown_field"),
]


@pytest.mark.parametrize(("change", "field", "code"), INVALID)
def test_a_field_that_is_not_valid_is_named(
    api: API, add_course: AddCourse, change: dict[str, Any], field: str, code: str
) -> None:
    course = add_course("OLD", "Old")
    new = api.post("/api/courses", as_="rosa", body={"code": "NEW", "title": "New"} | change)
    assert (new.status, new.code, new.fields) == (422, "invalid", {field: code})
    changed = api.patch(f"/api/courses/{course['id']}", as_="rosa", body=change)
    assert (changed.status, changed.fields) == (422, {field: code})
    assert api.get("/api/courses", as_="rosa").json["items"] == [course]


def test_all_wrong_fields_are_named_at_once(api: API) -> None:
    answer = api.post("/api/courses", as_="rosa", body={"code": "", "credits": 5000})
    assert answer.fields == {"code": "too_short", "title": "required", "credits": "out_of_range"}


def test_the_longest_texts_fit_in_chinese(api: API, add_course: AddCourse) -> None:
    course = add_course("课" * 32, "程" * 128, description="𠮷" * 10_000, credits=999.9)
    assert api.get(f"/api/courses/{course['id']}", as_="chloe").json == course


def test_codes_are_unique_in_any_case(api: API, add_course: AddCourse) -> None:
    add_course("CS101")
    other = add_course("CS102")
    again = api.post("/api/courses", as_="rosa", body={"code": "cs101 ", "title": "x"})
    assert (again.status, again.code) == (409, "course_code_taken")
    renamed = api.patch(f"/api/courses/{other['id']}", as_="rosa", body={"code": "Cs101"})
    assert (renamed.status, renamed.code) == (409, "course_code_taken")
    own = api.patch(f"/api/courses/{other['id']}", as_="rosa", body={"code": "cs102"})
    assert (own.status, own.json["code"]) == (200, "cs102")


def test_a_change_touches_what_it_names(api: API, add_course: AddCourse) -> None:
    course = add_course("CS101", "Old", description="Kept", credits=1.5)
    answer = api.patch(f"/api/courses/{course['id']}", as_="amara", body={"title": "New"})
    assert answer.json | {"updated_at": ""} == course | {"title": "New", "updated_at": ""}
    emptied = api.patch(f"/api/courses/{course['id']}", as_="amara", body={"description": ""})
    assert emptied.json["description"] == ""


def test_a_change_of_nothing_makes_no_new_version(api: API, add_course: AddCourse) -> None:
    course = add_course("CS101", "Same", credits=2)
    path = f"/api/courses/{course['id']}"
    before = api.get(path, as_="rosa")
    for body in ({}, {"title": "Same"}, {"credits": 2.0, "code": "CS101"}):
        after = api.patch(path, as_="rosa", body=body)
        assert (after.status, after.body) == (200, before.body)
        assert after.headers["ETag"] == before.headers["ETag"]


def test_a_removed_course_is_gone(api: API, add_course: AddCourse) -> None:
    path = f"/api/courses/{add_course()['id']}"
    removed = api.delete(path, as_="rosa")
    assert (removed.status, removed.body) == (204, b"")
    for method, body in (("GET", None), ("PATCH", {"title": "x"}), ("DELETE", None)):
        assert api(method, path, as_="rosa", body=body).status == 404
    add_course()


@pytest.mark.parametrize(
    "id_", ["0", "-1", "x", "1.0", "1e3", "99999999999999999999", "9223372036854775808", "%20", "١"]
)
def test_what_is_no_id_names_nothing(api: API, id_: str) -> None:
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        answer = api(method, f"/api/courses/{id_}", as_="rosa", body=body)
        assert (answer.status, answer.code) == (404, "not_found")


def test_the_largest_id_is_an_id(api: API) -> None:
    assert api.get("/api/courses/9223372036854775807", as_="rosa").status == 404


class TestVersions:
    @pytest.fixture
    def path(self, add_course: AddCourse) -> str:
        return f"/api/courses/{add_course()['id']}"

    @pytest.fixture
    def tag(self, api: API, path: str) -> str:
        return api.get(path, as_="rosa").headers["ETag"]

    def test_a_reader_who_has_it_gets_304(self, api: API, path: str, tag: str) -> None:
        for known in (tag, f"W/{tag}", "*", f'"x", {tag}', f'"x",W/{tag} , "y"'):
            answer = api.get(path, as_="dai", headers={"If-None-Match": known})
            assert (answer.status, answer.body) == (304, b"")
            assert answer.headers["ETag"] == tag

    def test_a_reader_who_has_another_gets_this_one(self, api: API, path: str, tag: str) -> None:
        for known in ('"x"', tag.strip('"'), "", '"', f'{tag[:-1]}x"'):
            assert api.get(path, as_="dai", headers={"If-None-Match": known}).status == 200

    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    def test_who_meant_this_version_may(self, api: API, path: str, tag: str, method: str) -> None:
        body = {"title": "New"} if method == "PATCH" else None
        answer = api(method, path, as_="rosa", body=body, headers={"If-Match": f'"x", {tag}'})
        assert answer.status in (200, 204)

    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    @pytest.mark.parametrize("meant", ['"x"', "W/{tag}", "{bare}", '{tag}, "'])
    def test_who_meant_another_may_not(
        self, api: API, path: str, tag: str, method: str, meant: str
    ) -> None:
        headers = {"If-Match": meant.format(tag=tag, bare=tag.strip('"'))}
        body = {"title": "New"} if method == "PATCH" else None
        answer = api(method, path, as_="rosa", body=body, headers=headers)
        assert (answer.status, answer.code) == (412, "precondition_failed")
        assert api.get(path, as_="rosa").headers["ETag"] == tag

    def test_any_version_will_do(self, api: API, path: str) -> None:
        assert api.delete(path, as_="rosa", headers={"If-Match": "*"}).status == 204

    def test_a_stale_editor_is_told(self, api: API, path: str, tag: str) -> None:
        first = api.patch(path, as_="rosa", body={"title": "A"}, headers={"If-Match": tag})
        second = api.patch(path, as_="amara", body={"title": "B"}, headers={"If-Match": tag})
        assert (first.status, second.status) == (200, 412)
        assert first.headers["ETag"] != tag
        assert api.get(path, as_="rosa").json["title"] == "A"

    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    def test_of_editors_at_the_same_time_one_is_told(
        self, api: API, at_once: AtOnce, path: str, tag: str, method: str
    ) -> None:
        bodies = [{"title": str(n)} if method == "PATCH" else None for n in range(4)]
        answers = at_once([(method, path, body, {"If-Match": tag}) for body in bodies])
        told = {"PATCH": 412, "DELETE": 404}[method]
        done = {"PATCH": 200, "DELETE": 204}[method]
        assert sorted(answer.status for answer in answers) == [done] + [told] * 3

    def test_what_is_not_there_is_404_before_412(self, api: API) -> None:
        answer = api.delete("/api/courses/5", as_="rosa", headers={"If-Match": '"x"'})
        assert answer.status == 404

"""Terms over HTTP: what the contract says of them, refusals included."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from .conftest import API, AddTerm, Answer, AtOnce

PERIODS = [
    {"number": 1, "starts_at": "08:00", "ends_at": "08:45"},
    {"number": 2, "starts_at": "08:55", "ends_at": "09:40"},
    {"number": 5, "starts_at": "09:40", "ends_at": "23:59"},
]
TERM = {
    "code": "2026-autumn",
    "name": "Autumn 2026 秋季学期",
    "starts_on": "2026-09-01",
    "ends_on": "2027-01-15",
    "timezone": "Asia/Shanghai",
    "periods": PERIODS,
}


def test_a_term_is_added_and_read(api: API) -> None:
    created = api.post("/api/terms", as_="rosa", body=TERM | {"code": " 2026-autumn "})
    assert created.status == 201
    read = api.get(created.headers["Location"], as_="dai")
    assert read.body == created.body
    assert read.headers["ETag"] == created.headers["ETag"]
    assert read.json == TERM | {"id": read.json["id"]}


def test_what_is_not_said_has_a_default(api: API) -> None:
    body = {name: TERM[name] for name in ("code", "name", "starts_on", "ends_on")}
    term = api.post("/api/terms", as_="rosa", body=body).json
    assert (term["timezone"], term["periods"]) == ("UTC", [])


def period(**changes: Any) -> dict[str, Any]:
    return PERIODS[0] | changes


INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"code": ""}, "code", "too_short"),
    ({"code": "x" * 33}, "code", "too_long"),
    ({"code": "a\nb"}, "code", "invalid_character"),
    ({"code": None}, "code", "wrong_type"),
    ({"name": ""}, "name", "too_short"),
    ({"name": "x" * 129}, "name", "too_long"),
    ({"name": "\0"}, "name", "nul_character"),
    ({"starts_on": "2026-13-01"}, "starts_on", "wrong_type"),
    ({"starts_on": "2026-09-01T00:00:00Z"}, "starts_on", "wrong_type"),
    ({"starts_on": 20260901}, "starts_on", "wrong_type"),
    ({"starts_on": None}, "starts_on", "wrong_type"),
    ({"starts_on": "0001-01-01"}, "starts_on", "out_of_range"),
    ({"ends_on": "9999-12-31"}, "ends_on", "out_of_range"),
    ({"ends_on": "2026-08-31"}, "ends_on", "out_of_range"),
    ({"ends_on": "2027-10-07"}, "ends_on", "out_of_range"),
    ({"timezone": "Europe/Atlantis"}, "timezone", "not_one_of"),
    ({"timezone": "asia/shanghai"}, "timezone", "not_one_of"),
    ({"timezone": "UTC+8"}, "timezone", "not_one_of"),
    ({"timezone": ""}, "timezone", "too_short"),
    ({"timezone": "\0"}, "timezone", "nul_character"),
    ({"periods": {}}, "periods", "wrong_type"),
    ({"periods": [PERIODS[0]] * 51}, "periods", "too_many"),
    ({"periods": [{}, *PERIODS]}, "periods.0.number", "required"),
    ({"periods": [period(number=0)]}, "periods.0.number", "out_of_range"),
    ({"periods": [period(number=100)]}, "periods.0.number", "out_of_range"),
    ({"periods": [period(number="1")]}, "periods.0.number", "wrong_type"),
    ({"periods": [period(starts_at="8:00")]}, "periods.0.starts_at", "invalid_value"),
    ({"periods": [period(starts_at="08:00:00")]}, "periods.0.starts_at", "invalid_value"),
    ({"periods": [period(ends_at="24:00")]}, "periods.0.ends_at", "invalid_value"),
    ({"periods": [period(ends_at="٠٩:٠٠")]}, "periods.0.ends_at", "invalid_value"),
    ({"periods": [period(ends_at="08:00")]}, "periods.0.ends_at", "out_of_range"),
    ({"periods": [period(room="A")]}, "periods.0.room", "unknown_field"),
    ({"periods": [PERIODS[0], period(starts_at="08:45", ends_at="09:00")]},
     "periods.1.number", "out_of_range"),
    ({"periods": [PERIODS[0], period(number=2, starts_at="08:44", ends_at="09:00")]},
     "periods.1.starts_at", "out_of_range"),
    ({"id": 5}, "id", "unknown_field"),
    ({"first_monday": "2026-08-31"}, "first_monday", "unknown_field"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "field", "code"), INVALID)
def test_a_field_that_is_not_valid_is_named(
    api: API, add_term: AddTerm, change: dict[str, Any], field: str, code: str
) -> None:
    term = add_term(**TERM)
    new = api.post("/api/terms", as_="rosa", body=TERM | {"code": "NEW"} | change)
    assert (new.status, new.code, new.fields.get(field)) == (422, "invalid", code)
    changed = api.patch(f"/api/terms/{term['id']}", as_="rosa", body=change)
    assert (changed.status, changed.fields.get(field)) == (422, code)
    assert api.get("/api/terms", as_="rosa").json["items"] == [term]


def test_dates_are_held_against_those_that_stay(api: API, add_term: AddTerm) -> None:
    path = f"/api/terms/{add_term(starts_on='2026-09-01', ends_on='2026-12-01')['id']}"
    late = api.patch(path, as_="rosa", body={"starts_on": "2026-12-02"})
    assert (late.status, late.fields) == (422, {"ends_on": "out_of_range"})
    both = {"starts_on": "2027-01-04", "ends_on": "2027-01-04"}
    assert api.patch(path, as_="rosa", body=both).status == 200


def test_codes_are_unique_in_any_case(api: API, add_term: AddTerm) -> None:
    add_term("2026-A")
    other = add_term("2026-B")
    again = api.post("/api/terms", as_="rosa", body=TERM | {"code": "2026-a "})
    assert (again.status, again.code) == (409, "term_code_taken")
    renamed = api.patch(f"/api/terms/{other['id']}", as_="rosa", body={"code": "2026-a"})
    assert (renamed.status, renamed.code) == (409, "term_code_taken")
    own = api.patch(f"/api/terms/{other['id']}", as_="rosa", body={"code": "2026-b"})
    assert (own.status, own.json["code"]) == (200, "2026-b")


def test_a_change_touches_what_it_names(api: API, add_term: AddTerm) -> None:
    term = add_term(**TERM)
    path = f"/api/terms/{term['id']}"
    assert api.patch(path, as_="amara", body={"name": "New"}).json == term | {"name": "New"}
    shorter = api.patch(path, as_="amara", body={"periods": PERIODS[1:]}).json
    assert shorter == term | {"name": "New", "periods": PERIODS[1:]}
    assert api.get(path, as_="dai").json == shorter
    assert api.patch(path, as_="amara", body={"periods": []}).json["periods"] == []


def test_a_change_of_nothing_makes_no_new_version(api: API, add_term: AddTerm) -> None:
    path = f"/api/terms/{add_term(**TERM)['id']}"
    before = api.get(path, as_="rosa")
    for body in ({}, TERM, {"periods": PERIODS}, {"code": f" {TERM['code']}"}):
        after = api.patch(path, as_="rosa", body=body)
        assert (after.status, after.body) == (200, before.body)
        assert after.headers["ETag"] == before.headers["ETag"]


def test_a_reader_who_has_it_gets_304(api: API, add_term: AddTerm) -> None:
    path = f"/api/terms/{add_term()['id']}"
    tag = api.get(path, as_="dai").headers["ETag"]
    assert api.get(path, as_="dai", headers={"If-None-Match": tag}).status == 304
    api.patch(path, as_="rosa", body={"periods": PERIODS[:1]})
    assert api.get(path, as_="dai", headers={"If-None-Match": tag}).status == 200


def test_a_stale_editor_is_told(api: API, add_term: AddTerm) -> None:
    path = f"/api/terms/{add_term()['id']}"
    tag = api.get(path, as_="rosa").headers["ETag"]
    assert api.patch(path, as_="rosa", body={"name": "A"}, headers={"If-Match": tag}).status == 200
    for method, body in (("PATCH", {"name": "B"}), ("DELETE", None)):
        answer = api(method, path, as_="amara", body=body, headers={"If-Match": tag})
        assert (answer.status, answer.code) == (412, "precondition_failed")


def test_a_removed_term_is_gone(api: API, add_term: AddTerm) -> None:
    path = f"/api/terms/{add_term(**TERM)['id']}"
    assert api.delete(path, as_="rosa").status == 204
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert api(method, path, as_="rosa", body=body).status == 404
    add_term(**TERM)


def test_the_same_key_adds_one_term(api: API) -> None:
    headers = {"Idempotency-Key": "autumn"}
    first = api.post("/api/terms", as_="rosa", body=TERM, headers=headers)
    again = api.post("/api/terms", as_="rosa", body=TERM, headers=headers)
    assert (first.status, again.status, again.body) == (201, 201, first.body)


class TestList:
    @pytest.fixture
    def years(self, add_term: AddTerm) -> list[str]:
        days = [("b", "2025-02-17"), ("C", "2025-09-01"), ("A", "2026-02-16"), ("d", "2026-02-16")]
        for code, day in days:
            add_term(code, name=f"Term {code}", starts_on=day, ends_on=day)
        return ["d", "A", "C", "b"]

    def walk(self, api: API, **query: Any) -> list[str]:
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page: Answer = api.get("/api/terms", as_="chloe", query=query | cursor)
            seen += [term["code"] for term in page.json["items"]]
            if page.json["next"] is None:
                return seen
            cursor = {"cursor": page.json["next"]}

    @pytest.mark.parametrize("limit", [1, 3, 4, 200])
    def test_it_begins_with_the_latest(self, api: API, years: list[str], limit: int) -> None:
        assert self.walk(api, limit=limit) == years
        assert self.walk(api, limit=limit, sort="starts_on") == years[::-1]
        assert self.walk(api, limit=limit, sort="code") == ["A", "b", "C", "d"]
        assert self.walk(api, limit=limit, sort="-code") == ["d", "C", "b", "A"]

    def test_it_is_searched(self, api: API, years: list[str]) -> None:
        assert self.walk(api, q="TERM c") == ["C"]
        assert self.walk(api, q="%") == []

    @pytest.mark.parametrize(
        "query", ["cursor=x", "sort=code&cursor=WyJjb2RlIiwiYSIsMF0", "sort=starts_on&cursor={bad}"]
    )
    def test_a_cursor_that_was_not_handed_out(self, api: API, query: str) -> None:
        # ["starts_on","2026-W01-1",1]
        bad = "WyJzdGFydHNfb24iLCIyMDI2LVcwMS0xIiwxXQ"
        answer = api.get("/api/terms", as_="chloe", query=query.format(bad=bad))
        assert (answer.status, answer.code) == (422, "invalid_cursor")

    @pytest.mark.parametrize("query", ["limit=0", "sort=name", "q=%00", "q=" + "x" * 201])
    def test_a_query_that_is_not_valid(self, api: API, query: str) -> None:
        answer = api.get("/api/terms", as_="chloe", query=query)
        assert (answer.status, answer.code) == (422, "invalid")


texts = st.text(st.characters(codec=None), max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
clocks = st.times().map(lambda time: time.strftime("%H:%M")) | values
near_terms = st.fixed_dictionaries(
    {"code": texts, "name": texts},
    optional={
        "starts_on": st.dates().map(str) | values,
        "ends_on": st.dates().map(str) | values,
        "timezone": st.sampled_from(["UTC", "Asia/Shanghai", "EST5EDT"]) | values,
        "periods": st.lists(
            st.fixed_dictionaries(
                {"number": st.integers(0, 100), "starts_at": clocks, "ends_at": clocks}
            ),
            max_size=3,
        )
        | values,
    },
)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=near_terms)
def test_any_body(api: API, body: dict[str, Any]) -> None:
    created = api.post("/api/terms", as_="rosa", body=body)
    assert created.status in (201, 409, 422)
    if created.status == 201:
        path = created.headers["Location"]
        assert api.patch(path, as_="rosa", body=body).body == created.body


def test_of_editors_at_the_same_time_one_is_told(
    api: API, add_term: AddTerm, at_once: AtOnce
) -> None:
    path = f"/api/terms/{add_term()['id']}"
    tag = api.get(path, as_="rosa").headers["ETag"]
    changes = [{"periods": PERIODS[: n + 1]} for n in range(3)]
    answers = at_once([("PATCH", path, body, {"If-Match": tag}) for body in changes])
    assert sorted(answer.status for answer in answers) == [200, 412, 412]
    kept = next(answer for answer in answers if answer.status == 200)
    assert api.get(path, as_="dai").json == kept.json


def test_who_did_what_is_written_down(api: API, add_term: AddTerm, owner: Connection) -> None:
    term = add_term(**TERM)
    path = f"/api/terms/{term['id']}"
    api.patch(path, as_="amara", body={"name": "New", "periods": PERIODS[:1]})
    api.patch(path, as_="amara", body={"name": "New"})
    api.delete(path, as_="rosa")
    events = owner.execute(
        text(
            "SELECT action, actor_id, before, after FROM audit_events WHERE object_kind = 'term'"
            " AND object_id = :id ORDER BY id"
        ),
        {"id": str(term["id"])},
    ).all()
    facts = {name: value for name, value in TERM.items() if name != "periods"} | {"periods": 3}
    rosa, amara = api.callers["rosa"].id, api.callers["amara"].id
    assert [tuple(event) for event in events] == [
        ("term_created", rosa, None, facts),
        (
            "term_updated",
            amara,
            {"name": TERM["name"], "periods": 3},
            {"name": "New", "periods": 1},
        ),
        ("term_deleted", rosa, facts | {"name": "New", "periods": 1}, None),
    ]

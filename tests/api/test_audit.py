"""The audit log over HTTP: what is written down, and how it is found again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import Connection, text

from .conftest import API, AddCourse


def logged(api: API, **query: Any) -> list[dict[str, Any]]:
    answer = api.get("/api/audit", as_="amara", query=query)
    assert answer.status == 200, answer.body
    return list(answer.json["items"])


def actions(api: API, **query: Any) -> list[str]:
    return [event["action"] for event in logged(api, **query)]


def test_what_becomes_of_a_course_is_written_down(api: API, add_course: AddCourse) -> None:
    course = add_course("CS101", "Old", description="x" * 200)
    path = f"/api/courses/{course['id']}"
    changed = api.patch(path, as_="amara", body={"title": "New", "description": "x" * 201})
    api.delete(path, as_="rosa")
    deleted, updated, created = logged(api)
    assert [event["action"] for event in (created, updated, deleted)] == [
        "course_created",
        "course_updated",
        "course_deleted",
    ]
    assert {event["object"]["id"] for event in (created, updated, deleted)} == {str(course["id"])}
    assert created["actor"] == {"id": api.callers["rosa"].id, "username": "rosa"}
    assert created["before"] is None
    assert created["after"]["code"] == "CS101"
    assert updated["actor"]["username"] == "amara"
    assert updated["before"] == {"title": "Old", "description": "x" * 128}
    assert updated["after"] == {"title": "New", "description": "x" * 128}
    assert updated["request_id"] == changed.headers["X-Request-Id"]
    assert (deleted["before"]["title"], deleted["after"]) == ("New", None)


def test_what_was_refused_or_changed_nothing_is_not(api: API, add_course: AddCourse) -> None:
    course = add_course("CS101", "Same")
    path = f"/api/courses/{course['id']}"
    api.post("/api/courses", as_="rosa", body={"code": "cs101", "title": "Again"})
    api.patch(path, as_="rosa", body={"title": "Same"})
    api.patch(path, as_="rosa", body={"title": "x"}, headers={"If-Match": '"x"'})
    api.delete(path, as_="dai")
    assert actions(api) == ["course_created"]


def test_a_repeated_request_is_one_event(api: API) -> None:
    sent = {"body": {"code": "A", "title": "A"}, "headers": {"Idempotency-Key": "once"}}
    for _ in range(2):
        assert api.post("/api/courses", as_="rosa", **sent).status == 201
    assert actions(api) == ["course_created"]


class TestFilters:
    @pytest.fixture(autouse=True)
    def _events(self, api: API, owner: Connection) -> None:
        """Ten events of rosa, one an hour, of which every third is a deletion; one of nobody."""
        insert = text(
            "INSERT INTO audit_events"
            " (at, actor_id, action, object_kind, object_id, ip, request_id) SELECT"
            " '2026-09-01T00:00:00Z'::timestamptz + n * interval '1 hour', :rosa,"
            " CASE WHEN mod(n, 3) = 0 THEN 'course_deleted' ELSE 'course_created' END,"
            " 'course', n::text, '192.0.2.1', 'a-request'"
            " FROM generate_series(0, 9) n"
        )
        owner.execute(insert, {"rosa": api.callers["rosa"].id})
        owner.execute(
            text(
                "INSERT INTO audit_events (actor_id, action, object_kind, ip, request_id)"
                " VALUES (NULL, 'sensitive_read', 'task', '', '')"
            )
        )
        owner.commit()

    def test_by_who_did_it(self, api: API) -> None:
        rosa = api.callers["rosa"].id
        assert len(logged(api, actor="rosa")) == 10
        assert len(logged(api, actor="ＲＯＳＡ ")) == 10
        assert len(logged(api, actor=rosa)) == 10
        for nobody in ("dai", "9" * 18, "9" * 40, "-1", "' OR true --"):
            assert logged(api, actor=nobody) == []

    def test_a_username_of_digits_is_found_beside_the_id(self, api: API, owner: Connection) -> None:
        rosa = api.callers["rosa"].id
        owner.execute(
            text("UPDATE users SET username = :name WHERE username = 'dai'"), {"name": str(rosa)}
        )
        owner.execute(
            text(
                "INSERT INTO audit_events (actor_id, action, object_kind, ip, request_id)"
                " VALUES (:dai, 'export_started', 'task', '', '')"
            ),
            {"dai": api.callers["dai"].id},
        )
        owner.commit()
        assert len(logged(api, actor=rosa)) == 11

    def test_by_what_was_done_to_what(self, api: API) -> None:
        assert [e["object"]["id"] for e in logged(api, action="course_deleted")] == list("9630")
        assert actions(api, object_kind="course", object_id="3") == ["course_deleted"]
        assert logged(api, object_kind="cours") == []
        (nobodys,) = logged(api, object_kind="task")
        assert (nobodys["actor"], nobodys["object"]) == (None, {"kind": "task", "id": None})

    def test_by_time(self, api: API) -> None:
        def hours(**query: str) -> list[str]:
            return [e["at"][11:13] for e in logged(api, object_kind="course", **query)]

        assert hours(since="2026-09-01T07:00:00Z") == ["09", "08", "07"]
        assert hours(until="2026-09-01T02:00:00Z") == ["01", "00"]
        assert hours(since="2026-09-01T11:00:00+08:00", until="2026-09-01T05:00:00.000Z") == [
            "04",
            "03",
        ]
        soon = datetime.now(UTC) + timedelta(minutes=1)
        assert hours(since=soon.isoformat()) == []

    def test_pages_add_up_to_the_whole(self, api: API) -> None:
        whole = [event["id"] for event in logged(api)]
        assert whole == sorted(whole, reverse=True)
        seen: list[int] = []
        link = "/api/audit?" + urlencode({"limit": 3, "object_kind": "course"})
        while link:
            answer = api.get(link, as_="amara")
            seen += [event["id"] for event in answer.json["items"]]
            link = answer.headers.get("Link", "").partition(">")[0].lstrip("<")
        assert seen == whole[1:]

    @pytest.mark.parametrize(
        ("query", "fields"),
        [
            ("action=made_up", {"action": "not_one_of"}),
            ("since=yesterday", {"since": "wrong_type"}),
            ("since=2026-09-01T00:00:00", {"since": "invalid_value"}),
            ("until=2026-13-01T00:00:00Z", {"until": "wrong_type"}),
            ("since=0001-01-01T00:00:00%2B23:59", {"since": "out_of_range"}),
            ("object_id=" + "x" * 201, {"object_id": "too_long"}),
            ("actor=%00", {"actor": "nul_character"}),
        ],
    )
    def test_a_query_that_is_not_valid(self, api: API, query: str, fields: dict[str, str]) -> None:
        answer = api.get("/api/audit", as_="amara", query=query)
        assert (answer.status, answer.fields) == (422, fields)

    @pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
    def test_the_ends_of_time_are_moments(self, api: API, moment: str) -> None:
        assert len(logged(api, since=moment)) + len(logged(api, until=moment)) == 11

    def test_a_cursor_of_another_list_is_refused(self, api: API, add_course: AddCourse) -> None:
        add_course("A")
        add_course("B")
        courses = api.get("/api/courses?limit=1", as_="amara").json
        answer = api.get("/api/audit", as_="amara", query={"cursor": courses["next"]})
        assert (answer.status, answer.code) == (422, "invalid_cursor")

"""Weeks over HTTP: whose they are, and that every moment is the one that the term says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from .conftest import API, AddCourse, AddSection, AddTerm, meeting


def enrol(api: API, section: dict[str, Any], who: str) -> None:
    path = f"/api/sections/{section['id']}/enrollments"
    body = {"user_id": api.callers[who].id}
    assert api.post(path, as_="rosa", body=body).status == 201


def held(week: Any) -> list[tuple[str, str, str, str]]:
    return [
        (day["date"], m["section"]["section_code"], m["starts_at"], m["ends_at"])
        for day in week["days"]
        for m in day["meetings"]
    ]


def test_a_week_has_the_meetings_of_own_sections(
    api: API, add_section: AddSection, add_course: AddCourse
) -> None:
    section = add_section(
        teacher="ben", meetings=[meeting(3, 1, 2, [2], "A1"), meeting(1, 3, 3, [1, 2])]
    )
    enrol(api, section, "dai")
    answer = api.get("/api/timetable?week=2026-W38", as_="dai")
    assert answer.headers["Cache-Control"] == "no-store"
    week = answer.json
    assert (week["term"], week["week"], week["week_number"]) == ("2026-autumn", "2026-W38", 2)
    assert [(day["date"], day["weekday"]) for day in week["days"]] == [
        (f"2026-09-{13 + n}", n) for n in range(1, 8)
    ]
    monday, wednesday = week["days"][0]["meetings"], week["days"][2]["meetings"]
    brief = {name: section[name] for name in ("id", "course", "section_code", "term")}
    assert wednesday == [
        {
            "section": brief,
            "first_period": 1,
            "last_period": 2,
            "starts_at": "2026-09-16T06:00:00Z",
            "ends_at": "2026-09-16T07:45:00Z",
            "room": "A1",
        }
    ]
    assert [m["first_period"] for m in monday] == [3]
    assert sum(len(day["meetings"]) for day in week["days"]) == 2
    assert api.get("/api/timetable?week=2026-W38", as_="ben").json == week
    for stranger in ("chloe", "tilda", "rosa"):
        assert held(api.get("/api/timetable?week=2026-W38", as_=stranger).json) == []


def test_only_who_has_a_seat_in_a_published_section_meets(
    api: API, add_section: AddSection
) -> None:
    full = add_section("full", capacity=0, meetings=[meeting()])
    draft = add_section("draft", status="draft", teacher="ben", meetings=[meeting(2)])
    for section in (full, draft):
        enrol(api, section, "dai")
    for who in ("dai", "ben"):
        assert held(api.get("/api/timetable?week=2026-W37", as_=who).json) == []
    path = f"/api/sections/{draft['id']}"
    for status, meetings in (("published", 1), ("archived", 0)):
        api.patch(path, as_="rosa", body={"status": status})
        for who in ("dai", "ben"):
            week = api.get("/api/timetable?week=2026-W37", as_=who).json
            assert len(held(week)) == meetings


def test_every_week_of_a_term_is_what_the_calendar_says(
    api: API, add_section: AddSection, add_term: AddTerm
) -> None:
    # Starts on a Tuesday; clocks go back on 25 October.
    term = add_term("dst", starts_on="2026-09-01", ends_on="2026-12-18", timezone="Europe/Berlin")
    odd, even = range(1, 17, 2), range(2, 17, 2)
    meetings = [meeting(1, 1, 1, odd), meeting(7, 1, 2, even), meeting(4, 12, 12, [8, 9])]
    section = add_section("x", term=term["code"], teacher="ben", meetings=meetings)
    zone, monday = ZoneInfo("Europe/Berlin"), date(2026, 8, 31)
    for number in range(1, 17):
        day = monday + timedelta(weeks=number - 1)
        year, week, _ = day.isocalendar()
        shown = api.get(f"/api/timetable?week={year}-W{week:02}", as_="ben").json
        expected = []
        for m in section["meetings"]:
            if number in m["weeks"]:
                on = day + timedelta(days=m["weekday"] - 1)
                clocks = (time(7 + m["first_period"]), time(7 + m["last_period"], 45))
                moments = [datetime.combine(on, clock, zone).astimezone(UTC) for clock in clocks]
                expected.append((str(on), "x", *(f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in moments)))
        assert held(shown) == sorted(expected)
        assert (shown["term"], shown["week_number"]) == ("dst", number)
    outside = api.get("/api/timetable?week=2026-W35", as_="ben").json
    assert (outside["term"], outside["week_number"], held(outside)) == (None, None, [])
    assert api.get("/api/timetable?week=2026-W52", as_="ben").json["term"] is None


def test_of_terms_at_the_same_time_the_one_with_meetings_is_named(
    api: API, add_section: AddSection, add_term: AddTerm
) -> None:
    add_term("early", starts_on="2026-09-07")
    late = add_term("late", starts_on="2026-09-14")
    early = add_section("e", term="early", teacher="ben", meetings=[meeting(1, 2, 2, [2])])
    week = api.get("/api/timetable?week=2026-W38", as_="tilda").json
    assert (week["term"], week["week_number"]) == ("late", 1)
    week = api.get("/api/timetable?week=2026-W38", as_="ben").json
    assert (week["term"], week["week_number"]) == ("early", 2)
    add_section("l", term=late["code"], teacher="ben", meetings=[meeting(1, 1, 1, [1])])
    week = api.get("/api/timetable?week=2026-W38", as_="ben").json
    assert (week["term"], week["week_number"]) == ("late", 1)
    assert [code for _, code, _, _ in held(week)] == ["l", "e"]
    assert week["days"][0]["meetings"][1]["section"]["term"] == early["term"]


def test_the_present_week_is_the_one_that_is_not_named(api: API) -> None:
    before = datetime.now(UTC).isocalendar()
    week = api.get("/api/timetable", as_="dai").json["week"]
    after = datetime.now(UTC).isocalendar()
    assert week in {f"{now.year}-W{now.week:02}" for now in (before, after)}


class TestOthers:
    @pytest.fixture
    def path(self, api: API, add_section: AddSection) -> str:
        section = add_section(meetings=[meeting()])
        enrol(api, section, "dai")
        return f"/api/timetable?week=2026-W37&user={api.callers['dai'].id}"

    def test_registrars_see_them(self, api: API, path: str) -> None:
        own = api.get("/api/timetable?week=2026-W37", as_="dai").json
        assert len(held(own)) == 1
        for name in ("rosa", "amara", "dai"):
            assert api.get(path, as_=name).json == own

    def test_nobody_else_does(self, api: API, path: str) -> None:
        for name in ("ben", "chloe"):
            answer = api.get(path, as_=name)
            assert (answer.status, answer.code) == (403, "forbidden")

    def test_who_is_not_there_has_no_week(self, api: API) -> None:
        assert api.get("/api/timetable?user=999999", as_="rosa").code == "not_found"
        assert api.get("/api/timetable?user=999999", as_="dai").code == "forbidden"


@pytest.mark.parametrize(
    "week",
    ["2026-W00", "2026-W54", "2027-W53", "2026-36", "2026-W6", "W36", "", "2026-W36-1", "0001-W01",
     "9999-W53", "３026-W01", "2026-w36", "2026-W36%0A"],
)  # fmt: skip
def test_what_is_no_week(api: API, week: str) -> None:
    answer = api.get(f"/api/timetable?week={week}", as_="dai")
    assert (answer.status, answer.fields) == (422, {"week": "invalid_value"})


@pytest.mark.parametrize("user", ["0", "x", "9223372036854775808"])
def test_what_is_no_user(api: API, user: str) -> None:
    assert api.get(f"/api/timetable?user={user}", as_="rosa").status == 422


def test_who_left_has_a_week_still(
    api: API, add_section: AddSection, deactivate: Callable[[str], None]
) -> None:
    section = add_section(meetings=[meeting()])
    enrol(api, section, "dai")
    deactivate("dai")
    week = api.get(f"/api/timetable?week=2026-W37&user={api.callers['dai'].id}", as_="rosa").json
    assert len(held(week)) == 1

"""Calendar feeds over HTTP: what a calendar that reads one sees, held against the week view, and
what ends one. Texts are read by the library and by a reader of a few lines that knows RFC 5545.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from sqlalchemy import Connection, text

from chalicelib.api import timetable
from chalicelib.core import database
from chalicelib.core.settings import reset_settings
from chalicelib.scheduling import feeds

from .conftest import API, AddCourse, AddSection, AddTerm, Answer, meeting
from .test_fuzz import fuzz
from .test_timetable import enrol, held

Event = dict[str, str]
_LINE = re.compile(r"([A-Z-]+)((?:;[A-Z-]+=[^:;]+)*):(.*)")
_ESCAPED = re.compile(r"\\(.)")


def path_of(url: str) -> str:
    prefix = "http://127.0.0.1:8000/calendar/"
    assert re.fullmatch(re.escape(prefix) + r"[\w-]{43}\.ics", url, re.ASCII)
    return url.removeprefix("http://127.0.0.1:8000")


def feed_of(api: API, name: str) -> str:
    answer = api.get("/api/timetable/feed", as_=name)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    return path_of(answer.json["url"])


def read(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    whole = answer.body.decode()
    assert whole.endswith("\r\n")
    assert not re.search(r"(?<!\r)\n|\r(?!\n)", whole)
    assert all(len(line) <= 75 for line in answer.body.split(b"\r\n"))
    library = Calendar.from_ical(whole)
    assert not library.errors
    assert not any(component.errors for component in library.walk())
    return whole


def moment(parameters: str, value: str) -> datetime:
    if value.endswith("Z"):
        assert not parameters
        return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    zone = ZoneInfo(parameters.removeprefix(";TZID="))
    return datetime.strptime(value, "%Y%m%dT%H%M%S").replace(tzinfo=zone).astimezone(UTC)


def events_in(whole: str) -> list[Event]:
    """Read the events by hand: unfolded, every line by the grammar, no property twice."""
    lines = whole.replace("\r\n ", "").removesuffix("\r\n").split("\r\n")
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    assert [line for line in lines if line.startswith("BEGIN:")].count("BEGIN:VCALENDAR") == 1
    open_components: list[str] = []
    zones, events = set(), []
    event: Event = {}
    for line in lines:
        matched = _LINE.fullmatch(line)
        assert matched, line
        name, parameters, value = matched.groups()
        if name == "BEGIN":
            open_components.append(value)
            if value == "VEVENT":
                event = {}
                events.append(event)
        elif name == "END":
            assert open_components.pop() == value
        elif open_components[-1] == "VTIMEZONE" and name == "TZID":
            zones.add(value)
        elif open_components[-1] == "VEVENT":
            assert name not in event
            if name in ("DTSTART", "DTEND"):
                assert not parameters or parameters.removeprefix(";TZID=") in zones
                event[name] = f"{moment(parameters, value):%Y-%m-%dT%H:%M:%SZ}"
            else:
                event[name] = _ESCAPED.sub(lambda m: "\n" if m[1] in "nN" else m[1], value)
    for event in events:
        assert {"UID", "DTSTAMP", "DTSTART", "SUMMARY", "SEQUENCE", "STATUS"} <= set(event)
    assert len({event["UID"] for event in events}) == len(events)
    return events


def shown(api: API, path: str) -> list[Event]:
    return events_in(read(api.get(path)))


def by_status(events: list[Event]) -> dict[str, int]:
    statuses = [event["STATUS"] for event in events]
    return {status: statuses.count(status) for status in sorted(set(statuses))}


def test_an_event_says_what_where_when_and_who(
    api: API, add_section: AddSection, add_course: AddCourse, add_term: AddTerm
) -> None:
    course = add_course("CS101", "计算机导论; Theory, Practice \\ 基础" + "学" * 60)
    add_term("autumn", timezone="Asia/Shanghai")
    meetings = [meeting(3, 1, 2, [2], "东上院202")]
    section = add_section(course_id=course["id"], term="autumn", teacher="ben", meetings=meetings)
    enrol(api, section, "dai")
    (event,) = shown(api, feed_of(api, "dai"))
    assert event["SUMMARY"] == f"CS101 {course['title']} (01)"
    assert (event["LOCATION"], event["DESCRIPTION"]) == ("东上院202", "Ben")
    assert (event["DTSTART"], event["DTEND"]) == ("2026-09-16T00:00:00Z", "2026-09-16T01:45:00Z")
    assert event["STATUS"] == "CONFIRMED"
    whole = api.get(feed_of(api, "dai")).body.decode()
    assert "DTSTART;TZID=Asia/Shanghai:20260916T080000\r\n" in whole
    assert len(shown(api, feed_of(api, "ben"))) == 1


def test_who_has_no_meetings_has_a_calendar_with_a_component(api: API) -> None:
    whole = read(api.get(feed_of(api, "rosa")))
    assert events_in(whole) == []
    assert [c.name for c in Calendar.from_ical(whole).subcomponents] == ["VTIMEZONE"]


TERMS = {
    "Europe/Berlin": ("2026-09-01", "2026-12-18"),
    "America/New_York": ("2027-01-12", "2027-05-07"),
    "Asia/Shanghai": ("2026-09-07", "2026-12-27"),
    "Australia/Lord_Howe": ("2026-02-16", "2026-06-05"),
    "UTC": ("2026-12-01", "2027-01-15"),
}


@pytest.mark.parametrize("zone", TERMS)
def test_the_dates_are_those_of_every_week(
    api: API, add_section: AddSection, add_term: AddTerm, zone: str
) -> None:
    starts_on, ends_on = map(date.fromisoformat, TERMS[zone])
    # As late and as early as clocks change, and as long as a day.
    hours = [(0, "00:15", "01:30"), (1, "01:30", "01:59"), (2, "02:00", "02:20"),
             (3, "02:30", "02:50"), (4, "03:00", "07:00"), (5, "08:00", "23:59")]  # fmt: skip
    periods = [{"number": n + 1, "starts_at": s, "ends_at": e} for n, s, e in hours]
    add_term("t", starts_on=str(starts_on), ends_on=str(ends_on), timezone=zone, periods=periods)
    monday = starts_on - timedelta(days=starts_on.weekday())
    weeks = range(1, (ends_on - monday).days // 7 + 2)
    odd, even = weeks[::2], weeks[1::2]
    meetings = [
        meeting(1, 6, 6, odd), meeting(4, 5, 6, even), meeting(7, 1, 1, weeks),
        meeting(7, 2, 3, weeks), meeting(7, 4, 4, weeks), meeting(7, 5, 5, odd),
        meeting(7, 6, 6, even),
    ]  # fmt: skip
    section = add_section("x", term="t", teacher="ben", meetings=meetings)
    assert section["meetings"]
    events = shown(api, feed_of(api, "ben"))
    total = 0
    for number in range(-1, len(weeks) + 2):
        day = monday + timedelta(weeks=number)
        year, week, _ = day.isocalendar()
        expected = [
            (starts, ends if ends > starts else None)
            for _, _, starts, ends in held(
                api.get(f"/api/timetable?week={year}-W{week:02}", as_="ben").json
            )
        ]
        local = [
            (event["DTSTART"], event.get("DTEND"))
            for event in events
            if day <= datetime.fromisoformat(event["DTSTART"]).astimezone(ZoneInfo(zone)).date()
            < day + timedelta(days=7)
        ]  # fmt: skip
        assert sorted(local, key=str) == sorted(expected, key=str)
        total += len(expected)
    assert total == len(events) == sum(len(m["weeks"]) for m in meetings)
    # What the calendar itself says of its time zone is what the world's database says.
    calendar = Calendar.from_ical(api.get(feed_of(api, "ben")).body)
    for timezone in calendar.timezones:
        own = timezone.to_tz(lookup_tzid=False)
        for event in calendar.events:
            wall = event.start.replace(tzinfo=None)
            if event.start.tzinfo is not UTC and event.start.utcoffset():
                assert own.utcoffset(wall) == event.start.utcoffset(), wall


def sequences(events: list[Event]) -> dict[str, int]:
    return {event["UID"]: int(event["SEQUENCE"]) for event in events}


def test_the_sequence_rises_with_each_change_and_the_names_stay(
    api: API, add_section: AddSection, add_course: AddCourse, add_term: AddTerm
) -> None:
    term, other = add_term("one"), add_term("two", starts_on="2026-09-14", ends_on="2027-01-03")
    section = add_section(term="one", teacher="ben", meetings=[meeting(weeks=[1, 2])])
    course, section_path = (
        f"/api/courses/{section['course']['id']}",
        f"/api/sections/{section['id']}",
    )
    path = feed_of(api, "ben")
    # The first term and course have come far when the section leaves them for fresh ones.
    for n in range(3):
        api.patch(f"/api/terms/{term['id']}", as_="rosa", body={"name": f"Name {n}"})
        api.patch(course, as_="rosa", body={"title": f"Title {n}"})
    fresh = add_course("CS102")
    seen = shown(api, path)
    for changed, body in (
        (section_path, {"meetings": [meeting(weeks=[1, 2], room="A1")]}),
        (section_path, {"meetings": [meeting(2, weeks=[1, 2], room="A1")]}),
        (section_path, {"term": other["code"]}),
        (section_path, {"course_id": fresh["id"]}),
        (section_path, {"term": "one", "course_id": section["course"]["id"]}),
        (f"/api/terms/{term['id']}", {"starts_on": "2026-09-14"}),
        (course, {"title": "Another"}),
        (section_path, {"section_code": "02"}),
    ):
        assert api.patch(changed, as_="rosa", body=body).status == 200, body
        after = shown(api, path)
        assert after != seen
        assert by_status(after) == {"CONFIRMED": 2}
        before, now = sequences(seen), sequences(after)
        assert set(before) == set(now)
        assert all(now[uid] > before[uid] for uid in now), body
        assert all(event["DTSTAMP"] == event["LAST-MODIFIED"] for event in after)
        assert min(e["DTSTAMP"] for e in after) >= max(e["DTSTAMP"] for e in seen)
        seen = after


class TestCancellation:
    @pytest.fixture
    def section(self, api: API, add_section: AddSection) -> dict[str, Any]:
        feed_of(api, "dai")
        section = add_section(teacher="ben", meetings=[meeting(1, weeks=[1, 3]), meeting(2)])
        enrol(api, section, "dai")
        return section

    def test_who_withdraws_is_told(self, api: API, section: dict[str, Any]) -> None:
        path = feed_of(api, "dai")
        first = shown(api, path)
        assert by_status(first) == {"CONFIRMED": 18}
        own = f"/api/sections/{section['id']}/enrollments/{api.callers['dai'].id}"
        told = [sequences(first)]
        for _ in range(2):
            assert api.delete(own, as_="rosa").status == 204
            gone = shown(api, path)
            assert by_status(gone) == {"CANCELLED": 18}
            enrol(api, section, "dai")
            back = shown(api, path)
            assert by_status(back) == {"CONFIRMED": 18}
            assert [e["DTSTART"] for e in gone] == [e["DTSTART"] for e in back]
            told += [sequences(gone), sequences(back)]
        for before, after in pairwise(told):
            assert all(after[uid] > before[uid] for uid in before)

    def test_who_only_waited_is_not(self, api: API, add_section: AddSection) -> None:
        section = add_section(capacity=0, meetings=[meeting()])
        path = feed_of(api, "dai")
        enrol(api, section, "dai")
        api.delete(f"/api/sections/{section['id']}/enrollments/{api.callers['dai'].id}", as_="rosa")
        assert shown(api, path) == []

    def test_another_teacher_takes_over(self, api: API, section: dict[str, Any]) -> None:
        before = shown(api, feed_of(api, "ben"))
        body = {"teacher_id": api.callers["tilda"].id}
        assert api.patch(f"/api/sections/{section['id']}", as_="rosa", body=body).status == 200
        after = shown(api, feed_of(api, "ben"))
        assert by_status(after) == {"CANCELLED": 18}
        assert all(sequences(after)[u] > s for u, s in sequences(before).items())
        assert by_status(shown(api, feed_of(api, "tilda"))) == {"CONFIRMED": 18}
        assert by_status(shown(api, feed_of(api, "dai"))) == {"CONFIRMED": 18}

    def test_weeks_and_meetings_that_are_dropped(self, api: API, section: dict[str, Any]) -> None:
        path, patched = feed_of(api, "dai"), f"/api/sections/{section['id']}"
        before = shown(api, path)
        body = {"meetings": [meeting(1, weeks=[3, 4])]}
        assert api.patch(patched, as_="ben", body=body).status == 200
        after = shown(api, path)
        assert by_status(after) == {"CANCELLED": 17, "CONFIRMED": 2}
        assert {e["UID"] for e in before} < {e["UID"] for e in after}
        assert all(sequences(after)[u] > s for u, s in sequences(before).items())
        assert api.patch(patched, as_="ben", body={"meetings": []}).status == 200
        assert by_status(shown(api, path)) == {"CANCELLED": 19}
        assert by_status(shown(api, feed_of(api, "ben"))) == {}

    def test_the_archive_calls_off_what_was_to_come(
        self, api: API, add_section: AddSection, add_term: AddTerm
    ) -> None:
        this_monday = datetime.now(UTC).date() - timedelta(days=datetime.now(UTC).weekday())
        starts_on, ends_on = this_monday - timedelta(weeks=2), this_monday + timedelta(weeks=3)
        add_term("now", starts_on=str(starts_on), ends_on=str(ends_on))
        meetings = [meeting(1, weeks=[1, 2, 5, 6])]
        section = add_section(term="now", teacher="ben", meetings=meetings)
        path, patched = feed_of(api, "ben"), f"/api/sections/{section['id']}"
        before = shown(api, path)
        assert by_status(before) == {"CONFIRMED": 4}
        api.patch(patched, as_="rosa", body={"status": "archived"})
        after = shown(api, path)
        assert by_status(after) == {"CANCELLED": 2}
        assert all(s > sequences(before)[u] for u, s in sequences(after).items())
        api.patch(patched, as_="rosa", body={"status": "published"})
        again = shown(api, path)
        assert by_status(again) == {"CONFIRMED": 4}
        assert all(sequences(again)[u] > s for u, s in sequences(after).items())

    def test_is_over_after_thirty_days(
        self, api: API, owner: Connection, section: dict[str, Any]
    ) -> None:
        path = feed_of(api, "dai")
        own = f"/api/sections/{section['id']}/enrollments/{api.callers['dai'].id}"
        api.delete(own, as_="rosa")
        for days, status in ((29, {"CANCELLED": 18}), (2, {})):
            for statement in (
                "UPDATE calendar_feeds SET created_at = created_at - make_interval(days => :n)",
                "UPDATE feed_departures SET left_at = left_at - make_interval(days => :n)",
            ):
                owner.execute(text(statement), {"n": days})
            owner.commit()
            assert by_status(shown(api, path)) == status

    def test_is_forgotten_then_but_for_who_is_back(
        self, api: API, owner: Connection, section: dict[str, Any]
    ) -> None:
        path, ben = feed_of(api, "dai"), feed_of(api, "ben")
        own = f"/api/sections/{section['id']}/enrollments/{api.callers['dai'].id}"
        for _ in range(2):
            api.delete(own, as_="rosa")
            enrol(api, section, "dai")
        body = {"teacher_id": api.callers["tilda"].id, "meetings": [meeting(weeks=[1])]}
        api.patch(f"/api/sections/{section['id']}", as_="rosa", body=body)
        before = sequences(shown(api, path))
        with database.transaction() as connection:
            assert feeds.expire_cancellations(connection, 10) == 0
        for statement in (
            "UPDATE calendar_feeds SET created_at = created_at - interval '31 days'",
            "UPDATE feed_departures SET left_at = left_at - interval '31 days'",
            "UPDATE dropped_meetings SET dropped_at = dropped_at - interval '31 days'",
        ):
            owner.execute(text(statement))
        owner.commit()
        with database.transaction() as connection:
            assert feeds.expire_cancellations(connection, 1) == 2
            assert feeds.expire_cancellations(connection, 10) == 1
            assert feeds.expire_cancellations(connection, 10) == 0
        left = owner.execute(text("SELECT user_id, times FROM feed_departures")).all()
        assert [tuple(row) for row in left] == [(api.callers["dai"].id, 2)]
        (event,) = shown(api, path)
        assert int(event["SEQUENCE"]) == before[event["UID"]]
        assert shown(api, ben) == []

    def test_a_draft_was_never_there(self, api: API, add_section: AddSection) -> None:
        path = feed_of(api, "ben")
        section = add_section(status="draft", teacher="ben", meetings=[meeting()])
        for body in ({"meetings": [meeting(2)]}, {"teacher_id": None}, {"status": "published"}):
            assert api.patch(f"/api/sections/{section['id']}", as_="rosa", body=body).status == 200
            assert shown(api, path) == []

    def test_a_section_that_is_removed_leaves(self, api: API, add_section: AddSection) -> None:
        section = add_section(teacher="ben", meetings=[meeting()])
        path = feed_of(api, "ben")
        assert len(shown(api, path)) == 16
        assert api.delete(f"/api/sections/{section['id']}", as_="rosa").status == 204
        assert shown(api, path) == []


def test_what_is_known_is_not_written_again(
    api: API, add_section: AddSection, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = add_section(teacher="ben", meetings=[meeting()])
    path = feed_of(api, "ben")
    first = api.get(path)
    known = {"If-None-Match": first.headers["ETag"]}
    assert api.get(path).body == first.body

    def fail(_events: str) -> str:
        raise AssertionError("written again")

    with monkeypatch.context() as patched:
        patched.setattr(timetable, "write_calendar", fail)
        again = api.get(path, headers=known)
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == "private, no-cache"
    body = {"meetings": [meeting(room="A1")]}
    api.patch(f"/api/sections/{section['id']}", as_="rosa", body=body)
    changed = api.get(path, headers=known)
    assert (changed.status, changed.headers["ETag"] != first.headers["ETag"]) == (200, True)


def test_the_url_stays_until_it_is_rotated(api: API, owner: Connection) -> None:
    old, others = feed_of(api, "dai"), feed_of(api, "chloe")
    assert feed_of(api, "dai") == old != others
    answer = api.post("/api/timetable/feed/rotate", as_="dai", raw=b"")
    new = path_of(answer.json["url"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert feed_of(api, "dai") == new != old
    assert api.get(new).status == api.get(others).status == 200
    assert (api.get(old).status, api.get(old).code) == (404, "not_found")
    # Who never had one gets one, too.
    assert api.get(path_of(api.post("/api/timetable/feed/rotate", as_="ben", raw=b"").json["url"]))
    events = owner.execute(
        text(
            "SELECT actor_id, action, object_id, before, after FROM audit_events"
            " WHERE action LIKE 'calendar%' ORDER BY id"
        )
    ).all()
    dai, chloe, ben = (api.callers[name].id for name in ("dai", "chloe", "ben"))
    assert [tuple(event) for event in events] == [
        (dai, "calendar_feed_created", str(dai), None, None),
        (chloe, "calendar_feed_created", str(chloe), None, None),
        (dai, "calendar_feed_rotated", str(dai), None, None),
        (ben, "calendar_feed_rotated", str(ben), None, None),
    ]


def test_a_new_url_tells_of_nothing_that_the_old_one_was_told(
    api: API, add_section: AddSection
) -> None:
    section = add_section(teacher="ben", meetings=[meeting(), meeting(2)])
    names = {event["UID"] for event in shown(api, feed_of(api, "ben"))}
    body = {"meetings": [meeting()]}
    api.patch(f"/api/sections/{section['id']}", as_="rosa", body=body)
    assert by_status(shown(api, feed_of(api, "ben"))) == {"CANCELLED": 16, "CONFIRMED": 16}
    api.post("/api/timetable/feed/rotate", as_="ben", raw=b"")
    rotated = shown(api, feed_of(api, "ben"))
    assert by_status(rotated) == {"CONFIRMED": 16}
    assert {event["UID"] for event in rotated} < names


def test_a_key_that_signs_tokens_may_go(api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    path = feed_of(api, "dai")
    monkeypatch.setenv("JWT_SECRET", "another key for tests, which is as long as it must be")
    reset_settings()
    assert api.get(path).status == 200
    assert feed_of(api, "dai") == path
    monkeypatch.undo()
    reset_settings()


def test_a_feed_ends_with_the_account(
    api: API, owner: Connection, deactivate: Callable[[str], None]
) -> None:
    path, erased = feed_of(api, "dai"), feed_of(api, "chloe")
    deactivate("dai")
    nowhere = api.get("/calendar/x.ics")
    ended = api.get(path)
    assert (ended.status, ended.code) == (404, "not_found")
    assert {**ended.json, "request_id": ""} == {**nowhere.json, "request_id": ""}
    kept = api.get("/auth/me/export", as_="chloe")
    assert kept.json["calendar_feed"]["departures"] == []
    assert erased.removeprefix("/calendar/").removesuffix(".ics") not in kept.body.decode()
    chloe = api.callers["chloe"].id
    assert api.post(f"/api/users/{chloe}/erase", as_="amara", body={}).status == 204
    assert api.get(erased).status == 404
    left = owner.execute(text("SELECT user_id FROM calendar_feeds")).scalars().all()
    assert list(left) == [api.callers["dai"].id]


def test_an_export_has_the_sections_that_were_left(api: API, add_section: AddSection) -> None:
    assert api.get("/auth/me/export", as_="dai").json["calendar_feed"] is None
    feed_of(api, "dai")
    section = add_section(meetings=[meeting()])
    enrol(api, section, "dai")
    own = f"/api/sections/{section['id']}/enrollments/{api.callers['dai'].id}"
    api.delete(own, as_="rosa")
    kept = api.get("/auth/me/export", as_="dai").json["calendar_feed"]
    assert [departure["section"] for departure in kept["departures"]] == [section["id"]]


def test_two_who_ask_first_at_once_are_given_one(api: API) -> None:
    caller = api.callers["dai"]
    with database.transaction() as connection:
        url = feeds.get_feed_url(connection, caller)
        # as it is for one who looked before the other had committed
        taken = connection.execute(feeds._ADD, {"user_id": caller.id, "secret": "x" * 43})
        assert taken.rowcount == 0
        assert feeds.get_feed_url(connection, caller) == url


def test_another_origin_of_the_api(api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_ORIGIN", "https://api.school.example/prod/")
    reset_settings()
    url = api.get("/api/timetable/feed", as_="dai").json["url"]
    assert re.fullmatch(r"https://api\.school\.example/prod/calendar/[\w-]{43}\.ics", url)
    monkeypatch.undo()
    reset_settings()


def test_a_teacher_of_very_much_gets_the_nearest(
    api: API, owner: Connection, add_section: AddSection, add_term: AddTerm
) -> None:
    this_monday = datetime.now(UTC).date() - timedelta(days=datetime.now(UTC).weekday())
    starts_on, ends_on = this_monday - timedelta(weeks=10), this_monday + timedelta(weeks=29)
    add_term("long", starts_on=str(starts_on), ends_on=str(ends_on))
    section = add_section(term="long", teacher="ben", meetings=[meeting(weeks=range(1, 41))])
    owner.execute(
        text(
            "INSERT INTO sections (course_id, term_id, section_code, teacher_id, status)"
            " SELECT course_id, term_id, 'copy-' || n, teacher_id, status"
            "   FROM sections, generate_series(1, 199) n WHERE id = :id"
        ),
        {"id": section["id"]},
    )
    owner.execute(
        text(
            "INSERT INTO meetings (section_id, number, weekday, first_period, last_period, weeks)"
            " SELECT sections.id, 1, weekday, first_period, last_period, weeks"
            "   FROM meetings, sections WHERE section_id = :id AND sections.id <> :id"
        ),
        {"id": section["id"]},
    )
    owner.commit()
    answer = api.get(feed_of(api, "ben"))
    assert len(answer.body) < 2_000_000
    events = shown(api, feed_of(api, "ben"))
    assert len(events) == feeds.MOST_EVENTS
    to_come = datetime.now(UTC) + timedelta(days=7)
    assert min(e["DTSTART"] for e in events) > f"{to_come - timedelta(days=15):%Y-%m-%dT%H:%M:%SZ}"
    assert sum(e["DTSTART"] > f"{to_come:%Y-%m-%dT%H:%M:%SZ}" for e in events) > 4_000
    # As long as the texts may be, and what is escaped twice: here and as JSON by the function.
    for long in ("𠮷" * 128, "\\" * 128):
        course = f"/api/courses/{section['course']['id']}"
        assert api.patch(course, as_="rosa", body={"title": long}).status == 200
        body = api.get(feed_of(api, "ben")).body
        assert len(json.dumps(body.decode(), ensure_ascii=False).encode()) < 6_000_000
        assert 2_000 < body.count(b"BEGIN:VEVENT") <= feeds.MOST_EVENTS


def test_no_log_has_the_secret(api: API, written: io.StringIO) -> None:
    path = feed_of(api, "dai")
    assert api.get(path).status == 200
    rotated = path_of(api.post("/api/timetable/feed/rotate", as_="dai", raw=b"").json["url"])
    assert api.get(path).status == 404
    log = written.getvalue()
    assert log.count('"route": "/calendar/{file}"') == 2
    for url in (path, rotated):
        assert url.removeprefix("/calendar/").removesuffix(".ics") not in log


@fuzz
@given(
    file=st.text(st.characters(codec="utf-8"), max_size=60), suffix=st.sampled_from(["", ".ics"])
)
def test_any_file(api: API, file: str, suffix: str) -> None:
    answer = api.get(f"/calendar/{quote(file + suffix, safe='')}")
    assert answer.status == 404
    assert json.loads(answer.body)["code"] == "not_found"


def test_methods_that_a_feed_does_not_know(api: API) -> None:
    path = feed_of(api, "dai")
    for method in ("POST", "PUT", "DELETE"):
        assert api(method, path, raw=b"{}").status == 405
    assert api.get(f"{path}/").status == 200

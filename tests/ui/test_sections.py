"""Terms and sections in the browser: written by rosa, edited by who teaches, seen by students."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Person, Registrar, SignIn

PERIODS = [
    {"number": 1, "starts_at": "08:00", "ends_at": "08:45"},
    {"number": 2, "starts_at": "08:55", "ends_at": "09:40"},
    {"number": 3, "starts_at": "10:00", "ends_at": "10:45"},
]
MEETING = {"weekday": 1, "first_period": 1, "last_period": 2, "weeks": [1, 2, 3], "room": ""}


def _notice(page: Page, text: str) -> Locator:
    return page.get_by_role("status").filter(has_text=text)


@pytest.fixture(scope="session")
def ids(base_url: str) -> Callable[[str], int]:
    """Tell the number of somebody of the cast."""
    known: dict[str, int] = {}

    def id_of(name: str) -> int:
        if name not in known:
            person = Person(base_url, name)
            known[name] = person.call("GET", "/auth/me")["id"]
            person.close()
        return known[name]

    return id_of


AddSection = Callable[..., dict[str, Any]]


@pytest.fixture
def term(registrar: Registrar, code: str) -> dict[str, Any]:
    """A term of sixteen weeks in Shanghai, from Monday, 7 September 2026."""
    fields = {"code": code, "name": f"Autumn {code}", "timezone": "Asia/Shanghai"}
    days = {"starts_on": "2026-09-07", "ends_on": "2026-12-27"}
    made: dict[str, Any] = registrar.call(
        "POST", "/api/terms", json=fields | days | {"periods": PERIODS}
    )
    return made


@pytest.fixture
def add_section(
    registrar: Registrar, term: dict[str, Any], code: str, ids: Callable[[str], int]
) -> AddSection:
    """Add a section of a course of its own to the term, whatever other tests have their cast do."""

    def add(number: str, *, teacher: str | None = None, **fields: Any) -> dict[str, Any]:
        course = registrar.add_course(f"{code}-{number}", f"Course {number}")
        body = {"course_id": course["id"], "term": term["code"], "section_code": "01"}
        if teacher:
            body["teacher_id"] = ids(teacher)
        made: dict[str, Any] = registrar.call(
            "POST", "/api/sections", params={"allow_conflicts": "true"}, json=body | fields
        )
        return made

    return add


def test_a_term_is_written_changed_and_removed(
    page: Page, sign_in: SignIn, registrar: Registrar, code: str
) -> None:
    sign_in("rosa", "/terms")
    page.get_by_role("link", name="New term").click()
    page.get_by_role("button", name="Create term").click()
    expect(page.get_by_label("Code")).to_be_focused()
    page.get_by_label("Code").fill(code)
    page.get_by_label("Name").fill("秋季学期")
    page.get_by_label("First day").fill("2026-09-08")
    page.get_by_label("Last day").fill("2026-09-07")
    page.get_by_role("combobox", name="Time zone").fill("Shanghai")
    page.get_by_role("option", name="Asia/Shanghai").click()
    page.get_by_role("button", name="Add a period").click()
    page.get_by_role("button", name="Add a period").click()
    page.get_by_role("group", name="Period 2").get_by_label("Ends").fill("08:50")
    page.get_by_role("button", name="Create term").click()
    expect(page.get_by_label("Last day")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Last day").fill("2026-12-27")
    page.get_by_role("group", name="Period 2").get_by_label("Ends").fill("09:40")
    page.get_by_role("button", name="Create term").click()
    expect(_notice(page, f"{code} is created.")).to_be_visible()
    row = page.get_by_role("row", name=code)
    expect(row).to_contain_text("16 weeks")
    expect(row).to_contain_text("2 periods")

    row.get_by_role("link").click()
    page.get_by_label("Name").fill("Autumn")
    page.get_by_role("button", name="Remove period 2").click()
    page.get_by_role("button", name="Save").click()
    expect(_notice(page, f"{code} is saved.")).to_be_visible()
    [term] = registrar.call("GET", "/api/terms", params={"q": code})["items"]
    assert (term["name"], term["timezone"], len(term["periods"])) == ("Autumn", "Asia/Shanghai", 1)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(_notice(page, f"{code} is deleted.")).to_be_visible()
    assert registrar.call("GET", "/api/terms", params={"q": code})["items"] == []


def test_a_term_in_use_stays(
    page: Page,
    sign_in: SignIn,
    term: dict[str, Any],
    add_section: AddSection,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.update({409, 412})
    add_section("A", meetings=[MEETING])
    sign_in("rosa", f"/terms/{term['id']}")
    page.get_by_role("button", name="Remove period 2").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Sections of this term stand in the way.")
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Sections of this term stand in the way.")


def test_a_section_is_written_published_archived_and_removed(
    page: Page, sign_in: SignIn, registrar: Registrar, term: dict[str, Any], code: str
) -> None:
    registrar.add_course(f"{code}-X", "Organic chemistry")
    sign_in("rosa", "/sections")
    page.get_by_role("link", name="New section").click()
    page.get_by_role("button", name="Create section").click()
    expect(page.get_by_role("combobox", name="Course")).to_be_focused()
    page.get_by_role("combobox", name="Course").fill(f"{code}-X")
    page.get_by_role("option", name=f"{code}-X").click()
    page.get_by_label("Term").select_option(term["code"])
    page.get_by_label("Section code").fill("01")
    page.get_by_label("Seats").fill("30")
    page.get_by_role("button", name="Add a meeting").click()
    meeting = page.get_by_role("group", name="Meeting 1")
    meeting.get_by_label("Day").select_option("Wednesday")
    meeting.get_by_label("To period").select_option("2")
    meeting.get_by_label("Weeks").fill("1-17")
    meeting.get_by_label("Room").fill("东上院202")
    page.get_by_role("button", name="Create section").click()
    expect(meeting).to_contain_text("Write weeks of the term")
    meeting.get_by_label("Weeks").fill("1-8, 10")
    page.get_by_role("button", name="Create section").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{code}-X · 01")
    expect(page.get_by_role("main")).to_contain_text(
        "Wednesday, period 1–2 · weeks 1–8, 10 · 东上院202"
    )
    [section] = registrar.call("GET", "/api/sections", params={"q": f"{code}-X"})["items"]
    assert section["meetings"][0]["weeks"] == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert (section["capacity"], section["status"]) == (30, "draft")

    for step, done in [
        ("Publish", "is published."),
        ("Archive", "is archived."),
        ("Back from the archive", "is published again."),
    ]:
        page.get_by_role("button", name=step).click()
        expect(_notice(page, done)).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Remove meeting 1").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("No meetings yet.")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(_notice(page, "is deleted.")).to_be_visible()
    assert registrar.call("GET", "/api/sections", params={"q": f"{code}-X"})["items"] == []


def test_sections_are_searched_and_filtered(
    page: Page, sign_in: SignIn, term: dict[str, Any], add_section: AddSection, code: str
) -> None:
    add_section("A", teacher="ben", status="published")
    add_section("B")
    sign_in("rosa", f"/sections?q={code}")
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_label("State").select_option("published")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("row", name=f"{code}-A")).to_contain_text("0 of 50")
    page.get_by_label("State").select_option("")
    page.get_by_label("Term").select_option(term["code"])
    page.get_by_role("combobox", name="Teacher").fill("ben")
    page.get_by_role("option", name=re.compile(r"\(ben\)")).click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("combobox", name="Course").fill(f"{code}-B")
    page.get_by_role("option", name=f"{code}-B").click()
    expect(page.get_by_text("No section matches")).to_be_visible()


def test_a_clash_is_told_and_rosa_may_save_it_anyway(
    page: Page,
    sign_in: SignIn,
    add_section: AddSection,
    registrar: Registrar,
    code: str,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(409)
    room = {"room": f"R-{code}"}
    add_section("A", meetings=[MEETING | room])
    section = add_section("B", meetings=[MEETING | room | {"weekday": 2}])
    sign_in("rosa", f"/sections/{section['id']}/edit")
    page.get_by_label("Day").select_option("Monday")
    page.get_by_role("button", name="Save").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Teacher or room is taken")
    expect(alert).to_contain_text(f"R-{code} has {code}-A · 01 · Monday, period 1–2")
    expect(alert).to_contain_text("3 days")
    page.get_by_role("button", name="Save anyway").click()
    expect(_notice(page, "is saved.")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text(f"{code}-A · 01")
    found = registrar.call("GET", f"/api/sections/{section['id']}")
    assert found["meetings"][0]["weekday"] == 1


def test_a_teacher_edits_own_sections_and_no_others(
    page: Page,
    sign_in: SignIn,
    add_section: AddSection,
    registrar: Registrar,
    code: str,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(409)
    # The demo school teaches on no Saturday.
    room = {"room": f"R-{code}", "weekday": 6}
    other = add_section("A", meetings=[MEETING | room])
    own = add_section("B", teacher="ben")
    sign_in("ben", f"/sections?q={code}")
    expect(page.get_by_role("link", name="New section")).to_have_count(0)
    page.get_by_label("Mine only").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name=f"{code}-B").click()
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_label("Seats")).to_have_value("50")
    expect(page.get_by_role("combobox", name="Course")).to_have_count(0)
    page.get_by_label("Seats").fill("7")
    page.get_by_role("button", name="Add a meeting").click()
    page.get_by_label("Day").select_option("Saturday")
    page.get_by_label("Room", exact=True).fill(f"R-{code}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text(f"{code}-A · 01")
    expect(page.get_by_role("button", name="Save anyway")).to_have_count(0)
    page.get_by_label("Room", exact=True).fill("")
    page.get_by_role("button", name="Save").click()
    expect(_notice(page, "is saved.")).to_be_visible()
    page.get_by_role("button", name="Publish").click()
    expect(_notice(page, "is published.")).to_be_visible()
    found = registrar.call("GET", f"/api/sections/{own['id']}")
    assert (found["capacity"], found["status"]) == (7, "published")
    page.goto(f"/sections/{other['id']}")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{code}-A · 01")
    expect(page.get_by_role("link", name="Edit")).to_have_count(0)
    page.goto(f"/sections/{other['id']}/edit")
    expect(page.get_by_text("Somebody else teaches this section")).to_be_visible()


def test_students_see_what_is_published(
    page: Page,
    sign_in: SignIn,
    add_section: AddSection,
    code: str,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(404)
    add_section("A", status="published")
    draft = add_section("B")
    sign_in("chloe", f"/sections?q={code}")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name=f"{code}-A").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{code}-A · 01")
    expect(page.get_by_text("Published")).to_be_visible()
    page.goto(f"/sections/{draft['id']}")
    expect(page.get_by_role("alert")).to_contain_text("There is nothing here")
    page.goto("/terms")
    expect(page.get_by_role("heading", level=1)).to_have_text("This is not for your role")


def test_a_section_that_was_changed_meanwhile_is_not_overwritten(
    page: Page,
    sign_in: SignIn,
    add_section: AddSection,
    registrar: Registrar,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(412)
    section = add_section("A")
    sign_in("rosa", f"/sections/{section['id']}/edit")
    page.get_by_label("Seats").fill("9")
    registrar.call("PATCH", f"/api/sections/{section['id']}", json={"capacity": 8})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Changed meanwhile")
    page.get_by_role("button", name="Load the current version").click()
    expect(page.get_by_label("Seats")).to_have_value("8")

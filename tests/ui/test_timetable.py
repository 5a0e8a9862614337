"""The week in the browser: of a student with a seat, of who teaches, on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from .conftest import CheckAccessible, Person, Registrar, SignIn
from .test_sections import MEETING, AddSection, add_section, ids, term

__all__ = ["add_section", "ids", "term"]
_WEEK = "/timetable?week=2026-W37"


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_student_has_a_week_and_goes_through_weeks(
    page: Page,
    add_section: AddSection,
    registrar: Registrar,
    student: Person,
    sign_in: SignIn,
    check_accessible: CheckAccessible,
    code: str,
    colours: str,
) -> None:
    meetings = [MEETING | {"weeks": [1, 3], "room": f"R-{code}"}]
    section = add_section("A", meetings=meetings, status="published")
    seats = f"/api/sections/{section['id']}/enrollments"
    registrar.call("POST", seats, json={"user_id": student.call("GET", "/auth/me")["id"]})
    page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
    sign_in(student.name, _WEEK)
    lead = page.get_by_role("main").get_by_role("status")
    expect(lead).to_contain_text(f"Week 1 of Autumn {code}")
    expect(page.get_by_role("columnheader")).to_have_count(6)
    for period in ["1", "2"]:
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=period))
        expect(row).to_contain_text(f"{code}-A · 01")
        expect(row).to_contain_text(f"8:00 AM–9:40 AM · R-{code}")
    check_accessible()
    page.get_by_role("button", name="Next week").click()
    expect(lead).to_contain_text(f"Week 2 of Autumn {code}")
    expect(page.get_by_text("Nothing this week")).to_be_visible()
    check_accessible()
    page.get_by_role("button", name="Previous week").press("Enter")
    expect(lead).to_contain_text("Week 1")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_role("heading", name="Monday")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text("Period 1–2")
    check_accessible()
    page.get_by_label("Language").select_option("zh-CN")
    expect(page.get_by_role("heading", level=1)).to_have_text("课表")
    expect(page.get_by_role("heading", name="星期一")).to_be_visible()
    check_accessible()
    page.get_by_role("link", name=f"{code}-A · 01").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{code}-A · 01")


def test_a_calendar_reads_the_week_until_its_address_is_replaced(
    page: Page,
    add_section: AddSection,
    student: Person,
    registrar: Registrar,
    sign_in: SignIn,
    check_accessible: CheckAccessible,
    code: str,
) -> None:
    section = add_section("A", meetings=[MEETING], status="published")
    seats = f"/api/sections/{section['id']}/enrollments"
    registrar.call("POST", seats, json={"user_id": student.call("GET", "/auth/me")["id"]})
    sign_in(student.name, _WEEK)
    page.get_by_role("button", name="Show the address").click()
    address = page.get_by_label("Address of the calendar")
    first = address.input_value()
    calendar = requests.get(first, timeout=10)
    assert calendar.headers["Content-Type"].startswith("text/calendar")
    assert f"{code}-A" in calendar.text
    check_accessible()
    page.get_by_role("button", name="Replace the address").click()
    page.get_by_role("dialog").get_by_role("button", name="Replace the address").click()
    expect(page.get_by_role("status").filter(has_text="The address is replaced.")).to_be_visible()
    expect(address).not_to_have_value(first)
    assert requests.get(first, timeout=10).status_code == 404
    assert requests.get(address.input_value(), timeout=10).text == calendar.text


def test_a_teacher_has_what_is_published_and_registrars_have_no_week(
    page: Page, add_section: AddSection, sign_in: SignIn, code: str, ids: Callable[[str], int]
) -> None:
    add_section("A", teacher="ben", meetings=[MEETING | {"weekday": 6}], status="published")
    add_section("B", teacher="ben", meetings=[MEETING | {"weekday": 7}])
    sign_in("ben", _WEEK)
    expect(page.get_by_role("columnheader", name="Saturday")).to_be_visible()
    expect(page.get_by_role("link", name=f"{code}-A · 01").first).to_be_visible()
    expect(page.get_by_role("link", name=f"{code}-B · 01")).to_have_count(0)
    page.get_by_role("button", name="This week").click()
    expect(page).not_to_have_url(re.compile("week="))
    page.get_by_role("button", name="Sign out").click()
    sign_in("rosa")
    expect(page.get_by_role("link", name="Timetable")).to_have_count(0)

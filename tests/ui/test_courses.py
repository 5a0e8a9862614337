"""Courses in the browser: found, read, written, changed and removed; and who may not."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Registrar, SignIn


def _notice(page: Page, text: str) -> Locator:
    return page.get_by_role("status").filter(has_text=text)


def test_rosa_finds_a_course_as_she_types(
    page: Page, sign_in: SignIn, registrar: Registrar, code: str
) -> None:
    registrar.add_course(f"{code}A", "有机化学")
    registrar.add_course(f"{code}B", "Thermodynamics")
    sign_in("rosa", "/courses")
    page.get_by_role("searchbox", name="Search courses").fill(f"{code.lower()}")
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("row", name=f"{code}A")).to_contain_text("有机化学")
    expect(page).to_have_url(re.compile(f"q={code.lower()}"))
    page.get_by_role("button", name="Clear the search").click()
    expect(page).to_have_url(re.compile("/courses$"))
    page.get_by_role("searchbox").fill(f"{code} no such thing")
    expect(page.get_by_text("Nothing matches")).to_be_visible()


def test_a_long_list_is_read_page_by_page(
    page: Page, sign_in: SignIn, registrar: Registrar, code: str
) -> None:
    for number in range(53):
        registrar.add_course(f"{code}-{number:02}", f"Course {number}")
    sign_in("chloe", f"/courses?q={code}")
    expect(page.get_by_text("50 shown")).to_be_visible()
    page.get_by_role("button", name="Load more").click()
    expect(page.get_by_text("53 shown")).to_be_visible()
    expect(page.get_by_role("button", name="Load more")).to_have_count(0)
    expect(page.get_by_role("row")).to_have_count(54)


def test_rosa_writes_a_course_changes_it_and_removes_it(
    page: Page, sign_in: SignIn, registrar: Registrar, code: str
) -> None:
    sign_in("rosa", "/courses")
    page.get_by_role("link", name="New course").click()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.get_by_label("Code").fill(code)
    page.get_by_label("Title").fill("有机化学 “Ⅱ”")
    page.get_by_label("Description").fill("First line\n第二行")
    page.get_by_label("Credits").fill("2.5")
    page.get_by_role("button", name="Create course").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("有机化学 “Ⅱ”")
    expect(_notice(page, f"{code} is in the catalogue.")).to_be_visible()
    expect(page.get_by_text("第二行")).to_be_visible()
    [course] = registrar.find_courses(code)
    assert (course["description"], course["credits"]) == ("First line\n第二行", 2.5)

    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_label("Credits")).to_have_value("2.5")
    page.get_by_label("Title").fill("Organic Chemistry")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Organic Chemistry")
    [course] = registrar.find_courses(code)
    assert (course["title"], course["description"]) == ("Organic Chemistry", "First line\n第二行")

    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name=f"Delete {code}?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("/courses$"))
    expect(_notice(page, f"{code} is deleted.")).to_be_visible()
    assert registrar.find_courses(code) == []


def test_what_is_wrong_is_said_at_its_field(
    page: Page,
    sign_in: SignIn,
    registrar: Registrar,
    code: str,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(409)
    registrar.add_course(code, "Taken")
    sign_in("rosa", "/courses/new")
    page.get_by_role("button", name="Create course").click()
    expect(page.get_by_label("Code")).to_be_focused()
    expect(page.get_by_text("Fill this in.")).to_have_count(2)
    page.get_by_label("Code").fill(code.lower())
    page.get_by_label("Title").fill("Another")
    page.get_by_label("Credits").fill("1000")
    page.get_by_role("button", name="Create course").click()
    expect(page.get_by_text("This number is too small or too large.")).to_be_visible()
    page.get_by_label("Credits").fill("3")
    page.get_by_role("button", name="Create course").click()
    expect(page.get_by_text("Another course has this code.")).to_be_visible()
    expect(page.get_by_label("Code")).to_have_attribute("aria-invalid", "true")
    assert len(registrar.find_courses(code)) == 1


def test_a_course_that_was_changed_meanwhile_is_not_overwritten(
    page: Page,
    sign_in: SignIn,
    registrar: Registrar,
    code: str,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(412)
    course = registrar.add_course(code, "Before")
    sign_in("rosa", f"/courses/{course['id']}/edit")
    page.get_by_label("Title").fill("Mine")
    registrar.change_course(course["id"], title="Theirs")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Changed meanwhile")
    assert registrar.find_courses(code)[0]["title"] == "Theirs"
    page.get_by_role("button", name="Load the current version").click()
    expect(page.get_by_label("Title")).to_have_value("Theirs")
    page.get_by_label("Title").fill("Mine, after theirs")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mine, after theirs")


def test_a_course_that_was_changed_meanwhile_is_not_deleted(
    page: Page,
    sign_in: SignIn,
    registrar: Registrar,
    code: str,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(412)
    course = registrar.add_course(code, "Before")
    sign_in("rosa", f"/courses/{course['id']}")
    page.get_by_role("button", name="Delete").click()
    registrar.change_course(course["id"], title="Worth keeping")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("alert")).to_contain_text("Changed meanwhile")
    page.get_by_role("button", name="Load the current version").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Worth keeping")
    assert len(registrar.find_courses(code)) == 1


@pytest.mark.parametrize("name", ["chloe", "ben"])
def test_a_reader_sees_courses_and_no_way_to_change_them(
    page: Page, sign_in: SignIn, registrar: Registrar, code: str, name: str
) -> None:
    course = registrar.add_course(code, "Read only", description="To be read.")
    sign_in(name, f"/courses?q={code}")
    expect(page.get_by_role("row", name=code)).to_be_visible()
    main = page.get_by_role("main")
    for role, label in [("link", "New course"), ("link", "Edit"), ("button", "Export")]:
        expect(main.get_by_role(role, name=label)).to_have_count(0)
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(
        ["Start", "Messages", "Courses", "Sections", "Timetable", "Your account"]
    )
    page.get_by_role("link", name="Read only").click()
    expect(page.get_by_text("To be read.")).to_be_visible()
    expect(main.get_by_role("link", name="Edit")).to_have_count(0)
    expect(main.get_by_role("button")).to_have_count(0)
    for path in [
        "/courses/new",
        f"/courses/{course['id']}/edit",
        "/imports",
        "/tasks",
        "/users",
        "/audit",
        "/operations",
    ]:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text("This is not for your role")


def test_a_course_that_is_not_there_is_said_to_be_so(
    page: Page, sign_in: SignIn, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(404)
    sign_in("chloe", "/courses/99999999")
    expect(page.get_by_role("alert")).to_contain_text("There is nothing here")
    page.get_by_role("link", name="All courses").click()
    expect(page.get_by_role("table")).to_be_visible()


def test_a_list_that_fails_can_be_asked_for_again(
    page: Page, sign_in: SignIn, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(503)
    problem = {"code": "pool_exhausted", "detail": "sentence of the server", "status": 503}
    page.route("**/api/courses?*", lambda route: route.fulfill(status=503, json=problem))
    sign_in("chloe", "/courses")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The service is busy.")
    expect(alert).not_to_contain_text("sentence of the server")
    page.unroute("**/api/courses?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("table")).to_be_visible()

"""Seats in the browser: given by those who keep sections, taken by students, waited for in line."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from .conftest import Person, Registrar, SignIn
from .test_sections import AddSection, add_section, ids, term

__all__ = ["add_section", "ids", "term"]


def _notice(page: Page, text: str) -> Locator:
    return page.get_by_role("status").filter(has_text=text)


def test_a_manager_enrols_a_student_and_a_registrar_the_next(
    page: Page,
    sign_in: SignIn,
    add_section: AddSection,
    student: Person,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(409)
    section = add_section("A", capacity=1, status="published")
    sign_in("amara", f"/sections/{section['id']}")
    expect(page.get_by_text("Nobody is enrolled yet.")).to_be_visible()
    page.get_by_role("combobox", name="Student").fill(student.name)
    page.get_by_role("option", name=student.name).click()
    page.get_by_role("button", name="Enrol").click()
    expect(_notice(page, f"{student.name} is enrolled.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    sign_in("rosa", f"/sections/{section['id']}")
    search = page.get_by_role("combobox", name="Student")
    search.fill("chloe")
    page.get_by_role("option", name="(chloe)").click()
    page.get_by_role("button", name="Enrol").click()
    expect(_notice(page, "chloe waits at place 1.")).to_be_visible()
    row = page.get_by_role("row", name="chloe")
    expect(row).to_contain_text("Waiting, place 1")
    search.fill("chloe")
    page.get_by_role("option", name="(chloe)").click()
    page.get_by_role("button", name="Enrol").click()
    expect(page.get_by_role("alert")).to_contain_text("enrolled in this section or waits for it")

    page.get_by_role("button", name=f"Withdraw {student.name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(_notice(page, f"{student.name} is withdrawn.")).to_be_visible()
    expect(row).to_contain_text("Enrolled")
    expect(page.get_by_role("main")).to_contain_text("1 of 1")


def test_a_student_takes_a_seat_and_leaves_it(
    page: Page,
    sign_in: SignIn,
    add_section: AddSection,
    registrar: Registrar,
    student: Person,
    ids: Callable[[str], int],
) -> None:
    section = add_section("A", capacity=1, status="published")
    seats = f"/api/sections/{section['id']}/enrollments"
    sign_in("chloe", f"/sections/{section['id']}")
    page.get_by_role("button", name="Enrol").click()
    expect(_notice(page, "You are enrolled in")).to_be_visible()
    student.call("POST", seats, json={"user_id": student.call("GET", "/auth/me")["id"]})
    page.get_by_role("button", name="Withdraw").click()
    expect(_notice(page, "You are no longer in")).to_be_visible()
    page.get_by_role("button", name="Join the waitlist").click()
    expect(page.get_by_text("Waiting, place 1")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(1)
    [first, second] = registrar.call("GET", seats)["items"]
    assert (first["user"]["username"], first["status"]) == (student.name, "enrolled")
    assert (second["user"]["id"], second["position"]) == (ids("chloe"), 1)
    page.get_by_role("button", name="Leave the waitlist").click()
    expect(page.get_by_role("button", name="Join the waitlist")).to_be_visible()


def test_where_students_do_not_enrol_themselves_it_says_so(
    page: Page, sign_in: SignIn, add_section: AddSection, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(403)
    section = add_section("A", status="published")
    page.route(
        "**/enrollments",
        lambda route: (
            route.fulfill(status=403, json={"code": "self_enrolment_closed"})
            if route.request.method == "POST"
            else route.continue_()
        ),
    )
    sign_in("chloe", f"/sections/{section['id']}")
    page.get_by_role("button", name="Enrol").click()
    expect(page.get_by_role("alert")).to_contain_text("Self-enrolment is closed.")


def test_a_teacher_reads_the_roster_of_an_own_section_only(
    page: Page,
    sign_in: SignIn,
    add_section: AddSection,
    registrar: Registrar,
    ids: Callable[[str], int],
) -> None:
    own, other = add_section("A", teacher="ben"), add_section("B")
    for section in (own, other):
        seats = f"/api/sections/{section['id']}/enrollments"
        registrar.call("POST", seats, json={"user_id": ids("dai")})
    sign_in("ben", f"/sections/{own['id']}")
    expect(page.get_by_role("row", name="dai")).to_contain_text("Enrolled")
    expect(page.get_by_role("button", name="Withdraw")).to_have_count(0)
    page.goto(f"/sections/{other['id']}")
    expect(page.get_by_role("heading", name="Meetings")).to_be_visible()
    expect(page.get_by_role("heading", name="Roster")).to_have_count(0)

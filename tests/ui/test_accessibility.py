"""Every page for everybody: clean by axe, in light and dark, in both languages, on a phone too."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .conftest import PASSWORD, CheckAccessible, Manager, Person, Registrar, SignIn
from .test_bulk import _counts, _upload
from .test_sections import MEETING, AddSection, add_section, ids, term

__all__ = ["add_section", "ids", "term"]

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 860}
_WORDS_OF_THE_DATA = {
    *("Rosa", "Delgado", "rosa", "rollcall", "example"),
    *("code", "title", "description", "credits"),
}


_WORDS_OF_PEOPLE = {
    *("Amara", "Okafor", "amara", "rollcall", "example", "English", "JSON"),
    *("username", "email", "full", "name", "role", "active"),
}
_WORDS_OF_SECTIONS = {"Course", "Autumn", "Spring", "term", "Tilda", "Nystr", "even"}


def _english(page: Page) -> list[str]:
    """The words in Latin letters of a page, but for ids of requests."""
    shown = re.sub(
        r"\b[0-9a-f]{8}(-[0-9a-f]{4,12}){4}\b", "", page.get_by_role("main").inner_text()
    )
    return re.findall(r"[A-Za-z]{4,}", shown)


@pytest.fixture(params=["light", "dark"])
def colours(request: pytest.FixtureRequest, page: Page) -> str:
    page.emulate_media(color_scheme=request.param, reduced_motion="reduce")
    return str(request.param)


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def screen(request: pytest.FixtureRequest, page: Page) -> dict[str, int]:
    page.set_viewport_size(request.param)
    return dict(request.param)


Settle = Callable[[], None]


@pytest.fixture
def settle(page: Page, check_accessible: CheckAccessible) -> Settle:
    """Wait until a page stands still, then check it."""

    def settle() -> None:
        page.wait_for_load_state("networkidle")
        check_accessible()

    return settle


@pytest.mark.usefixtures("colours", "screen")
def test_signing_in(page: Page, settle: Settle, allowed_statuses: set[int]) -> None:
    allowed_statuses.add(401)
    page.goto("/login")
    page.get_by_role("button", name="rosa, Registrar").wait_for()
    settle()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Fill this in.").first.wait_for()
    settle()
    page.get_by_label("Username or e-mail").fill("rosa")
    page.get_by_label("Password", exact=True).fill("wrong-Password-1")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    settle()


@pytest.mark.usefixtures("colours", "screen")
def test_courses(
    page: Page, settle: Settle, sign_in: SignIn, registrar: Registrar, code: str
) -> None:
    long = "无空格的很长很长的课程名称" * 9
    course = registrar.add_course(f"{code}-A-CODE-OF-31-CHARS", long, description="x" * 300)
    sign_in("rosa")
    settle()
    page.goto(f"/courses?q={code}")
    page.get_by_role("row", name=code).wait_for()
    settle()
    page.get_by_role("searchbox").fill("no such course anywhere")
    page.get_by_text("Nothing matches").wait_for()
    settle()
    page.goto(f"/courses/{course['id']}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name=re.compile("^Delete")).wait_for()
    settle()
    page.get_by_role("button", name="Cancel").click()
    settle()
    page.goto("/courses/new")
    page.get_by_role("button", name="Create course").click()
    page.get_by_text("Fill this in.").first.wait_for()
    settle()
    page.goto("/no-such-page")
    page.get_by_text("There is no such page").wait_for()
    settle()


@pytest.mark.usefixtures("colours", "screen")
def test_imports_and_tasks(
    page: Page, settle: Settle, sign_in: SignIn, registrar: Registrar, code: str
) -> None:
    registrar.add_course(f"{code}1", "Before", description="Gone soon")
    sign_in("rosa", "/imports")
    page.get_by_label("CSV file").wait_for()
    settle()
    rows = f"code,title,description\n{code}1,After,\n{code}2,New,New\n{code}3,,\n"
    _upload(page, rows, mode="Preview")
    _counts(page)
    page.get_by_role("row", name=f"{code}3").wait_for()
    settle()
    _upload(page, b"\x89PNG\r\n\x1a\n", mode="Import at once")
    page.get_by_role("alert").wait_for(timeout=30_000)
    settle()
    page.goto("/tasks")
    page.get_by_role("table").wait_for()
    settle()
    page.goto(f"/courses?q={code}")
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Download CSV").wait_for(timeout=30_000)
    settle()


@pytest.mark.usefixtures("colours", "screen")
def test_the_way_into_an_account(page: Page, settle: Settle, allowed_statuses: set[int]) -> None:
    allowed_statuses.update({400, 403, 429})
    page.goto("/register")
    page.get_by_role("listitem").first.wait_for()
    settle()
    page.get_by_label("Password", exact=True).fill("Short1")
    page.get_by_role("button", name="Make the account").click()
    page.get_by_text("Fill this in.").first.wait_for()
    settle()
    page.goto("/forgot-password")
    page.get_by_label("E-mail").fill("nobody-has-this@rollcall.example")
    settle()
    page.route(
        "**/auth/forgot-password",
        lambda route: route.fulfill(
            status=429, json={"code": "too_many_attempts"}, headers={"Retry-After": "600"}
        ),
    )
    page.get_by_role("button", name="Send the mail").click()
    page.get_by_role("alert").wait_for()
    settle()
    page.unroute("**/auth/forgot-password")
    page.goto("/forgot-username")
    page.get_by_label("E-mail").fill("nobody-has-this@rollcall.example")
    page.get_by_role("button", name="Send the mail").click()
    page.get_by_text("If somebody has this address").wait_for()
    settle()
    page.goto("/reset-password?token=used-long-ago")
    page.get_by_label("New password").fill(PASSWORD)
    settle()
    page.get_by_role("button", name="Set the password").click()
    page.get_by_role("alert").wait_for()
    settle()


@pytest.mark.usefixtures("colours", "screen")
def test_the_account(page: Page, settle: Settle, sign_in: SignIn) -> None:
    sign_in("chloe", "/account")
    page.get_by_role("combobox", name="Time zone").wait_for()
    settle()
    page.get_by_role("combobox", name="Time zone").click()
    page.get_by_role("listbox").get_by_role("option").first.wait_for()
    settle()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Change the password").click()
    page.get_by_text("Fill this in.").first.wait_for()
    settle()


@pytest.mark.usefixtures("colours", "screen")
def test_users_and_the_log(
    page: Page, settle: Settle, sign_in: SignIn, student: Person, manager: Manager
) -> None:
    user = manager.find_user(student.name)
    assert user is not None
    manager.change_user(student.name, active=False, role="teacher")
    sign_in("amara", f"/users?q={student.name}")
    page.get_by_role("row", name=student.name).wait_for()
    settle()
    page.get_by_role("link", name=student.name).click()
    page.get_by_role("button", name="Activate again").wait_for()
    settle()
    page.get_by_role("button", name="Erase").click()
    page.get_by_role("dialog").wait_for()
    settle()
    page.goto("/users/new")
    page.get_by_role("button", name="Create and invite").click()
    page.get_by_text("Fill this in.").first.wait_for()
    settle()
    page.goto("/imports?kind=users")
    page.get_by_role("switch").wait_for()
    settle()
    page.goto(f"/audit?object_kind=user&object_id={user['id']}")
    page.get_by_role("row").filter(has_text="Role changed").wait_for()
    settle()


def test_a_phone_has_its_menu_behind_a_button(page: Page, settle: Settle, sign_in: SignIn) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in("rosa")
    courses = page.get_by_role("navigation").get_by_role("link", name="Courses")
    expect(courses).to_be_hidden()
    menu = page.get_by_role("button", name="Menu")
    menu.press("Enter")
    expect(menu).to_have_attribute("aria-expanded", "true")
    expect(courses).to_be_in_viewport()
    settle()
    courses.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Courses")
    expect(courses).to_be_hidden()


def test_a_closed_menu_is_out_of_the_keyboards_way(page: Page, sign_in: SignIn) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in("rosa", "/courses")
    page.get_by_role("table").wait_for()
    page.reload()
    page.get_by_role("table").wait_for()
    focused: list[Any] = []
    for _ in range(12):
        page.keyboard.press("Tab")
        focused.append(page.evaluate("document.activeElement.closest('nav') !== null"))
    assert not any(focused)


def test_everything_is_there_in_chinese(
    page: Page, settle: Settle, sign_in: SignIn, code: str
) -> None:
    sign_in("rosa", "/imports")
    _upload(page, f"code,title\n{code},新\n{code}2,\n", mode="Preview")
    _counts(page)
    page.get_by_label("Language").select_option("zh-CN")
    expect(page.get_by_role("button", name="执行此预览")).to_be_visible()
    expect(page.get_by_role("row", name=f"{code}2")).to_contain_text("请填写此项。")
    settle()
    for path, heading in [("/", "您好"), (f"/courses?q={code}", "课程"), ("/imports", "导入课程")]:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
        settle()
        assert set(_english(page)) <= _WORDS_OF_THE_DATA, path


def test_the_pages_about_people_are_there_in_chinese(
    page: Page, settle: Settle, sign_in: SignIn
) -> None:
    page.goto("/login")
    page.get_by_label("Language").select_option("zh-CN")
    for path in ["/register", "/forgot-username", "/forgot-password", "/reset-password"]:
        page.goto(path)
        settle()
        assert _english(page) == [], path
    page.goto("/login")
    page.get_by_label("语言").select_option("en")
    sign_in("amara")
    page.get_by_label("Language").select_option("zh-CN")
    for path in ["/account", "/users/new", "/imports?kind=users", "/audit?action=authz_change"]:
        page.goto(path)
        settle()
        assert set(_english(page)) <= _WORDS_OF_PEOPLE, path


def _in_chinese(page: Page, settle: Settle) -> set[str]:
    """Show the page in Chinese, check it, and return what of it is neither Chinese nor a code."""
    page.get_by_label("Language").select_option("zh-CN")
    settle()
    words = set(_english(page))
    page.get_by_label("语言").select_option("en")
    return words


@pytest.mark.usefixtures("colours", "screen")
def test_files_of_a_course(
    page: Page,
    settle: Settle,
    sign_in: SignIn,
    registrar: Registrar,
    code: str,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(409)
    course = registrar.add_course(code, "课")
    for title in ["无空格的很长很长的文件名称" * 9, "1.txt"]:
        announced = {"filename": "1.txt", "content_type": "text/plain", "size": 3}
        registrar.call(
            "POST",
            "/api/course_attachments",
            json=announced | {"course": course["id"], "title": title},
        )
    sign_in("rosa", f"/courses/{course['id']}")
    page.get_by_role("row", name="1.txt").first.wait_for()
    settle()
    page.get_by_role("button", name="Add a file").click()
    page.get_by_role("button", name="Upload").click()
    page.get_by_text("Choose a file first.").wait_for()
    settle()
    page.locator("input[type=file]").set_input_files(
        {"name": "2.pdf", "mimeType": "application/pdf", "buffer": b"MZ"}
    )
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("alert").wait_for()
    settle()
    assert _in_chinese(page, settle) <= _WORDS_OF_THE_DATA
    page.get_by_role("button", name="Remove 1.txt").click()
    page.get_by_role("dialog").wait_for()
    settle()


@pytest.mark.usefixtures("colours", "screen")
def test_terms_and_sections(
    page: Page,
    settle: Settle,
    sign_in: SignIn,
    term: dict[str, Any],
    add_section: AddSection,
    code: str,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(409)
    meeting = MEETING | {"room": f"无空格的很长很长的教室名称 {code}"}
    add_section("A", teacher="tilda", meetings=[meeting], status="published")
    clashing = add_section("B", meetings=[meeting | {"weekday": 2}])
    sign_in("rosa", "/terms")
    page.get_by_role("row", name=code).wait_for()
    settle()
    page.goto("/terms/new")
    page.get_by_role("button", name="Add a period").click()
    page.get_by_role("button", name="Create term").click()
    page.get_by_text("Fill this in.").first.wait_for()
    settle()
    page.goto(f"/terms/{term['id']}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").wait_for()
    settle()
    page.goto(f"/sections?q={code}")
    page.get_by_role("row", name=f"{code}-A").wait_for()
    settle()
    assert _in_chinese(page, settle) <= _WORDS_OF_THE_DATA | _WORDS_OF_SECTIONS
    page.get_by_role("combobox", name="Course").click()
    page.get_by_role("listbox").get_by_role("option").first.wait_for()
    settle()
    page.goto("/sections/new")
    page.get_by_role("button", name="Add a meeting").click()
    page.get_by_role("button", name="Create section").click()
    page.get_by_text("Fill this in.").first.wait_for()
    settle()
    page.goto(f"/sections/{clashing['id']}/edit")
    page.get_by_label("Day").select_option("1")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Save anyway").wait_for()
    settle()
    page.get_by_role("button", name="Save anyway").click()
    page.get_by_role("heading", name="Meetings").wait_for()
    page.get_by_role("alert").wait_for()
    settle()
    assert _in_chinese(page, settle) <= _WORDS_OF_THE_DATA | _WORDS_OF_SECTIONS


@pytest.mark.usefixtures("colours", "screen")
def test_a_roster(
    page: Page,
    settle: Settle,
    sign_in: SignIn,
    add_section: AddSection,
    registrar: Registrar,
    ids: Callable[[str], int],
) -> None:
    section = add_section("A", capacity=1, status="published")
    for name in ["dai", "chloe"]:
        seats = f"/api/sections/{section['id']}/enrollments"
        registrar.call("POST", seats, json={"user_id": ids(name)})
    sign_in("amara", f"/sections/{section['id']}")
    page.get_by_role("row", name="chloe").wait_for()
    settle()
    assert {"Roster", "Enrolled", "Waiting"}.isdisjoint(_in_chinese(page, settle))
    page.get_by_role("button", name="Withdraw chloe").click()
    page.get_by_role("dialog").wait_for()
    settle()

"""Managers keep everybody's accounts; nobody else even sees where."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from .conftest import PASSWORD, Manager, Person, SignIn
from .test_bulk import OUTCOMES, _counts, _table, _upload

_WORK_MILLISECONDS = 30_000


def _notice(page: Page, text: str) -> None:
    expect(page.get_by_role("status").filter(has_text=text)).to_be_visible()


def test_a_user_is_made_and_invited(
    page: Page, sign_in: SignIn, manager: Manager, code: str
) -> None:
    name = code.lower()
    sign_in("amara", "/users")
    page.get_by_role("link", name="New user").click()
    page.get_by_role("button", name="Create and invite").click()
    expect(page.get_by_label("Username")).to_be_focused()
    page.get_by_label("Username").fill(code)
    page.get_by_label("E-mail").fill(f"{name}@rollcall.example")
    page.get_by_label("Full name").fill("Nadia 新")
    page.get_by_label("Role").select_option("teacher")
    page.get_by_role("button", name="Create and invite").click()
    _notice(page, f"{name} is invited.")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    user = manager.find_user(name)
    assert user is not None
    assert (user["full_name"], user["role"], user["active"]) == ("Nadia 新", "teacher", True)
    page.get_by_role("button", name="Send a link to set a password").click()
    _notice(page, f"The mail to {name} is on its way.")


def test_a_user_is_found_and_changed(
    page: Page, sign_in: SignIn, student: Person, manager: Manager
) -> None:
    sign_in("amara", "/users")
    page.get_by_role("searchbox").fill(student.name.upper())
    row = page.get_by_role("row", name=student.name)
    expect(row).to_contain_text("Student")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_label("Role").select_option("manager")
    expect(page.get_by_text("Nobody matches")).to_be_visible()
    page.get_by_label("Role").select_option("student")
    row.get_by_role("link").click()
    page.get_by_label("Full name").fill("Changed")
    page.get_by_label("Role").select_option("registrar")
    page.get_by_role("button", name="Save").click()
    _notice(page, f"{student.name} is saved.")
    user = manager.find_user(student.name)
    assert user is not None
    assert (user["full_name"], user["role"]) == ("Changed", "registrar")
    page.go_back()
    expect(page.get_by_label("Role")).to_have_value("student")


def test_who_is_deactivated_is_out_at_once_and_can_come_back(
    page: Page, sign_in: SignIn, student: Person, manager: Manager, base_url: str
) -> None:
    user = manager.find_user(student.name)
    assert user is not None
    sign_in("amara", f"/users/{user['id']}")
    page.get_by_role("button", name="Deactivate").click()
    _notice(page, f"{student.name} is deactivated")
    expect(page.get_by_text("This user cannot sign in.")).to_be_visible()
    with pytest.raises(Exception, match="401"):
        student.call("GET", "/auth/me")
    page.goto(f"/users?q={student.name}&active=false")
    expect(page.get_by_role("row", name=student.name)).to_contain_text("Deactivated")
    page.get_by_role("link", name=student.name).click()
    page.get_by_role("button", name="Activate again").click()
    _notice(page, f"{student.name} is active again.")
    login = {"username": student.name, "password": PASSWORD}
    assert requests.post(f"{base_url}/auth/login", json=login, timeout=30).status_code == 200


def test_a_user_who_was_changed_meanwhile_is_not_overwritten(
    page: Page,
    sign_in: SignIn,
    student: Person,
    manager: Manager,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(412)
    user = manager.find_user(student.name)
    assert user is not None
    sign_in("amara", f"/users/{user['id']}")
    page.get_by_label("Full name").fill("Mine")
    manager.change_user(student.name, full_name="Theirs")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Changed meanwhile")
    page.get_by_role("button", name="Load the current version").click()
    expect(page.get_by_label("Full name")).to_have_value("Theirs")
    page.get_by_label("Full name").fill("Mine, after theirs")
    page.get_by_role("button", name="Save").click()
    _notice(page, f"{student.name} is saved.")
    manager.change_user(student.name, full_name="Theirs again")
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_role("alert")).to_contain_text("Changed meanwhile")
    page.get_by_role("button", name="Load the current version").click()
    page.get_by_role("button", name="Deactivate").click()
    _notice(page, f"{student.name} is deactivated")


def test_the_last_manager_stays(
    page: Page, sign_in: SignIn, manager: Manager, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(409)
    user = manager.find_user("amara")
    assert user is not None
    sign_in("amara", f"/users/{user['id']}")
    page.get_by_label("Role").select_option("registrar")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("An active manager has to be left.")).to_be_visible()
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_role("alert")).to_contain_text("An active manager has to be left.")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"status": 409, "json": {"code": "mail_suppressed"}}, "Mails to this address came back"),
        ({"status": 409, "json": {"code": "user_erased"}}, "This account was erased."),
    ],
)
def test_a_link_that_cannot_be_sent_says_why(
    page: Page,
    sign_in: SignIn,
    student: Person,
    manager: Manager,
    allowed_statuses: set[int],
    answer: dict[str, Any],
    sentence: str,
) -> None:
    allowed_statuses.add(409)
    user = manager.find_user(student.name)
    assert user is not None
    sign_in("amara", f"/users/{user['id']}")
    page.route("**/api/users/*/invite", lambda route: route.fulfill(**answer))
    page.get_by_role("button", name="Send a link to set a password").click()
    expect(page.get_by_role("alert")).to_contain_text(sentence)


def test_erasing_asks_for_the_name(
    page: Page, sign_in: SignIn, student: Person, manager: Manager
) -> None:
    user = manager.find_user(student.name)
    assert user is not None
    sign_in("amara", f"/users/{user['id']}")
    page.get_by_role("button", name="Erase").click()
    dialog = page.get_by_role("dialog", name=f"Erase {student.name} for ever?")
    erase = dialog.get_by_role("button", name="Erase")
    expect(erase).to_be_disabled()
    dialog.get_by_role("textbox").fill("somebody-else")
    expect(erase).to_be_disabled()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Erase").click()
    dialog.get_by_role("textbox").fill(student.name)
    dialog.get_by_role("textbox").press("Enter")
    _notice(page, f"{student.name} is erased.")
    assert manager.find_user(student.name) is None
    page.goto(f"/users/{user['id']}")
    expect(page.get_by_text("This account was erased.")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("name", ["chloe", "ben", "rosa"])
def test_nobody_else_sees_users_or_the_log(page: Page, sign_in: SignIn, name: str) -> None:
    sign_in(name)
    navigation = page.get_by_role("navigation")
    expect(navigation.get_by_role("link", name="Your account")).to_be_visible()
    for label in ["Users", "Audit log", "Operations"]:
        expect(page.get_by_role("link", name=label)).to_have_count(0)
    for path in ["/users", "/users/new", "/users/1", "/audit", "/operations"]:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text("This is not for your role")


def test_a_file_of_users_goes_in_and_comes_out(
    page: Page, sign_in: SignIn, manager: Manager, code: str
) -> None:
    name = code.lower()
    sign_in("amara", "/users")
    page.get_by_role("main").get_by_role("link", name="Import").click()
    expect(page.get_by_role("radio", name="Users")).to_be_checked()
    expect(page.get_by_role("switch", name="Invite new users")).to_be_checked()
    rows = (
        "username,email,full_name,role\n"
        f"{name}1,{name}1@rollcall.example,One,teacher\n"
        f"{name}2,{name}2@rollcall.example,二,\n"
        f"{name}3,not-an-address,Three,student\n"
    )
    _upload(page, rows, mode="Import at once", path="/imports?kind=users", name="users.csv")
    assert _counts(page) == dict(zip(OUTCOMES, [3, 2, 0, 0, 1], strict=True))
    expect(page.get_by_role("heading", level=1)).to_have_text("Import of users")
    page.get_by_role("main").get_by_role("link", name="Users").click()
    expect(page).to_have_url(re.compile("/users$"))
    assert manager.find_user(f"{name}1") is not None

    page.get_by_role("searchbox").fill(name)
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=_WORK_MILLISECONDS) as download:
        page.get_by_role("button", name="Download CSV").click(timeout=_WORK_MILLISECONDS)
    exported = {row["username"]: row for row in _table(download.value)}
    assert {row["full_name"] for row in exported.values()} == {"One", "二"}

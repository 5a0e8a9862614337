"""Signing in and out, and what a page does when the session is over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, Request, expect

from .conftest import PASSWORD, Manager, Person, SignIn

KEPT = "rollcall.session"


def _kept(page: Page) -> dict[str, Any]:
    """What the browser keeps of the session."""
    kept: dict[str, Any] = page.evaluate(f"JSON.parse(localStorage.getItem('{KEPT}'))")
    return kept


def _change_kept(page: Page, **changes: Any) -> None:
    changed = json.dumps({**_kept(page), **changes})
    page.evaluate("([key, value]) => localStorage.setItem(key, value)", [KEPT, changed])


def _count(page: Page, path: str) -> Callable[[], int]:
    """Count the requests of all tabs to a path from now on."""
    seen: list[Request] = []
    page.context.on("request", lambda sent: seen.append(sent) if sent.url.endswith(path) else None)
    return lambda: len(seen)


def test_rosa_signs_in_and_sees_her_account(page: Page, sign_in: SignIn) -> None:
    sign_in("rosa")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rosa")
    account = page.get_by_role("region", name="Your account")
    expect(account).to_contain_text("rosa@rollcall.example")
    expect(account).to_contain_text("Registrar")
    expect(page).to_have_title(re.compile("Rosa.*Rollcall"))


def test_an_address_is_as_good_as_the_username(page: Page, sign_in: SignIn) -> None:
    sign_in("rosa@rollcall.example")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rosa")


def test_the_keyboard_is_enough_to_sign_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Username or e-mail").focus()
    page.keyboard.type("rosa")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rosa")
    page.reload()
    page.get_by_role("heading", level=1).wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


@pytest.mark.parametrize(("name", "password"), [("rosa", "wrong-Password-1"), ("nobody", PASSWORD)])
def test_a_wrong_password_or_name_is_one_and_the_same_refusal(
    page: Page, allowed_statuses: set[int], name: str, password: str
) -> None:
    allowed_statuses.add(401)
    page.goto("/login")
    page.get_by_label("Username or e-mail").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Username or password is wrong.")
    expect(page).to_have_url(re.compile("/login$"))


def test_empty_fields_are_named_before_anything_is_sent(page: Page) -> None:
    page.goto("/login")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Fill this in.")).to_have_count(2)


def test_the_demo_accounts_fill_the_form_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_role("button", name="chloe, Student").click()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Chloe")


def test_without_the_local_cloud_there_are_no_demo_accounts(
    page: Page, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(404)
    page.route("**/_local/queues", lambda route: route.fulfill(status=404))
    with page.expect_response("**/_local/queues"):
        page.goto("/login")
    page.get_by_role("button", name="Sign in").wait_for()
    expect(page.get_by_text(PASSWORD)).to_have_count(0)


def test_a_deep_link_survives_signing_in(page: Page, sign_in: SignIn) -> None:
    sign_in("chloe", "/courses?q=CS101")
    expect(page).to_have_url(re.compile(r"/courses\?q=CS101$"))
    expect(page.get_by_role("searchbox")).to_have_value("CS101")


def test_the_login_page_does_not_lead_elsewhere(page: Page, sign_in: SignIn, base_url: str) -> None:
    sign_in("chloe", "/login?next=//evil.example/courses")
    expect(page).to_have_url(f"{base_url}/")


def test_a_session_that_ended_leads_to_the_login_and_back(
    page: Page, sign_in: SignIn, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(401)
    sign_in("rosa")
    _change_kept(page, access="no-longer-valid", refresh="neither")
    page.goto("/courses?q=CS101")
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    page.get_by_label("Username or e-mail").fill("rosa")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/courses\?q=CS101$"))


def test_a_session_outlives_its_tab(page: Page, sign_in: SignIn) -> None:
    sign_in("rosa")
    another = page.context.new_page()
    page.close()
    another.goto("/courses")
    expect(another.get_by_role("table")).to_be_visible()


def test_an_expired_access_token_is_renewed_once_for_two_tabs(page: Page, sign_in: SignIn) -> None:
    sign_in("rosa")
    before = _kept(page)
    another = page.context.new_page()
    another.goto("/tasks")
    refreshes = _count(page, "/auth/refresh")
    _change_kept(page, expiresAt=0)
    for tab, path in [(page, "/courses"), (another, "/courses/new")]:
        tab.evaluate("path => { setTimeout(() => location.assign(path)) }", path)
    expect(page.get_by_role("table")).to_be_visible()
    expect(another.get_by_label("Code")).to_be_visible()
    assert refreshes() == 1
    after = _kept(another)
    assert after["id"] == before["id"]
    assert after["refresh"] != before["refresh"]
    page.reload()
    expect(page.get_by_role("table")).to_be_visible()


def test_a_refused_access_token_is_renewed_without_a_word(
    page: Page, sign_in: SignIn, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(401)
    sign_in("rosa", "/courses/new")
    _change_kept(page, access="no-longer-valid")
    page.get_by_role("navigation").get_by_role("link", name="Courses").click()
    expect(page.get_by_role("table")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert _kept(page)["access"] != "no-longer-valid"


def test_another_role_comes_without_signing_in_again(
    page: Page,
    sign_in: SignIn,
    student: Person,
    manager: Manager,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(401)
    sign_in(student.name)
    navigation = page.get_by_role("navigation")
    expect(navigation.get_by_role("link", name="Import")).to_have_count(0)
    manager.change_user(student.name, role="registrar")
    navigation.get_by_role("link", name="Courses").click()
    expect(navigation.get_by_role("link", name="Import")).to_be_visible()
    expect(navigation).to_contain_text("Registrar")


def test_signing_out_ends_all_tabs_and_the_session_itself(
    page: Page, sign_in: SignIn, base_url: str
) -> None:
    sign_in("rosa", "/courses")
    kept = _kept(page)
    another = page.context.new_page()
    another.goto("/tasks")
    expect(another.get_by_role("heading", level=1)).to_have_text("Tasks")
    with page.expect_response("**/auth/logout") as ended:
        page.get_by_role("button", name="Sign out").click()
    assert ended.value.status == 204
    expect(page.get_by_text("You have signed out.")).to_be_visible()
    expect(another.get_by_text("Your session has ended.")).to_be_visible()
    expect(another).to_have_url(re.compile("next=%2Ftasks$"))
    again = {"refresh_token": kept["refresh"]}
    assert requests.post(f"{base_url}/auth/refresh", json=again, timeout=30).status_code == 401


def test_signing_in_continues_the_other_tabs(page: Page, sign_in: SignIn) -> None:
    another = page.context.new_page()
    another.goto("/courses?q=CS101")
    expect(another.get_by_role("button", name="Sign in")).to_be_visible()
    sign_in("chloe")
    expect(another.get_by_role("searchbox")).to_have_value("CS101")


def test_too_many_tries_say_how_long_to_wait(page: Page, allowed_statuses: set[int]) -> None:
    allowed_statuses.add(429)
    page.route(
        "**/auth/login",
        lambda route: route.fulfill(
            status=429, json={"code": "too_many_attempts"}, headers={"Retry-After": "62"}
        ),
    )
    page.goto("/login")
    page.get_by_label("Username or e-mail").fill("rosa")
    page.get_by_label("Password", exact=True).fill("wrong-Password-1")
    page.get_by_role("button", name="Sign in").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Try again in 1 min")
    expect(alert).to_contain_text(re.compile("in [0-9]+ sec"))
    expect(page.get_by_role("button", name="Sign in")).to_be_disabled()


def test_signing_out_leaves_nothing_behind(page: Page, sign_in: SignIn) -> None:
    sign_in("rosa", "/courses")
    page.get_by_role("table").wait_for()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/login$"))
    assert KEPT not in page.evaluate("Object.keys(localStorage)")
    assert page.evaluate("Object.keys(sessionStorage)") == []
    page.goto("/courses")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_the_language_is_chosen_and_kept(page: Page, sign_in: SignIn) -> None:
    sign_in("dai", "/courses")
    page.get_by_label("Language").select_option("zh-CN")
    expect(page.get_by_role("heading", level=1)).to_have_text("课程")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("课程")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_the_colours_are_chosen_and_kept(page: Page) -> None:
    page.goto("/login")
    page.get_by_role("button", name="Switch to dark colours").click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    page.reload()
    expect(page.get_by_role("button", name="Switch to light colours")).to_be_visible()

"""Signing in and out, and what a page does when the session is over."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from .conftest import PASSWORD, SignIn


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
    page.evaluate("sessionStorage.setItem('rollcall.token', 'no-longer-valid')")
    page.goto("/courses?q=CS101")
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    page.get_by_label("Username or e-mail").fill("rosa")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/courses\?q=CS101$"))


def test_signing_out_leaves_nothing_behind(page: Page, sign_in: SignIn) -> None:
    sign_in("rosa", "/courses")
    page.get_by_role("table").wait_for()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/login$"))
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

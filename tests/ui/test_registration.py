"""Making an account: the rules of passwords as one types, refusals at their fields, the way on."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from .conftest import PASSWORD, Person


def _fill(page: Page, *, name: str, email: str, password: str) -> None:
    page.goto("/register")
    page.get_by_label("Username").fill(name)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)


def test_an_account_is_made_and_leads_to_the_sign_in(page: Page, code: str) -> None:
    name = code.lower()
    page.goto("/login")
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Full name").wait_for()
    page.get_by_label("Username").fill(code)
    page.get_by_label("E-mail").fill(f"{name}@rollcall.example")
    page.get_by_label("Full name").fill("戴 “New” Student")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    done = page.get_by_role("status").filter(has_text="Your account is made")
    expect(done).to_contain_text(f"Welcome, {name}.")
    expect(done.get_by_role("timer")).to_have_text(re.compile("Going on in [123] second"))
    expect(done.get_by_role("link", name="Sign in")).to_be_visible()
    expect(page).to_have_url(re.compile("/login$"), timeout=6_000)
    expect(page.get_by_label("Username or e-mail")).to_have_value(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello, 戴 “New” Student")
    expect(page.get_by_role("region", name="Your account")).to_contain_text("Student")


def test_who_does_not_want_to_wait_goes_on_at_once(page: Page, code: str) -> None:
    page.clock.install()
    _fill(page, name=code, email=f"{code}@rollcall.example", password=PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("status").get_by_role("link", name="Sign in").click()
    expect(page).to_have_url(re.compile("/login$"))


def test_the_rules_of_a_password_are_checked_while_one_types(page: Page) -> None:
    page.goto("/register")
    rules = page.get_by_role("list", name="What a password has to be like").get_by_role("listitem")
    expect(rules).to_have_count(4)
    password = page.get_by_label("Password", exact=True)
    password.fill("Abc1")
    expect(rules.nth(0)).to_contain_text("(not yet)")
    expect(rules.nth(1)).to_contain_text("(done)")
    password.fill("abcdefghijkl")
    expect(rules.nth(0)).to_contain_text("(done)")
    expect(rules.nth(1)).to_contain_text("(not yet)")
    expect(rules.nth(2)).to_contain_text("(checked when you send it)")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_label("Username")).to_be_focused()
    expect(page.get_by_text("This does not keep all the rules")).to_be_visible()


def test_what_only_the_server_can_tell_is_said_at_the_field_and_the_rule(
    page: Page, code: str, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(422)
    _fill(page, name=code, email=f"{code}@rollcall.example", password=f"1-{code.lower()}-A-b")
    page.get_by_role("button", name="Make the account").click()
    password = page.get_by_label("Password", exact=True)
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_be_focused()
    personal = page.get_by_role("listitem").filter(has_text="your username or e-mail name")
    expect(personal).to_contain_text("(not yet)")
    password.fill(PASSWORD)
    expect(personal).to_contain_text("(checked when you send it)")


def test_a_name_or_address_that_is_taken_is_said_at_its_field(
    page: Page, student: Person, code: str, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(409)
    _fill(page, name=student.name, email=f"{code}-2@rollcall.example", password=PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_text("Another user has this username")).to_be_visible()
    expect(page.get_by_label("Username")).to_be_focused()
    page.get_by_label("Username").fill(f"{student.name}x")
    page.get_by_label("E-mail").fill(f"{student.name}@ROLLCALL.example")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_text("Another user has this e-mail address.")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_be_focused()


def test_a_school_that_makes_accounts_itself_says_so(
    page: Page, code: str, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(403)
    page.route(
        "**/auth/register",
        lambda route: route.fulfill(status=403, json={"code": "registration_closed"}),
    )
    _fill(page, name=code, email=f"{code}@rollcall.example", password=PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_text("This school makes accounts itself")).to_be_visible()
    expect(page.get_by_role("button", name="Make the account")).to_have_count(0)
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="Make an account")).to_have_count(0)

"""The whole loop of an account, with the mails that the local cloud keeps: register, sign in,
change the password, forget it, set another by the link, and find the old sessions ended.
"""

from __future__ import annotations

import re
import time

import requests
from playwright.sync_api import Page, expect

from .conftest import PASSWORD, Manager, Person, SignIn, sign_in_on

_MAIL_SECONDS = 30
_SECOND = "Second-Password-2026"
_THIRD = "Third-Password-2026"


def _mail(base_url: str, to: str, subject: str) -> str:
    """Wait for the newest mail to an address that is about this, and return its text."""
    deadline = time.monotonic() + _MAIL_SECONDS
    while time.monotonic() < deadline:
        answer = requests.get(f"{base_url}/_local/mail", params={"to": to}, timeout=30)
        for mail in answer.json()["items"]:
            if subject in mail["subject"]:
                return str(mail["text"])
        time.sleep(0.3)
    raise AssertionError(f"no mail about {subject} came")


def _link(text: str) -> str:
    found = re.search(r"https?://\S+/reset-password\?token=\S+", text)
    assert found, text
    return found[0]


def _set_password(page: Page, link: str, password: str) -> None:
    page.goto(link)
    page.get_by_label("New password").fill(password)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("status").filter(has_text="The password is set")).to_be_visible()
    expect(page).to_have_url(re.compile("/login$"), timeout=6_000)


def test_the_whole_loop_of_an_account(
    page: Page, sign_in: SignIn, student: Person, base_url: str, allowed_statuses: set[int]
) -> None:
    allowed_statuses.update({400, 401})
    address = f"{student.name}@rollcall.example"
    sign_in(student.name, "/account")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill(_SECOND)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    page.get_by_role("link", name="Forgot your username?").click()
    page.get_by_role("link", name="To the sign-in").wait_for()
    page.get_by_label("E-mail").fill(address)
    page.get_by_role("button", name="Send the mail").click()
    expect(page.get_by_text("Look into your mail")).to_be_visible()
    assert student.name in _mail(base_url, address, "username")

    sign_in(student.name, "/login", _SECOND)
    forgetful = page.context.browser
    assert forgetful is not None
    elsewhere = forgetful.new_context(base_url=base_url, locale="en-GB")
    try:
        other = elsewhere.new_page()
        other.goto("/forgot-password")
        other.get_by_label("E-mail").fill(address)
        other.get_by_role("button", name="Send the mail").click()
        expect(other.get_by_text("Look into your mail")).to_be_visible()
        link = _link(_mail(base_url, address, "new password"))
        _set_password(other, link, _THIRD)
        sign_in_on(other, student.name, "/account", _THIRD)
        other.goto(link)
        other.get_by_label("New password").fill(_SECOND)
        other.get_by_role("button", name="Set the password").click()
        expect(other.get_by_role("alert")).to_contain_text("This link is no longer good")
    finally:
        elsewhere.close()

    page.get_by_role("navigation").get_by_role("link", name="Courses").click()
    expect(page.get_by_text("Your session has ended.")).to_be_visible()


def test_somebody_invited_sets_a_password_and_signs_in(
    page: Page, sign_in: SignIn, manager: Manager, base_url: str, code: str
) -> None:
    name = code.lower()
    new = {"username": name, "email": f"{name}@rollcall.example", "role": "teacher"}
    manager.call("POST", "/api/users", json=new)
    _set_password(page, _link(_mail(base_url, new["email"], "")), PASSWORD)
    sign_in(name)
    expect(page.get_by_role("navigation")).to_contain_text("Teacher")

"""One's own account: name and language, password, mails, and all that is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import PASSWORD, Person, SignIn

_NEW = "Another-Password-2026"


def _notice(page: Page, text: str) -> None:
    expect(page.get_by_role("status").filter(has_text=text)).to_be_visible()


def test_the_name_and_the_language_are_changed(
    page: Page, sign_in: SignIn, student: Person
) -> None:
    sign_in(student.name, "/account")
    page.get_by_label("Full name").fill("  戴 Name ")
    page.get_by_role("button", name="Save the profile").click()
    _notice(page, "Your profile is saved.")
    expect(page.get_by_role("navigation")).to_contain_text("戴 Name")
    profile = page.get_by_role("region", name="Profile")
    profile.get_by_label("Language").select_option("zh-CN")
    page.get_by_role("button", name="Save the profile").click()
    _notice(page, "个人资料已保存。")
    expect(page.get_by_role("heading", level=1)).to_have_text("您的账户")
    me = student.call("GET", "/auth/me")
    assert (me["full_name"], me["locale"]) == ("戴 Name", "zh-CN")


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(
    page: Page, sign_in: SignIn, student: Person, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(422)
    sign_in(student.name, "/account")
    change = page.get_by_role("button", name="Change the password")
    present = page.get_by_label("Present password")
    change.click()
    expect(present).to_be_focused()
    present.fill("Not-The-Password-1")
    page.get_by_label("New password").fill(_NEW)
    change.click()
    expect(page.get_by_text("This is not your present password.")).to_be_visible()
    expect(present).to_be_focused()
    present.fill(PASSWORD)
    change.click()
    _notice(page, "Your password is changed.")
    expect(present).to_have_value("")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    with pytest.raises(Exception, match="401"):
        student.call("GET", "/auth/me")


def test_the_mails_are_chosen(page: Page, sign_in: SignIn, student: Person) -> None:
    page.context.add_init_script(
        "const real = Intl.DateTimeFormat.prototype.resolvedOptions;"
        "Intl.DateTimeFormat.prototype.resolvedOptions = function () {"
        "  return { ...real.call(this), timeZone: 'Asia/Shanghai' };"
        "};"
    )
    sign_in(student.name, "/account")
    mails = page.get_by_role("region", name="Mails about announcements")
    zone = mails.get_by_role("combobox", name="Time zone")
    expect(zone).to_have_value("Asia/Shanghai")
    expect(mails).to_contain_text("Taken from this browser")
    mails.get_by_label("At", exact=True).select_option("7")
    zone.fill("lisb")
    page.get_by_role("option", name="Europe/Lisbon").click()
    mails.get_by_role("button", name="Save").click()
    _notice(page, "When you get mails is saved.")
    kept = student.call("GET", "/api/notification_preferences")
    assert kept == {
        "mail": "digest",
        "digest_hour": 7,
        "timezone": "Europe/Lisbon",
        "locale": "en",
    }
    page.reload()
    expect(zone).to_have_value("Europe/Lisbon")
    mails.get_by_role("radio", name="Never").check()
    expect(mails.get_by_label("At", exact=True)).to_have_count(0)
    mails.get_by_role("button", name="Save").click()
    _notice(page, "When you get mails is saved.")
    assert student.call("GET", "/api/notification_preferences")["mail"] == "off"


def test_all_that_is_kept_is_a_file(page: Page, sign_in: SignIn, student: Person) -> None:
    sign_in(student.name, "/account")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my data").click()
    assert download.value.suggested_filename == "rollcall-my-data.json"
    kept = json.loads(Path(download.value.path()).read_bytes())
    assert kept["account"]["username"] == student.name

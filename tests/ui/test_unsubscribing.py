"""The page behind the link of a mail: one button, in both languages, clean by axe."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from .conftest import CheckAccessible, Person, Registrar

_MAIL_SECONDS = 30


def _link(base_url: str, registrar: Registrar, student: Person, locale: str) -> str:
    """Have an announcement mailed to a student, and return the link that ends such mails."""
    wanted = {"mail": "immediate", "digest_hour": 18, "timezone": "UTC", "locale": locale}
    student.call("PUT", "/api/notification_preferences", json=wanted)
    audience = {"kind": "users", "ids": [student.call("GET", "/auth/me")["id"]]}
    told: dict[str, Any] = {"title": "No class", "body": "A trip.", "audience": audience}
    registrar.call("POST", "/api/announcements", json=told)
    address = f"{student.name}@rollcall.example"
    deadline = time.monotonic() + _MAIL_SECONDS
    while time.monotonic() < deadline:
        requests.post(f"{base_url}/_local/schedules/relay_outbox", timeout=30)
        answer = requests.get(f"{base_url}/_local/mail", params={"to": address}, timeout=30)
        for mail in answer.json()["items"]:
            if given := mail["headers"].get("List-Unsubscribe"):
                return str(given).strip("<>")
        time.sleep(0.3)
    raise AssertionError("no mail came")


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize(
    ("locale", "button", "done"),
    [
        ("en", "Unsubscribe", "You get no more mails about announcements"),
        ("zh-CN", "退订", "您将不再收到公告和报告邮件"),
    ],
)
def test_the_button_ends_mails_and_opening_the_page_does_not(
    page: Page,
    base_url: str,
    registrar: Registrar,
    student: Person,
    check_accessible: CheckAccessible,
    locale: str,
    button: str,
    done: str,
    colours: Any,
) -> None:
    page.emulate_media(color_scheme=colours)
    page.goto(_link(base_url, registrar, student, locale))
    check_accessible()
    assert student.call("GET", "/api/notification_preferences")["mail"] == "immediate"
    page.get_by_role("button", name=button).click()
    expect(page.get_by_text(done)).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    check_accessible()
    assert student.call("GET", "/api/notification_preferences")["mail"] == "off"

"""Managers add channels, try them and take them away; a secret is typed in and never seen again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from .conftest import CheckAccessible, Manager, SignIn
from .test_accessibility import screen

__all__ = ["screen"]

SECRET = "not to be seen by anybody"


def test_a_channel_is_added_paused_and_removed(
    page: Page, sign_in: SignIn, code: str, check_accessible: CheckAccessible
) -> None:
    sign_in("amara", "/channels")
    page.get_by_role("link", name="New channel").click()
    page.get_by_role("button", name="Add channel").click()
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill(code)
    page.get_by_label("URL").fill(f"https://hooks.school.example/{code}/hidden-in-the-path")
    page.get_by_label("Signing key").fill(SECRET)
    page.get_by_role("button", name="Add channel").click()
    expect(page.get_by_role("status").filter(has_text=f"{code} was added.")).to_be_visible()
    row = page.get_by_role("row", name=code)
    expect(row).to_contain_text("Webhook · hooks.school.example")
    expect(row).to_contain_text("Nothing yet")
    check_accessible()
    assert SECRET not in page.content()
    assert "hidden-in-the-path" not in page.content()
    row.get_by_role("button", name=f"Pause {code}").click()
    expect(row).to_contain_text("paused")
    row.get_by_role("button", name=f"Resume {code}").click()
    expect(row).not_to_contain_text("paused")
    row.get_by_role("button", name=f"Test {code}").click()
    # There is no such host; how the try went is read again by itself.
    expect(row).to_contain_text("To be tried again: there is no such host", timeout=30_000)
    row.get_by_role("button", name=f"Remove {code}").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("row", name=code)).to_have_count(0)


def test_a_mailing_list_is_asked_for_what_it_needs(
    page: Page,
    sign_in: SignIn,
    code: str,
    allowed_statuses: set[int],
    check_accessible: CheckAccessible,
) -> None:
    allowed_statuses.add(422)
    sign_in("amara", "/channels/new")
    page.get_by_label("Kind").select_option("Mailing list")
    expect(page.get_by_label("URL")).to_have_count(0)
    for label, words in {
        "Name": code,
        "Mail server": "10.0.0.1",
        "From": "a@school.example",
        "To": "b@school.example",
    }.items():
        page.get_by_role("textbox", name=label, exact=True).fill(words)
    page.get_by_role("button", name="Add channel").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check_accessible()
    page.get_by_label("Mail server").fill("smtp.school.example")
    page.get_by_role("button", name="Add channel").click()
    expect(page.get_by_role("row", name=code)).to_contain_text("Mailing list · b@school.example")


@pytest.fixture
def channels(manager: Manager, code: str) -> Iterator[list[str]]:
    """The names of two channels that amara added; there is no such host as theirs."""
    names = [f"{code} A", f"{code} B"]
    added = [
        manager.call(
            "POST",
            "/api/channels",
            json={
                "kind": "webhook",
                "name": name,
                "url": f"https://hooks.school.example/{code}",
                "secret": SECRET,
            },
        )
        for name in names
    ]
    yield names
    for channel in added:
        manager.call("DELETE", f"/api/channels/{channel['id']}")


@pytest.mark.usefixtures("screen")
def test_the_office_chooses_channels_and_sees_how_the_posts_went(
    page: Page,
    sign_in: SignIn,
    code: str,
    channels: list[str],
    check_accessible: CheckAccessible,
) -> None:
    first, second = channels
    sign_in("rosa", "/messages/announcements/new")
    page.get_by_label("Title").fill(f"No class {code}")
    page.get_by_role("textbox", name="Text").fill("On **Friday**.")
    page.get_by_label("For").select_option("Everybody of a role")
    page.get_by_role("checkbox", name="Manager").check()
    chosen = page.get_by_role("combobox", name="Post to channels, too")
    chosen.fill(code)
    expect(page.get_by_role("option", name=code)).to_have_text(channels)
    page.get_by_role("option", name=first).click()
    page.keyboard.press("Escape")
    check_accessible()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text(f"It is posted to {first}.")).to_be_visible()
    check_accessible()
    page.get_by_role("button", name="Publish").click()
    posts = page.get_by_role("region", name="Posted to").get_by_role("listitem")
    expect(posts).to_have_count(1)
    # How it went is read again by itself.
    expect(posts.filter(has_text=first)).to_contain_text(
        "To be tried again: there is no such host", timeout=30_000
    )
    check_accessible()

    page.get_by_role("link", name="Edit").click()
    chosen.fill(code)
    page.get_by_role("option", name=second).click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text(f"It is posted to {second}.")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(posts).to_have_count(2)
    expect(posts.filter(has_text=second)).to_contain_text("there is no such host", timeout=30_000)

    page.get_by_role("link", name="Edit").click()
    expect(chosen).to_be_visible()
    for _ in channels:
        chosen.press("Backspace")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="is saved.")).to_be_visible()
    expect(posts).to_have_count(0)


@pytest.mark.usefixtures("channels")
def test_teachers_are_not_asked_for_channels(page: Page, sign_in: SignIn) -> None:
    sign_in("ben", "/messages/announcements/new")
    expect(page.get_by_label("Title")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_label("Post to channels, too")).to_have_count(0)


def test_registrars_are_told_that_it_is_not_theirs(page: Page, sign_in: SignIn) -> None:
    sign_in("rosa", "/channels")
    expect(page.get_by_role("heading", level=1)).to_have_text("This is not for your role")
    expect(page.get_by_role("link", name="Channels")).to_have_count(0)

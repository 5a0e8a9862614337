"""The way back into an account, as far as it goes without a mail."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from .conftest import PASSWORD


@pytest.mark.parametrize("link", ["Forgot your password?", "Forgot your username?"])
def test_the_answer_is_the_same_whoever_has_the_address(page: Page, link: str) -> None:
    said = []
    for address in ["chloe@rollcall.example", "nobody-has-this@rollcall.example"]:
        page.goto("/login")
        page.get_by_role("link", name=link).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(link)
        page.get_by_label("E-mail").fill(address)
        page.get_by_role("button", name="Send the mail").click()
        sent = page.get_by_role("status").filter(has_text="If somebody has this address")
        expect(sent).to_be_visible()
        said.append(page.get_by_role("main").inner_text())
        page.get_by_role("link", name="To the sign-in").click()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert said[0] == said[1]


def test_what_is_no_address_is_not_sent(page: Page) -> None:
    page.goto("/forgot-password")
    page.get_by_role("button", name="Send the mail").click()
    expect(page.get_by_text("Fill this in.")).to_be_visible()
    page.get_by_label("E-mail").fill("chloe")
    page.get_by_role("button", name="Send the mail").click()
    expect(page.get_by_text("This is no e-mail address.")).to_be_visible()


def test_too_many_mails_say_how_long_to_wait(page: Page, allowed_statuses: set[int]) -> None:
    allowed_statuses.add(429)
    page.route(
        "**/auth/forgot-password",
        lambda route: route.fulfill(
            status=429, json={"code": "too_many_attempts"}, headers={"Retry-After": "3"}
        ),
    )
    page.goto("/forgot-password")
    page.get_by_label("E-mail").fill("chloe@rollcall.example")
    send = page.get_by_role("button", name="Send the mail")
    send.click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile("Try again in [123] sec"))
    expect(send).to_be_disabled()
    expect(page.get_by_role("alert")).to_contain_text("You can try again now.")
    expect(send).to_be_enabled()


def test_the_token_of_a_link_leaves_the_address_at_once(page: Page) -> None:
    token = "a-token-that-nobody-else-should-see"
    requested: list[str] = []
    page.on("request", lambda sent: requested.append(f"{sent.url} {sent.headers}"))
    page.goto("/login")
    page.goto(f"/reset-password?token={token}")
    expect(page.get_by_label("New password")).to_be_visible()
    assert page.url.endswith("/reset-password")
    [document, *rest] = [sent for sent in requested if "reset-password" in sent or token in sent]
    assert token in document.partition(" ")[0]
    assert not any(token in sent for sent in rest)
    assert page.evaluate("document.referrer") == ""
    kept = page.evaluate("JSON.stringify([history.state, {...localStorage}, {...sessionStorage}])")
    assert token not in kept
    page.go_back()
    page.go_forward()
    expect(page.get_by_text("The link is missing")).to_be_visible()
    assert token not in page.url


def test_a_link_that_is_no_longer_good_leads_to_another(
    page: Page, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(400)
    page.goto("/reset-password?token=used-long-ago")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("alert")).to_contain_text("This link is no longer good")
    page.get_by_role("link", name="Send another link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Forgot your password?")


def test_a_page_without_a_link_says_what_to_do(page: Page) -> None:
    page.goto("/reset-password")
    expect(page.get_by_role("alert")).to_contain_text("Open the link of the mail again")
    expect(page.get_by_role("link", name="Send another link")).to_be_visible()

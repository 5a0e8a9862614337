"""A manager sees what failed, and has it tried again."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from .conftest import CheckAccessible, SignIn

DONE = {
    "state": "success",
    "started_at": "2026-11-26T14:30:00Z",
    "ms": 12.5,
    "cause": None,
    "message_id": None,
    "times": 3,
}
FAILED = {**DONE, "state": "failure", "cause": "SmtpRefused", "message_id": "m-1", "times": 1}
QUEUE = {
    "name": "mail",
    "function": "send_mail",
    "visible": 4,
    "in_flight": 1,
    "oldest_age_seconds": None,
    "dead_letters": 130,
    "last_runs": [FAILED, DONE],
}


def test_the_queues_of_the_stack_are_shown_with_their_functions(
    page: Page, sign_in: SignIn
) -> None:
    sign_in("amara")
    page.get_by_role("link", name="Operations").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Operations")
    row = page.get_by_role("row").filter(has_text="import_rows")
    expect(row).to_contain_text("0 waiting, 0 in work")
    expect(row).to_contain_text("0 dead")
    expect(page.get_by_role("row").filter(has_text="relay_outbox")).to_contain_text(
        re.compile("Done|None yet")
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dead_letters_are_tried_again_after_a_question(
    page: Page, sign_in: SignIn, check_accessible: CheckAccessible, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    left = {"dead_letters": 130}
    page.route(
        "**/api/ops/queues",
        lambda route: route.fulfill(json={"items": [{**QUEUE, **left}], "schedules": []}),
    )

    def redrive(route: object) -> None:
        left["dead_letters"] = 30
        route.fulfill(json={"moved": 100, "more": True})  # type: ignore[attr-defined]

    page.route("**/api/ops/queues/mail/redrive", redrive)
    sign_in("amara", "/operations")
    row = page.get_by_role("row").filter(has_text="send_mail")
    expect(row).to_contain_text("SmtpRefused")
    row.get_by_text("Earlier ones").click()
    expect(row).to_contain_text("3 times")
    check_accessible()

    page.get_by_role("button", name="Try again: mail").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Try the dead letters of mail again?")
    check_accessible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(row).to_contain_text("130 dead")
    page.get_by_role("button", name="Try again: mail").click()
    dialog.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status")).to_contain_text(
        "100 messages were put back. There are more."
    )
    expect(row).to_contain_text("30 dead")

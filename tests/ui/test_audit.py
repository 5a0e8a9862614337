"""What was done is there to be read, and to be narrowed down."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from .conftest import Manager, Person, SignIn


def test_a_change_of_role_is_found_in_the_log(
    page: Page, sign_in: SignIn, student: Person, manager: Manager
) -> None:
    manager.change_user(student.name, role="teacher")
    user = manager.find_user(student.name)
    assert user is not None
    sign_in("amara", "/audit")
    page.get_by_label("Kind").select_option("user")
    page.get_by_label("Number").fill(str(user["id"]))
    expect(page).to_have_url(re.compile(f"object_id={user['id']}"))
    rows = page.get_by_role("table").get_by_role("row")
    # The heads: what was shown before has left the table.
    expect(rows.filter(has_not_text=f"User {user['id']}")).to_have_count(1)
    changed = rows.filter(has_text="Role changed")
    expect(changed).to_have_count(1)
    expect(changed).to_contain_text(re.compile("Student.*Teacher"))
    expect(changed.get_by_role("link", name="amara")).to_be_visible()
    expect(rows.filter(has_text="User created")).to_have_count(1)

    page.get_by_label("What").select_option("authz_change")
    expect(rows).to_have_count(2)
    expect(page).to_have_url(re.compile("action=authz_change"))
    page.reload()
    expect(rows).to_have_count(2)
    page.get_by_label("Who").fill("rosa")
    expect(page.get_by_text("Nothing was found")).to_be_visible()
    page.get_by_label("Who").fill("amara")
    expect(rows).to_have_count(2)
    page.get_by_label("Since").fill("2099-01-01T00:00")
    expect(page.get_by_text("Nothing was found")).to_be_visible()
    page.get_by_role("button", name="Lift the filters").click()
    expect(page.get_by_label("Who")).to_have_value("")
    expect(rows.nth(2)).to_be_visible()

    changed.first.get_by_role("link", name=f"User {user['id']}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(student.name)


def test_the_log_is_read_page_by_page(page: Page, sign_in: SignIn, manager: Manager) -> None:
    item = {
        "id": 1,
        "at": "2026-11-26T14:30:00.000Z",
        "actor": None,
        "action": "of_the_future",
        "object": {"kind": "thing", "id": None},
        "before": {"a": 1},
        "after": None,
        "ip": "",
        "request_id": "r",
    }
    pages = {
        "": {"items": [{**item, "id": 9}], "next": "older"},
        "older": {"items": [item], "next": None},
    }
    page.route(
        "**/api/audit?*",
        lambda route: route.fulfill(
            json=pages["older" if "cursor=older" in route.request.url else ""]
        ),
    )
    sign_in("amara", "/audit")
    expect(page.get_by_role("table")).to_contain_text("Something else · thing")
    page.get_by_role("button", name="Load more").click()
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("button", name="Load more")).to_have_count(0)

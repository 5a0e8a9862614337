"""Messages in the browser: written by ben, read and confirmed by chloe, taken back from dai."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Response, Route, expect

from .conftest import Person, Registrar, SignIn, sign_in_on
from .test_accessibility import Settle, _english, colours, screen, settle
from .test_sections import AddSection, add_section, ids, term

__all__ = ["add_section", "colours", "ids", "screen", "settle", "term"]

_PDF = b"%PDF-1.7\n" + bytes(range(256)) * 8
_WORK_MILLISECONDS = 30_000
_HALF_A_MINUTE_MILLISECONDS = 31_000


def _notice(page: Page, text: str) -> Locator:
    return page.get_by_role("status").filter(has_text=text)


def _bell(page: Page) -> Locator:
    return page.get_by_role("link", name=re.compile("unread"))


@pytest.fixture
def ben(base_url: str) -> Iterator[Person]:
    with contextlib.closing(Person(base_url, "ben")) as person:
        yield person


@pytest.fixture
def chloe(base_url: str) -> Iterator[Person]:
    with contextlib.closing(Person(base_url, "chloe")) as person:
        yield person


@pytest.fixture
def section(
    add_section: AddSection, registrar: Registrar, ids: Callable[[str], int]
) -> dict[str, Any]:
    """A section of ben's, with chloe and dai in it."""
    made = add_section("M", teacher="ben", status="published", meetings=[])
    for name in ("chloe", "dai"):
        path = f"/api/sections/{made['id']}/enrollments"
        registrar.call("POST", path, json={"user_id": ids(name)})
    return made


Announce = Callable[..., dict[str, Any]]


@pytest.fixture
def announce(ben: Person, section: dict[str, Any], code: str, page: Page) -> Announce:
    """Have ben announce something to his section, and wait until it is in its inboxes."""

    def announce(title: str, body: str = "See you.", **fields: Any) -> dict[str, Any]:
        audience = {"kind": "section", "ids": [section["id"]]}
        made: dict[str, Any] = ben.call(
            "POST",
            "/api/announcements",
            json={"title": f"{title} {code}", "body": body, "audience": audience, **fields},
        )
        if made["status"] == "published":
            _wait_until_out(page, ben, made)
        return made

    return announce


def _wait_until_out(page: Page, author: Person, announcement: dict[str, Any]) -> None:
    for _ in range(100):
        stats = author.call("GET", f"/api/announcements/{announcement['id']}/stats")
        if stats["fanout"]["state"] == "done":
            return
        page.wait_for_timeout(200)
    raise AssertionError(stats)


OpenAs = Callable[..., Page]


@pytest.fixture
def open_as(page: Page, base_url: str) -> Iterator[OpenAs]:
    """Open a page of somebody else's, beside the one of the test."""
    with contextlib.ExitStack() as contexts:

        def open_as(name: str, path: str) -> Page:
            assert page.context.browser
            context = page.context.browser.new_context(base_url=base_url, locale="en-GB")
            contexts.callback(context.close)
            other = context.new_page()
            sign_in_on(other, name, path)
            return other

        yield open_as


def _unread(person: Person) -> int:
    return int(person.call("GET", "/api/unread_count")["unread"])


def _item(page: Page, title: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=title))


def _open(page: Page, title: str) -> Locator:
    page.get_by_role("heading", name=title).get_by_role("button").click()
    return _item(page, title)


def test_an_announcement_is_written_confirmed_reminded_of_and_taken_back(
    page: Page,
    sign_in: SignIn,
    section: dict[str, Any],
    chloe: Person,
    open_as: OpenAs,
    code: str,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(429)
    unread = _unread(chloe)
    title = f"No class on Friday {code}"
    sign_in("ben", "/messages?tab=published")
    page.get_by_role("link", name="New announcement").click()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_label("Title")).to_be_focused()
    page.get_by_label("Title").fill(title)
    page.get_by_role("textbox", name="Text").fill("Come on **Thursday**.\n\n- a pen\n- paper")
    page.get_by_label("For").select_option("Students of sections")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Fill this in.")).to_be_visible()
    page.get_by_role("combobox", name="Add a section").fill(code)
    page.get_by_role("option", name=section["course"]["code"]).click()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("It reaches 2 people.")).to_be_visible()
    expect(page.locator("article strong")).to_have_text("Thursday")
    assert _unread(chloe) == unread
    page.get_by_role("button", name="Publish").click()
    expect(_notice(page, "is published.")).to_be_visible()
    expect(page.get_by_text("0 of 2 have confirmed (0%)")).to_be_visible(timeout=_WORK_MILLISECONDS)
    expect(page.get_by_role("row", name="chloe")).to_contain_text("Not shown yet")

    hers = open_as("chloe", "/messages")
    expect(_bell(hers)).to_have_accessible_name(f"Messages: {unread + 1} unread")
    item = _open(hers, title)
    expect(item).to_contain_text("To confirm")
    expect(item.locator("strong")).to_have_text("Thursday")
    item.get_by_role("button", name="I have read it").click()
    expect(item).to_contain_text("You confirmed it on")
    left = f"Messages: {unread} unread" if unread else "Messages: nothing unread"
    expect(_bell(hers)).to_have_accessible_name(left)
    assert _unread(chloe) == unread

    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("1 of 2 have confirmed (50%)")).to_be_visible()
    page.get_by_label("State").select_option("Not confirmed")
    expect(page.get_by_role("row", name="chloe")).to_have_count(0)
    expect(page.get_by_role("row", name="dai")).to_be_visible()
    page.get_by_role("button", name="Remind").click()
    expect(_notice(page, "1 reader is reminded.")).to_be_visible()
    expect(page.get_by_role("row", name="dai")).to_contain_text("1 time, last")
    page.get_by_role("button", name="Remind").click()
    expect(page.get_by_role("alert")).to_contain_text("once an hour at most")
    expect(page.get_by_role("timer")).to_contain_text("Try again in 59 min")
    expect(page.get_by_role("button", name="Remind")).to_be_disabled()

    his = open_as("dai", "/messages")
    expect(_item(his, title)).to_be_visible()
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(_notice(page, "is withdrawn.")).to_be_visible()
    expect(page.get_by_text("it is in no inbox any more")).to_be_visible()
    expect(page.get_by_role("button", name="Remind")).to_have_count(0)
    his.reload()
    expect(_item(his, title)).to_have_count(0)


def test_what_asks_for_no_confirmation_is_read_when_it_is_opened(
    page: Page, sign_in: SignIn, announce: Announce, chloe: Person
) -> None:
    unread = _unread(chloe)
    made = announce("Cafeteria closed", requires_ack=False)
    sign_in("chloe", "/messages?unread=true")
    item = _open(page, made["title"])
    expect(item).to_contain_text("Read on")
    expect(item.get_by_role("button", name="I have read it")).to_have_count(0)
    assert _unread(chloe) == unread
    # It stays while it is open, and goes from what is unread when it is closed.
    page.wait_for_load_state("networkidle")
    expect(item).to_contain_text("See you.")
    page.get_by_role("heading", name=made["title"]).get_by_role("button").click()
    expect(item).to_have_count(0)


def test_what_is_withdrawn_meanwhile_is_told_and_goes(
    page: Page,
    sign_in: SignIn,
    announce: Announce,
    ben: Person,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(409)
    made = announce("Wrong room")
    sign_in("chloe", "/messages")
    expect(_item(page, made["title"])).to_be_visible()
    ben.call("POST", f"/api/announcements/{made['id']}/withdraw")
    page.get_by_role("heading", name=made["title"]).get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text(f"has taken back “{made['title']}”")
    expect(_item(page, made["title"])).to_have_count(0)
    page.get_by_role("alert").get_by_role("button", name="Close").click()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_an_announcement_waits_for_its_time(
    page: Page,
    sign_in: SignIn,
    announce: Announce,
    chloe: Person,
    base_url: str,
) -> None:
    made = announce("Exam dates", publish_at="2099-01-01T08:00:00Z")
    sign_in("ben", f"/messages?tab=published&q={made['title']}")
    page.get_by_label("Status").select_option("Scheduled")
    row = page.get_by_role("row", name=made["title"])
    expect(row).to_contain_text("For Jan 1, 2099")
    expect(row).to_contain_text("Students of 1 section")
    row.get_by_role("link").click()
    expect(page.get_by_text("Nobody sees it before.")).to_be_visible()
    expect(page.get_by_role("heading", name="Recipients")).to_have_count(0)
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Date and time").fill("2020-01-01T08:00")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Choose a time that is still to come.")).to_be_visible()
    page.get_by_label("At once").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("It reaches 2 people.")).to_be_visible()
    expect(page.get_by_text("It is published at once.")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(_notice(page, "is saved.")).to_be_visible()
    page.request.post(f"{base_url}/_local/schedules/publish_due")
    expect(page.get_by_text("0 of 2 have confirmed")).to_be_visible(timeout=_WORK_MILLISECONDS)
    titles = [
        item["announcement"]["title"] for item in chloe.call("GET", "/api/deliveries")["items"]
    ]
    assert made["title"] in titles


def test_a_change_of_substance_asks_again_and_is_in_the_history(
    page: Page,
    sign_in: SignIn,
    announce: Announce,
    ben: Person,
    open_as: OpenAs,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(412)
    made = announce("Exam", "On Friday.\n\nBring a pen.")
    hers = open_as("chloe", "/messages")
    item = _open(hers, made["title"])
    item.get_by_role("button", name="I have read it").click()
    expect(item).to_contain_text("You confirmed it on")

    sign_in("ben", f"/messages/announcements/{made['id']}/edit")
    text = page.get_by_role("textbox", name="Text")
    text.fill("On Thursday.\n\nBring a pen.")
    page.get_by_label("Ask everybody to read it again").check()
    ben.call("PATCH", f"/api/announcements/{made['id']}", json={"title": f"{made['title']}!"})
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Changed meanwhile")
    page.get_by_role("button", name="Load the current version").click()
    expect(page.get_by_label("Title")).to_have_value(f"{made['title']}!")
    text.fill("On Thursday.\n\nBring a pen.")
    page.get_by_label("Ask everybody to read it again").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Everybody is asked to read it again.")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(_notice(page, "is saved.")).to_be_visible()

    newest = page.get_by_role("article").filter(has_text="Version 3")
    expect(newest).to_contain_text("Asked everybody again")
    expect(newest.get_by_role("insertion")).to_have_text("+Added: On Thursday.")
    expect(newest.get_by_role("deletion")).to_have_text("−Removed: On Friday.")
    expect(page.get_by_role("article").filter(has_text="Version 2")).to_contain_text(
        f"Title: {made['title']}!"
    )
    hers.reload()
    expect(item).to_contain_text("New")
    item = _open(hers, f"{made['title']}!")
    expect(item).to_contain_text("The text has changed since it was first published.")
    expect(item.get_by_role("button", name="I have read it")).to_be_visible()


def test_files_go_out_with_an_announcement(
    page: Page, sign_in: SignIn, announce: Announce, open_as: OpenAs
) -> None:
    made = announce("Slides")
    sign_in("ben", f"/messages/announcements/{made['id']}/edit")
    page.get_by_role("button", name="Add a file").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "讲义.pdf", "mimeType": "application/pdf", "buffer": _PDF}
    )
    completions: list[Route] = []
    page.route("**/complete", lambda route: completions.append(route))
    preview = page.get_by_role("button", name="Preview")
    page.get_by_role("button", name="Upload").click()
    # As long as the file is on its way there is no preview to lose it by.
    expect(page.get_by_text("Checking the file…")).to_be_visible()
    expect(preview).to_be_disabled()
    while not completions:
        page.wait_for_timeout(20)
    completions[0].continue_()
    expect(page.get_by_role("button", name="Remove 讲义.pdf")).to_be_visible()
    preview.click()
    page.get_by_role("button", name="Save").click()
    expect(_notice(page, "is saved.")).to_be_visible()

    hers = open_as("chloe", "/messages")
    item = _open(hers, made["title"])
    with hers.expect_download() as download:
        item.get_by_role("button", name="讲义.pdf (2 KiB)").click()
    assert download.value.suggested_filename == "讲义.pdf"
    assert download.value.path().read_bytes() == _PDF


def test_who_has_not_confirmed_is_taken_out_as_a_file(
    page: Page, sign_in: SignIn, announce: Announce
) -> None:
    made = announce("Fire drill")
    sign_in("ben", f"/messages/announcements/{made['id']}")
    page.get_by_role("button", name="Export who has not confirmed").click()
    expect(page.get_by_text("(2 rows)")).to_be_visible(timeout=_WORK_MILLISECONDS)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    taken = download.value.path().read_text(encoding="utf-8-sig")
    assert all(name in taken for name in ("chloe", "dai"))


def test_the_bell_asks_again_at_little_cost_and_only_while_somebody_is_there(
    page: Page, sign_in: SignIn, announce: Announce, chloe: Person
) -> None:
    announce("Ring")
    unread = _unread(chloe)
    answers: list[int] = []

    def listen(response: Response) -> None:
        if response.url.endswith("/api/unread_count"):
            answers.append(response.status)

    page.on("response", listen)
    page.clock.install()
    sign_in("chloe", "/courses")
    expect(_bell(page)).to_have_accessible_name(f"Messages: {unread} unread")
    with page.expect_response("**/api/unread_count"):
        page.clock.fast_forward(_HALF_A_MINUTE_MILLISECONDS)
    assert answers == [200, 304]
    expect(_bell(page)).to_have_accessible_name(f"Messages: {unread} unread")

    announce("Ring again")
    with page.expect_response("**/api/unread_count"):
        page.clock.fast_forward(_HALF_A_MINUTE_MILLISECONDS)
    expect(_bell(page)).to_have_accessible_name(f"Messages: {unread + 1} unread")
    _bell(page).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Messages")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Username or e-mail")).to_be_visible()
    asked = len(answers)
    page.clock.fast_forward(4 * _HALF_A_MINUTE_MILLISECONDS)
    page.wait_for_load_state("networkidle")
    assert len(answers) == asked


def test_a_section_leads_to_an_announcement_to_its_students(
    page: Page, sign_in: SignIn, section: dict[str, Any]
) -> None:
    sign_in("ben", f"/sections/{section['id']}")
    page.get_by_role("link", name="Announce").click()
    expect(page.get_by_label("For")).to_have_value("section")
    page.get_by_label("Title").fill("Bring a pen")
    page.get_by_role("textbox", name="Text").fill("Please.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("It reaches 2 people.")).to_be_visible()


def test_a_teacher_addresses_those_who_are_taught(
    page: Page, sign_in: SignIn, section: dict[str, Any], add_section: AddSection, code: str
) -> None:
    add_section("N", teacher="tilda", status="published", meetings=[])
    sign_in("ben", "/messages/announcements/new")
    audience = page.get_by_label("For")
    expect(audience.get_by_role("option")).to_have_text(
        ["All students", "Students of sections", "Students of courses"]
    )
    audience.select_option("Students of courses")
    page.get_by_role("combobox", name="Add a course").fill(code)
    expect(page.get_by_role("option", name=code)).to_have_count(1)
    page.get_by_role("option", name=section["course"]["code"]).click()
    page.get_by_role("button", name=f"Remove {section['course']['code']}").click()
    audience.select_option("Students of sections")
    page.get_by_role("combobox", name="Add a section").fill(code)
    expect(page.get_by_role("option", name=code)).to_have_count(1)


def test_the_office_addresses_people_and_is_told_whom_no_mail_reaches(
    page: Page, sign_in: SignIn, student: Person, manager: Person
) -> None:
    preferences = {"mail": "off", "digest_hour": 18, "timezone": "UTC", "locale": "en"}
    student.call("PUT", "/api/notification_preferences", json=preferences)
    sign_in("rosa", "/messages/announcements/new")
    page.get_by_label("Title").fill("A word")
    page.get_by_role("textbox", name="Text").fill("Come and see us.")
    page.get_by_label("For").select_option("Single people")
    page.get_by_role("combobox", name="Add a person").fill(student.name)
    page.get_by_role("option", name=student.name).click()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("It reaches 1 person.")).to_be_visible()
    page.get_by_text("Who gets no mail, and why").click()
    expect(page.get_by_role("listitem").filter(has_text=student.name)).to_contain_text(
        "wants no mails"
    )
    page.get_by_role("button", name="Go on writing").click()
    expect(page.get_by_label("Title")).to_have_value("A word")
    expect(
        page.get_by_text(f"({student.name})").or_(page.get_by_text(student.name))
    ).to_be_visible()
    page.get_by_label("For").select_option("Everybody of a role")
    page.get_by_label("Manager").check()
    page.get_by_role("button", name="Preview").click()
    managers = manager.call("GET", "/api/users", params={"role": "manager", "active": "true"})
    count = len(managers["items"])
    expect(page.get_by_text(re.compile(rf"It reaches {count} pe(rson|ople)\."))).to_be_visible()


def test_a_student_writes_no_announcements(page: Page, sign_in: SignIn) -> None:
    sign_in("dai", "/messages?tab=published")
    expect(page.get_by_role("switch", name="Unread only")).to_be_visible()
    expect(page.get_by_role("tab")).to_have_count(0)
    page.goto("/messages/announcements/new")
    expect(page.get_by_text("Only teachers, registrars and managers work here.")).to_be_visible()


_RICH = (
    """Dear all,

## What to bring

- a `pen`
- paper

> Be on time.

| Day | Room |
|---|---|
| Thursday | 东上院202 |

```
for week in range(16): print("a line that is too long for any telephone", week)
```

[The map](https://example.org/) """
    + "x" * 200
)


@pytest.mark.usefixtures("colours", "screen")
def test_messages_are_clean(
    page: Page, sign_in: SignIn, settle: Settle, announce: Announce, ben: Person
) -> None:
    made = announce("Exam", _RICH)
    ben.call(
        "PATCH",
        f"/api/announcements/{made['id']}",
        json={"body": _RICH.replace("a `pen`", "a `ruler`"), "material": True},
    )
    sign_in("ben", f"/messages?tab=published&q={made['title']}")
    page.get_by_role("row", name=made["title"]).wait_for()
    settle()
    page.goto(f"/messages/announcements/{made['id']}")
    page.get_by_role("row", name="chloe").wait_for()
    page.get_by_role("deletion").wait_for()
    settle()
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").wait_for()
    settle()
    page.goto(f"/messages/announcements/{made['id']}/edit")
    page.get_by_role("button", name="Add a file").click()
    settle()
    page.goto("/messages/announcements/new")
    page.get_by_label("For").select_option("Students of sections")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("Fill this in.").first.wait_for()
    settle()
    page.get_by_label("Title").fill("x" * 200)
    page.get_by_role("textbox", name="Text").fill(_RICH)
    page.get_by_label("For").select_option("All students")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("article").wait_for()
    settle()


@pytest.mark.usefixtures("colours", "screen")
def test_the_inbox_is_clean(
    page: Page, sign_in: SignIn, settle: Settle, announce: Announce
) -> None:
    made = announce("Exam", _RICH)
    sign_in("dai", "/messages")
    page.get_by_role("heading", name=made["title"]).wait_for()
    settle()
    item = _open(page, made["title"])
    item.get_by_role("button", name="I have read it").wait_for()
    expect(item.get_by_role("link", name="The map")).to_have_attribute("target", "_blank")
    settle()


def test_messages_speak_chinese(
    page: Page, sign_in: SignIn, announce: Announce, settle: Settle
) -> None:
    made = announce("", "请看。")
    sign_in("ben", "/messages/announcements/new")
    page.get_by_label("Language").select_option("zh-CN")
    page.get_by_label("受众").select_option("教学班的学生")
    page.get_by_role("button", name="预览").click()
    page.get_by_text("请填写此项。").first.wait_for()
    settle()
    assert set(_english(page)) <= {"Markdown", "https", "example"}
    page.goto(f"/messages/announcements/{made['id']}")
    page.get_by_role("row", name="dai").wait_for()
    settle()
    assert set(_english(page)) <= {"Whitaker", "Chloe", "Martin", "chloe", "Course"}
    page.goto("/messages")
    page.get_by_role("tab", name="收件箱").wait_for()
    settle()
    assert _english(page) == []

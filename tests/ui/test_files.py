"""Files of courses in the browser: put there, fetched by readers, taken away, and refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from .conftest import Person, Registrar, SignIn, sign_in_on

_PDF = b"%PDF-1.7\n" + bytes(range(256)) * 8
_MEBIBYTE = 1024 * 1024
_WORK_MILLISECONDS = 60_000


def _notice(page: Page, text: str) -> Locator:
    return page.get_by_role("status").filter(has_text=text)


def _choose(page: Page, name: str, content: bytes, media_type: str = "application/pdf") -> None:
    page.get_by_role("button", name="Add a file").click()
    page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": media_type, "buffer": content}
    )


def _files(registrar: Registrar, course: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = registrar.call(
        "GET", "/api/course_attachments", params={"course": course["id"]}
    )["items"]
    return found


@pytest.fixture
def course(registrar: Registrar, code: str) -> dict[str, Any]:
    return registrar.add_course(code, "A course with files")


def test_a_file_goes_up_is_fetched_by_a_student_and_is_removed(
    page: Page, sign_in: SignIn, course: dict[str, Any], registrar: Registrar, base_url: str
) -> None:
    sign_in("rosa", f"/courses/{course['id']}")
    expect(page.get_by_text("No files yet.")).to_be_visible()
    page.get_by_role("button", name="Add a file").click()
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Choose a file first.")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    _choose(page, "讲义 1.pdf", _PDF)
    page.get_by_label("Title").fill("Lecture 1")
    page.get_by_role("button", name="Upload").click()
    expect(_notice(page, "Lecture 1 can be downloaded now.")).to_be_visible()
    row = page.get_by_role("row", name="Lecture 1")
    expect(row).to_contain_text("讲义 1.pdf")
    expect(row).to_contain_text("2 KiB")

    assert page.context.browser
    reader = page.context.browser.new_page(base_url=base_url, accept_downloads=True)
    sign_in_on(reader, "chloe", f"/courses/{course['id']}")
    with reader.expect_download() as download:
        reader.get_by_role("button", name="Download Lecture 1").click()
    assert download.value.suggested_filename == "讲义 1.pdf"
    assert Path(download.value.path()).read_bytes() == _PDF
    expect(reader.get_by_role("button", name=re.compile("^(Add a file|Remove)"))).to_have_count(0)
    reader.close()

    page.get_by_role("button", name="Remove Lecture 1").click()
    dialog = page.get_by_role("dialog", name="Remove Lecture 1?")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Remove").click()
    expect(_notice(page, "Lecture 1 is removed.")).to_be_visible()
    expect(page.get_by_text("No files yet.")).to_be_visible()
    assert _files(registrar, course) == []


def test_a_large_file_goes_in_parts_and_a_part_that_fails_is_sent_again(
    page: Page,
    sign_in: SignIn,
    course: dict[str, Any],
    registrar: Registrar,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(503)
    content = _PDF + bytes(17 * _MEBIBYTE)
    failed: list[str] = []
    under_way = 0

    def fail_once(route: Route) -> None:
        nonlocal under_way
        if route.request.method == "PUT":
            under_way += 1
            if not failed:
                failed.append(route.request.url)
                route.fulfill(status=503, headers={"Access-Control-Allow-Origin": "*"})
                return
        route.continue_()

    page.route("**/uploads/attachments/**", fail_once)
    sign_in("rosa", f"/courses/{course['id']}")
    _choose(page, "large.pdf", content)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("progressbar")).to_be_attached()
    expect(_notice(page, "large.pdf can be downloaded now.")).to_be_visible(
        timeout=_WORK_MILLISECONDS
    )
    assert (len(failed), under_way) == (1, 4)
    [file] = _files(registrar, course)
    assert (file["state"], file["size"]) == ("ready", len(content))


def test_an_upload_that_is_stopped_leaves_nothing(
    page: Page, sign_in: SignIn, course: dict[str, Any], registrar: Registrar
) -> None:
    page.route(
        "**/api/course_attachments/*/parts",
        lambda route: None if route.request.method == "POST" else route.continue_(),
    )
    sign_in("rosa", f"/courses/{course['id']}")
    _choose(page, "large.pdf", _PDF + bytes(17 * _MEBIBYTE))
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("0 B of 17 MiB")).to_be_visible()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Upload")).to_be_enabled()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert _files(registrar, course) == []


def test_what_is_not_the_announced_file_is_refused_and_gone(
    page: Page,
    sign_in: SignIn,
    course: dict[str, Any],
    registrar: Registrar,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.update({409, 422})
    sign_in("rosa", f"/courses/{course['id']}")
    _choose(page, "no.pdf", b"MZ this is a program")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("What arrived is not the file")
    assert _files(registrar, course) == []
    page.locator("input[type=file]").set_input_files(
        {"name": "page.html", "mimeType": "text/html", "buffer": b"<p>"}
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Files of this type are not taken here.")).to_be_visible()


def test_a_file_that_never_arrived_says_so(
    page: Page, sign_in: SignIn, course: dict[str, Any], allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(409)
    page.route(
        "**/*",
        lambda route: (
            route.fulfill(status=204, headers={"Access-Control-Allow-Origin": "*"})
            if route.request.method == "POST"
            and "/api/" not in route.request.url
            and "/auth/" not in route.request.url
            else route.fallback()
        ),
    )
    sign_in("rosa", f"/courses/{course['id']}")
    _choose(page, "lost.pdf", _PDF)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("The file has not arrived")


def test_a_teacher_of_the_course_keeps_its_files(
    page: Page,
    sign_in: SignIn,
    course: dict[str, Any],
    registrar: Registrar,
    base_url: str,
    allowed_statuses: set[int],
) -> None:
    allowed_statuses.add(403)
    ben = Person(base_url, "ben")
    term = {"code": course["code"], "name": "A term", "starts_on": "2026-09-07"}
    registrar.call("POST", "/api/terms", json=term | {"ends_on": "2027-01-10"})
    section = {"course_id": course["id"], "term": term["code"], "section_code": "01"}
    teacher = ben.call("GET", "/auth/me")["id"]
    ben.close()
    section = registrar.call("POST", "/api/sections", json=section | {"teacher_id": teacher})
    sign_in("ben", f"/courses/{course['id']}")
    _choose(page, "marks.csv", "name,mark\n陈,5\n".encode(), "application/vnd.ms-excel")
    page.get_by_role("button", name="Upload").click()
    expect(_notice(page, "marks.csv can be downloaded now.")).to_be_visible()
    [file] = _files(registrar, course)
    assert file["content_type"] == "text/csv"

    _choose(page, "late.pdf", _PDF)
    registrar.call("PATCH", f"/api/sections/{section['id']}", json={"teacher_id": None})
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("by teachers of one of its sections")
    page.reload()
    expect(page.get_by_text("marks.csv")).to_be_visible()
    expect(page.get_by_role("button", name="Add a file")).to_have_count(0)

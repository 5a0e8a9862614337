"""A catalogue goes in and out through the browser: upload, preview, apply, report, download."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Download, Page, expect

from .conftest import Registrar, SignIn
from .test_sections import term

__all__ = ["term"]

OUTCOMES = ["Rows", "New", "Changed", "The same", "Refused"]
# An import waits for the storage's event, then for the worker.
_WORK_MILLISECONDS = 30_000


def _upload(
    page: Page,
    content: str | bytes,
    *,
    mode: str,
    name: str = "catalogue.csv",
    path: str = "/imports",
) -> None:
    """Choose a file on the import page, send it off and wait for its task's page."""
    page.goto(path)
    raw: Any = content.encode() if isinstance(content, str) else content
    page.get_by_label("CSV file").wait_for()
    page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": raw}
    )
    page.get_by_role("radio", name=mode).check()
    page.get_by_role("button", name=re.compile("^Upload and")).click()
    page.wait_for_url("**/tasks/*")


def _counts(page: Page) -> dict[str, int]:
    """Wait for an import to end and return the figures on its page."""
    page.get_by_role("term").first.wait_for(timeout=_WORK_MILLISECONDS)
    names = page.get_by_role("term").all_inner_texts()
    figures = page.get_by_role("definition").all_inner_texts()
    return {name: int(figure.replace(",", "")) for name, figure in zip(names, figures, strict=True)}


def _table(download: Download) -> list[dict[str, str]]:
    text = Path(download.path()).read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_file_with_one_bad_row_goes_in_but_for_that_row(
    page: Page, sign_in: SignIn, registrar: Registrar, code: str
) -> None:
    registrar.add_course(f"{code}1", "Before", description="Stays", credits=4)
    sign_in("rosa", "/imports")
    rows = f"code,title,credits\n{code}1,After,4\n{code}2,操作系统,2.5\n{code}3,,1\n"
    _upload(page, rows, mode="Import at once")
    assert _counts(page) == dict(zip(OUTCOMES, [3, 1, 1, 0, 1], strict=True))
    expect(page.get_by_role("heading", level=1)).to_have_text("Import of courses")
    expect(page.get_by_role("main")).to_contain_text("catalogue.csv")

    with page.expect_download() as download:
        page.get_by_role("button", name="Download the error report").click()
    [refused] = _table(download.value)
    assert (refused["code"], refused["line"]) == (f"{code}3", "4")
    assert refused["error_code"] == "required"

    page.get_by_role("main").get_by_role("link", name="Courses").click()
    page.get_by_role("searchbox").fill(code)
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("row", name=f"{code}1")).to_contain_text("After")
    assert registrar.find_courses(f"{code}1")[0]["description"] == "Stays"


def test_the_corrected_error_report_is_the_next_file(
    page: Page, sign_in: SignIn, registrar: Registrar, code: str
) -> None:
    sign_in("rosa", "/imports")
    _upload(page, f"code,title\n{code},\n", mode="Import at once")
    assert _counts(page)["Refused"] == 1
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the error report").click()
    report = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    page.get_by_role("link", name="Import another file").click()
    corrected = report.replace(f"{code},,", f"{code},Corrected,")
    assert corrected != report
    _upload(page, corrected, mode="Import at once", name="corrected.csv")
    assert _counts(page) == dict(zip(OUTCOMES, [1, 1, 0, 0, 0], strict=True))
    assert registrar.find_courses(code)[0]["title"] == "Corrected"


def test_a_preview_changes_nothing_until_it_is_applied(
    page: Page, sign_in: SignIn, registrar: Registrar, code: str
) -> None:
    registrar.add_course(f"{code}1", "Before", credits=1)
    registrar.add_course(f"{code}2", "Same", credits=3)
    sign_in("rosa", "/imports")
    rows = f"code,title,credits\n{code}1,After,2\n{code}2,Same,3\n{code}3,New,1\n{code}4,,x\n"
    _upload(page, rows, mode="Preview")
    assert _counts(page) == dict(zip(OUTCOMES, [4, 1, 1, 1, 1], strict=True))
    expect(page.get_by_role("heading", level=1)).to_have_text("Preview of an import")
    changed = page.get_by_role("row", name=f"{code}1")
    expect(changed).to_contain_text("Before")
    expect(changed).to_contain_text("After")
    expect(changed.locator("del")).to_have_text(["Before", "1.0"])
    expect(page.get_by_role("row", name=f"{code}4")).to_contain_text("Title: Fill this in.")

    page.get_by_label("Show rows").select_option("failed")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_label("Show rows").select_option("created")
    expect(page.get_by_role("row", name=f"{code}3")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)
    assert registrar.find_courses(f"{code}3") == []

    page.get_by_role("button", name="Apply this plan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Import of courses")
    assert _counts(page) == dict(zip(OUTCOMES, [4, 1, 1, 1, 1], strict=True))
    titles = {course["code"]: course["title"] for course in registrar.find_courses(code)}
    assert titles == {f"{code}1": "After", f"{code}2": "Same", f"{code}3": "New"}


def test_sections_and_seats_go_in_by_the_file_and_out_again(
    page: Page, sign_in: SignIn, registrar: Registrar, term: dict[str, Any], code: str
) -> None:
    registrar.add_course(code, "Algebra")
    sign_in("rosa", "/imports?kind=sections")
    expect(page.get_by_role("heading", level=1)).to_have_text("Import sections")
    header = "course_code,term,section_code,teacher,capacity,meetings\n"
    row = f"{code},{term['code']},01,ben,1,1:1-2:odd@R {code}\n"
    _upload(page, header + row, mode="Preview", path="/imports?kind=sections")
    expect(page.get_by_role("main")).to_contain_text(f"R {code}", timeout=_WORK_MILLISECONDS)
    expect(page.get_by_role("columnheader", name="Section")).to_be_visible()
    page.get_by_role("button", name="Apply this plan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Import of sections")
    assert _counts(page)["New"] == 1

    page.goto("/imports")
    page.get_by_role("radio", name="Enrolments").check()
    expect(page.get_by_role("heading", level=1)).to_have_text("Import enrolments")
    seat = f"{code},{term['code']},01"
    rows = f"course_code,term,section_code,username\n{seat},dai\n{seat},chloe\n"
    _upload(page, rows, mode="Import at once", path="/imports?kind=enrollments")
    assert _counts(page) == dict(zip([*OUTCOMES, "In line"], [2, 2, 0, 0, 0, 1], strict=True))

    for name, kind, key, values in [
        ("Sections", "sections", "teacher", ["ben"]),
        ("Timetable", "timetable", "room", [f"R {code}"]),
        ("Enrolments", "enrollments", "username", ["dai", "chloe"]),
    ]:
        page.goto(f"/sections?term={term['code']}")
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name=name).click()
        with page.expect_download(timeout=_WORK_MILLISECONDS) as download:
            page.get_by_role("button", name="Download CSV").click(timeout=_WORK_MILLISECONDS)
        assert kind in download.value.suggested_filename
        assert [row[key] for row in _table(download.value)] == values


def test_a_plan_is_applied_once(
    page: Page, sign_in: SignIn, code: str, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(409)
    sign_in("rosa", "/imports")
    _upload(page, f"code,title\n{code},New\n", mode="Preview")
    plan_url = page.url
    page.get_by_role("button", name="Apply this plan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Import of courses")
    _counts(page)
    page.goto(plan_url)
    page.get_by_role("button", name="Apply this plan").click()
    expect(page.get_by_role("alert")).to_contain_text("applied already")


def test_a_plan_whose_data_changed_is_not_applied(
    page: Page, sign_in: SignIn, registrar: Registrar, code: str, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(409)
    course = registrar.add_course(code, "Before")
    sign_in("rosa", "/imports")
    _upload(page, f"code,title\n{code},From the file\n", mode="Preview")
    button = page.get_by_role("button", name="Apply this plan")
    button.wait_for(timeout=_WORK_MILLISECONDS)
    registrar.change_course(course["id"], title="By hand")
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("have changed since this preview")
    assert registrar.find_courses(code)[0]["title"] == "By hand"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "This is not a CSV file."),
        (b"title,credits\nAlgebra,3\n", "A required column is missing."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    page: Page, sign_in: SignIn, content: bytes, sentence: str
) -> None:
    sign_in("rosa", "/imports")
    _upload(page, content, mode="Import at once")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(sentence, timeout=_WORK_MILLISECONDS)
    expect(alert).to_contain_text("Nothing was changed.")


def test_no_file_and_an_empty_file_are_not_uploaded(page: Page, sign_in: SignIn) -> None:
    sign_in("rosa", "/imports")
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.get_by_text("Choose a file first.")).to_be_visible()
    page.locator("input[type=file]").set_input_files(
        {"name": "empty.csv", "mimeType": "text/csv", "buffer": b""}
    )
    expect(page.get_by_text("This file is empty.")).to_be_visible()
    page.get_by_role("button", name="Upload and preview").click()
    expect(page).to_have_url(re.compile("/imports$"))


def test_an_upload_that_the_storage_refuses_is_said_to_be_so(
    page: Page, sign_in: SignIn, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(403)
    sign_in("rosa", "/imports")
    page.route(
        lambda url: "/api/" not in url and "rollcall-" in url,
        lambda route: route.fulfill(
            status=403, body="<Error/>", headers={"Access-Control-Allow-Origin": "*"}
        ),
    )
    page.locator("input[type=file]").set_input_files(
        {"name": "a.csv", "mimeType": "text/csv", "buffer": b"code,title\nA,B\n"}
    )
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.get_by_role("alert")).to_contain_text("The storage did not accept the file.")
    expect(page.get_by_role("button", name="Upload and preview")).to_be_enabled()


def test_what_is_shown_is_what_is_exported(
    page: Page, sign_in: SignIn, registrar: Registrar, code: str
) -> None:
    registrar.add_course(f"{code}1", "操作系统", description="=SUM(A1)\n第二行", credits=2.5)
    registrar.add_course(f"{code}2", "Algebra")
    sign_in("rosa", f"/courses?q={code}")
    page.get_by_role("row", name=f"{code}1").wait_for()
    page.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=_WORK_MILLISECONDS) as download:
        page.get_by_role("button", name="Download CSV").click(timeout=_WORK_MILLISECONDS)
    expect(page.get_by_text("is ready. (2 rows)")).to_be_visible()
    assert download.value.suggested_filename.endswith(".csv")
    rows = {row["code"]: row for row in _table(download.value)}
    assert set(rows) == {f"{code}1", f"{code}2"}
    assert rows[f"{code}1"]["title"] == "操作系统"

    exported = Path(download.value.path()).read_bytes()
    _upload(page, exported, mode="Preview", name="back.csv")
    assert _counts(page) == dict(zip(OUTCOMES, [2, 0, 0, 2, 0], strict=True))
    expect(page.get_by_text("This file would change nothing.")).to_be_visible()
    expect(page.get_by_role("button", name="Apply this plan")).to_have_count(0)


def test_the_tasks_page_lists_what_was_started(page: Page, sign_in: SignIn, code: str) -> None:
    sign_in("rosa", "/imports")
    _upload(page, f"code,title\n{code},New\n", mode="Import at once", name=f"{code}.csv")
    _counts(page)
    page.get_by_role("link", name="All tasks").click()
    row = page.get_by_role("row", name=f"{code}.csv")
    expect(row).to_contain_text("1 new, 0 changed, 0 the same, 0 refused")
    expect(row).to_contain_text("Done")
    row.get_by_role("link").click()
    assert _counts(page)["New"] == 1


def test_a_task_page_waits_out_a_server_that_is_away(
    page: Page, sign_in: SignIn, code: str, allowed_statuses: set[int]
) -> None:
    allowed_statuses.add(503)
    sign_in("rosa", "/imports")
    _upload(page, f"code,title\n{code},New\n", mode="Import at once")
    _counts(page)
    url = page.url
    token = page.evaluate("JSON.parse(localStorage.getItem('rollcall.session')).access")
    task = page.request.get(
        url.replace("/tasks/", "/api/tasks/"), headers={"Authorization": f"Bearer {token}"}
    ).json()
    running = {**task, "state": "PROGRESS", "result": None, "finished_at": None}
    away = True
    asked = 0

    def answer(route: Any) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            route.fulfill(json=running)
        elif away:
            route.fulfill(status=503, json={"code": "database_away"})
        else:
            route.continue_()

    page.route("**/api/tasks/*", answer)
    page.goto(url)
    expect(page.get_by_text("The server does not answer. Asking again…")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_visible()
    away = False
    assert _counts(page)["New"] == 1
    assert asked > 2

"""Large files: uploaded in parts by links that are bound to one key, number and size."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import Connection

from chalicelib.attachments import leftovers, rules, service
from chalicelib.integrations import multipart
from functions.sweep.handler import handler as sweep
from tests.attachments.buckets import bucket_of_its_own
from tests.attachments.files import PDF, PNG
from tests.functions.events import Context, schedule_event

from .conftest import API, AddCourse, Answer, AtOnce
from .shelf import Shelf, send, sha256_of

MIB = 1024 * 1024
PART = 5 * MIB
# The smallest file of three parts, no two of which are the same.
LARGE = PDF + bytes(PART - len(PDF)) + b"b" * PART + b"end"


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    with bucket_of_its_own() as bucket:
        yield bucket


@pytest.fixture
def shelf(
    api: API,
    add_course: AddCourse,
    owner: Connection,
    bucket: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shelf]:
    monkeypatch.setattr(rules, "PART_BYTES", PART)
    monkeypatch.setattr(service, "PART_BYTES", PART)
    yield Shelf(api, add_course()["id"], owner, bucket)
    bucket.objects.all().delete()
    for upload in bucket.multipart_uploads.all():
        upload.abort()


def links(shelf: Shelf, path: str, *numbers: int, as_: str = "rosa") -> Answer:
    return shelf.api.post(f"{path}/parts", as_=as_, body={"numbers": list(numbers)})


def content_of(part: dict[str, Any]) -> bytes:
    start = (part["number"] - 1) * PART
    return LARGE[start : start + part["size"]]


def send_parts(shelf: Shelf, path: str, *numbers: int) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = links(shelf, path, *numbers).json["parts"]
    for part in parts:
        answer = requests.put(part["url"], data=content_of(part), timeout=30)
        assert (answer.status_code, "ETag" in answer.headers) == (200, True)
    return parts


def test_a_large_file_arrives_in_parts_in_any_order(shelf: Shelf) -> None:
    path, _ = shelf.announced(LARGE, checksum_sha256=sha256_of(LARGE))
    answer = links(shelf, path, 3, 1)
    assert answer.status == 200
    assert (answer.json["part_size"], answer.json["count"]) == (PART, 3)
    assert [(p["number"], p["size"]) for p in answer.json["parts"]] == [(3, 3), (1, PART)]
    send_parts(shelf, path, 3, 1)
    assert shelf.complete(path).code == "upload_missing"
    send_parts(shelf, path, 2)
    assert shelf.complete(path).status == 200
    assert shelf.download(path) == LARGE
    assert (len(shelf.files()), shelf.unfinished_parts()) == (1, 0)


def test_a_part_may_be_sent_again_until_the_file_is_complete(shelf: Shelf) -> None:
    path, _ = shelf.announced(LARGE)
    part = send_parts(shelf, path, 1)[0]
    requests.put(part["url"], data=b"x" * PART, timeout=30)
    send_parts(shelf, path, 1, 2, 3)
    shelf.complete(path)
    assert requests.put(part["url"], data=b"x" * PART, timeout=30).status_code == 404
    assert shelf.complete(path).status == 200
    assert shelf.download(path) == LARGE


@pytest.mark.parametrize("size", [PART - 1, PART + 1, 0])
def test_a_part_has_exactly_its_size(shelf: Shelf, size: int) -> None:
    path, _ = shelf.announced(LARGE)
    part = links(shelf, path, 1).json["parts"][0]
    assert requests.put(part["url"], data=b"x" * size, timeout=30).status_code == 403


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("partNumber=1", "partNumber=2"),
        ("/uploads/attachments/", "/attachments/"),
        ("X-Amz-Expires=900", "X-Amz-Expires=90000"),
        ("uploadId=", "uploadId=0"),
    ],
)
def test_a_link_is_for_its_part_only(shelf: Shelf, old: str, new: str) -> None:
    path, _ = shelf.announced(LARGE)
    url = links(shelf, path, 1).json["parts"][0]["url"]
    assert old in url
    changed = url.replace(old, new)
    assert requests.put(changed, data=LARGE[:PART], timeout=30).status_code == 403


def test_parts_of_something_else_are_found_out(shelf: Shelf) -> None:
    path, _ = shelf.announced(LARGE)
    first, *_ = links(shelf, path, 1).json["parts"]
    requests.put(first["url"], data=PNG + bytes(PART - len(PNG)), timeout=30)
    send_parts(shelf, path, 2, 3)
    answer = shelf.complete(path)
    assert (answer.status, answer.code) == (409, "upload_mismatch")
    assert (shelf.files(), shelf.unfinished_parts()) == ([], 0)
    send_parts(shelf, path, 1, 2, 3)
    assert shelf.complete(path).status == 200
    assert shelf.download(path) == LARGE


def test_a_wrong_checksum_of_the_whole_is_found_out(shelf: Shelf) -> None:
    path, _ = shelf.announced(LARGE, checksum_sha256=sha256_of(PDF))
    send_parts(shelf, path, 1, 2, 3)
    assert shelf.complete(path).code == "upload_mismatch"
    assert (shelf.files(), shelf.unfinished_parts()) == ([], 0)


def test_parts_are_given_up_with_the_attachment(shelf: Shelf) -> None:
    path, _ = shelf.announced(LARGE)
    part = send_parts(shelf, path, 1)[0]
    assert shelf.unfinished_parts() == 1
    assert shelf.api.delete(path, as_="rosa").status == 204
    assert (shelf.files(), shelf.unfinished_parts()) == ([], 0)
    assert requests.put(part["url"], data=LARGE[:PART], timeout=30).status_code == 404


def test_parts_go_with_the_course(shelf: Shelf) -> None:
    path, _ = shelf.announced(LARGE)
    send_parts(shelf, path, 1)
    assert shelf.api.delete(f"/api/courses/{shelf.course}", as_="rosa").status == 204
    assert (shelf.files(), shelf.unfinished_parts()) == ([], 0)


def test_the_form_will_do_as_well_once_parts_were_asked_for(shelf: Shelf) -> None:
    path, form = shelf.announced(LARGE)
    send_parts(shelf, path, 1)
    assert send(form, LARGE).status_code == 204
    assert shelf.complete(path).status == 200
    assert shelf.download(path) == LARGE
    assert (len(shelf.files()), shelf.unfinished_parts()) == (1, 0)


def test_a_small_file_has_one_part(shelf: Shelf) -> None:
    path, _ = shelf.announced(PDF)
    (part,) = links(shelf, path, 1).json["parts"]
    assert part["size"] == len(PDF)
    requests.put(part["url"], data=PDF, timeout=30)
    assert shelf.complete(path).status == 200


def test_a_file_that_is_ready_takes_no_parts(shelf: Shelf) -> None:
    answer = links(shelf, shelf.ready(), 1)
    assert (answer.status, answer.code) == (409, "attachment_ready")


@pytest.mark.parametrize(
    ("numbers", "field", "code"),
    [
        ([], "numbers", "too_few"),
        ([0], "numbers.0", "out_of_range"),
        ([1, 4], "numbers.1", "out_of_range"),
        ([129], "numbers.0", "out_of_range"),
        ([1, 1], "numbers", "invalid_value"),
        (list(range(1, 102)), "numbers", "too_many"),
        (["1"], "numbers.0", "wrong_type"),
        (1, "numbers", "wrong_type"),
        (None, "numbers", "wrong_type"),
    ],
)
def test_parts_that_make_no_sense_are_named(
    shelf: Shelf, numbers: Any, field: str, code: str
) -> None:
    path, _ = shelf.announced(LARGE)
    answer = shelf.api.post(f"{path}/parts", as_="rosa", body={"numbers": numbers})
    assert (answer.status, answer.fields) == (422, {field: code})
    assert shelf.unfinished_parts() == 0


def test_who_asks_for_parts_at_once_gets_links_of_one_upload(shelf: Shelf, at_once: AtOnce) -> None:
    path, _ = shelf.announced(LARGE)
    asked = [("POST", f"{path}/parts", {"numbers": [number]}, {}) for number in (1, 2, 3)]
    answers = at_once(asked, "course_attachments")
    assert [answer.status for answer in answers] == [200] * 3
    assert shelf.unfinished_parts() == 1


def test_two_who_complete_parts_at_once_both_succeed(shelf: Shelf, at_once: AtOnce) -> None:
    path, _ = shelf.announced(LARGE)
    send_parts(shelf, path, 1, 2, 3)
    requests_ = [("POST", f"{path}/complete", None, {})] * 2
    answers = at_once(requests_, "course_attachments")
    assert [answer.status for answer in answers] == [200, 200]
    assert (len(shelf.files()), shelf.unfinished_parts()) == (1, 0)
    assert shelf.download(path) == LARGE


def test_a_part_that_changes_while_they_are_joined_is_asked_for_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = shelf.announced(LARGE)
    part, *_ = send_parts(shelf, path, 1, 2, 3)
    list_parts = multipart.list_parts

    def list_and_replace(*arguments: str) -> dict[int, multipart.Part]:
        listed = list_parts(*arguments)
        requests.put(part["url"], data=PNG + bytes(PART - len(PNG)), timeout=30)
        return listed

    with monkeypatch.context() as patch:
        patch.setattr(multipart, "list_parts", list_and_replace)
        assert shelf.complete(path).code == "upload_missing"
    send_parts(shelf, path, 1)
    assert shelf.complete(path).status == 200
    assert shelf.download(path) == LARGE


def test_an_upload_that_nobody_knows_of_is_swept_after_a_day(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = shelf.announced(LARGE)
    send_parts(shelf, path, 1)
    shelf.write("UPDATE course_attachments SET multipart_id = NULL")
    assert sweep(schedule_event(), Context())["parts"] == 0
    monkeypatch.setattr(leftovers, "_UNFINISHED", -timedelta(minutes=1))
    assert sweep(schedule_event(), Context())["parts"] == 1
    assert shelf.unfinished_parts() == 0

"""What `complete` finds out by itself: nothing that a client says is taken for granted, and what
was checked once is never swapped."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from chalicelib.attachments import completing
from chalicelib.integrations import s3
from chalicelib.integrations.errors import StorageAway
from functions.sweep.handler import handler as sweep
from tests.attachments.buckets import bucket_of_its_own
from tests.attachments.files import HTML, PDF, PNG, PROGRAM, SVG, TEXT, office
from tests.functions.events import Context, schedule_event

from .conftest import API, AddCourse, AtOnce
from .shelf import Shelf, send, sha256_of

OTHER_PDF = PDF.replace(b"1.7", b"1.4")


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    with bucket_of_its_own() as bucket:
        yield bucket


@pytest.fixture
def shelf(api: API, add_course: AddCourse, owner: Connection, bucket: Any) -> Iterator[Shelf]:
    yield Shelf(api, add_course()["id"], owner, bucket)
    bucket.objects.all().delete()


def put(form: dict[str, Any], content: bytes, content_type: str = "application/pdf") -> None:
    """Store something under the key of a form past its limits, as a lax storage might."""
    s3.put(form["fields"]["key"], content, content_type)


class TestMismatches:
    @pytest.mark.parametrize(
        ("content", "content_type"),
        [
            (PDF + b" ", "application/pdf"),
            (PDF[:-1], "application/pdf"),
            (PDF, "text/html"),
            (PDF, "application/pdf; charset=utf-8"),
            (PNG.ljust(len(PDF), b"\0"), "application/pdf"),
            (HTML.ljust(len(PDF))[: len(PDF)], "application/pdf"),
            (PROGRAM.ljust(len(PDF), b"\0"), "application/pdf"),
        ],
        ids=["longer", "shorter", "type", "parameters", "picture", "page", "program"],
    )
    def test_what_is_not_the_announced_file_is_removed(
        self, shelf: Shelf, content: bytes, content_type: str
    ) -> None:
        path, form = shelf.announced()
        put(form, content, content_type)
        answer = shelf.complete(path)
        assert (answer.status, answer.code) == (409, "upload_mismatch")
        assert shelf.files() == []
        assert shelf.complete(path).code == "upload_missing"
        assert shelf.api.get(path, as_="rosa").json["state"] == "uploading"

    @pytest.mark.parametrize(
        ("content", "content_type", "code"),
        [
            (HTML, "text/plain", "upload_mismatch"),
            (SVG, "text/markdown", "upload_mismatch"),
            (SVG, "image/png", "upload_mismatch"),
            (PROGRAM, "application/zip", "upload_mismatch"),
            (TEXT.decode().encode("utf-16"), "text/csv", "upload_mismatch"),
            (office("xl"), "image/jpeg", "upload_mismatch"),
            (TEXT, "text/plain", None),
            (TEXT.decode().encode("gb18030"), "text/csv", None),
            (b"x" * 20_000, "text/plain", None),
            (b"x", "text/plain", None),
        ],
    )
    def test_the_form_does_not_see_what_a_file_is_but_the_check_does(
        self, shelf: Shelf, content: bytes, content_type: str, code: str | None
    ) -> None:
        path, form = shelf.announced(content, content_type=content_type)
        assert send(form, content).status_code == 204
        answer = shelf.complete(path)
        assert (answer.json.get("code"), len(shelf.files())) == (code, 0 if code else 1)

    def test_the_right_file_may_follow_a_wrong_one(self, shelf: Shelf) -> None:
        path, form = shelf.announced()
        send(form, PNG.ljust(len(PDF), b"\0"))
        assert shelf.complete(path).code == "upload_mismatch"
        send(form, PDF)
        assert shelf.complete(path).status == 200
        assert shelf.download(path) == PDF

    def test_nothing_there_is_missing(self, shelf: Shelf) -> None:
        path, _ = shelf.announced()
        answer = shelf.complete(path)
        assert (answer.status, answer.code) == (409, "upload_missing")
        assert shelf.read("SELECT object_key FROM attachment_leftovers") == []


class TestChecksums:
    def test_a_file_with_its_checksum_passes(self, shelf: Shelf) -> None:
        path = shelf.ready(checksum_sha256=sha256_of(PDF))
        assert shelf.api.get(path, as_="dai").json["checksum_sha256"] == sha256_of(PDF)

    def test_another_of_the_same_size_does_not(self, shelf: Shelf) -> None:
        path, form = shelf.announced(checksum_sha256=sha256_of(PDF))
        put(form, OTHER_PDF)
        answer = shelf.complete(path)
        assert (answer.status, answer.code) == (409, "upload_mismatch")
        assert shelf.files() == []

    def test_the_storages_own_sum_counts_where_it_works_one_out(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy = s3.copy

        def copy_and_sum(*arguments: str) -> s3.ObjectCopy:
            return s3.ObjectCopy(copy(*arguments).etag, sha256_of(PDF))

        monkeypatch.setattr(s3, "copy", copy_and_sum)
        path = shelf.ready()
        assert shelf.api.get(path, as_="dai").json["checksum_sha256"] == sha256_of(PDF)
        other, form = shelf.announced(OTHER_PDF, checksum_sha256=sha256_of(OTHER_PDF))
        put(form, OTHER_PDF)
        assert shelf.complete(other).code == "upload_mismatch"


class TestWriteOnce:
    def test_a_replayed_form_does_not_reach_what_was_checked(self, shelf: Shelf) -> None:
        path, form = shelf.announced()
        send(form, PDF)
        shelf.complete(path)
        assert send(form, OTHER_PDF).status_code == 204
        again = shelf.complete(path)
        assert (again.status, again.json["state"]) == (200, "ready")
        assert shelf.download(path) == PDF

    def test_no_form_was_made_for_what_is_downloaded(self, shelf: Shelf) -> None:
        path, form = shelf.announced()
        send(form, PDF)
        shelf.complete(path)
        (key,) = shelf.files()
        assert key != form["fields"]["key"]
        assert key.rpartition("/")[2] not in str(form)
        assert send(form, PDF, key=key).status_code == 403

    def test_what_a_replayed_form_brought_is_swept(self, shelf: Shelf) -> None:
        path, form = shelf.announced()
        send(form, PDF)
        shelf.complete(path)
        send(form, OTHER_PDF)
        assert sweep(schedule_event(), Context())["attachment_leftovers"] == 0
        assert len(shelf.files()) == 2
        shelf.write("UPDATE attachment_leftovers SET due_at = now() - interval '1 second'")
        assert sweep(schedule_event(), Context())["attachment_leftovers"] == 1
        assert len(shelf.files()) == 1
        assert shelf.download(path) == PDF

    def test_a_file_that_is_replaced_between_check_and_copy_is_not_taken(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, form = shelf.announced()
        send(form, PDF)
        copy = s3.copy

        def replace_and_copy(*arguments: str) -> s3.ObjectCopy:
            send(form, OTHER_PDF)
            return copy(*arguments)

        monkeypatch.setattr(s3, "copy", replace_and_copy)
        assert shelf.complete(path).code == "upload_mismatch"
        assert shelf.files() == []
        monkeypatch.undo()
        send(form, PDF)
        assert shelf.complete(path).status == 200

    @pytest.mark.parametrize("step", ["read_start", "copy"])
    def test_a_file_that_vanishes_during_the_check_is_missing(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        path, form = shelf.announced()
        send(form, PDF)
        real = getattr(s3, step)

        def vanish(*arguments: Any) -> Any:
            s3.delete(form["fields"]["key"])
            return real(*arguments)

        monkeypatch.setattr(s3, step, vanish)
        assert shelf.complete(path).code == "upload_missing"


class TestRepetition:
    def test_to_complete_twice_is_to_complete_once(self, shelf: Shelf) -> None:
        path = shelf.ready()
        first, second = shelf.complete(path), shelf.complete(path)
        assert first.status == second.status == 200
        assert first.body == second.body
        assert [action for action, _ in shelf.actions()].count("attachment_completed") == 1

    def test_two_who_complete_at_once_both_succeed_and_leave_one_file(
        self, shelf: Shelf, at_once: AtOnce
    ) -> None:
        path, form = shelf.announced()
        send(form, PDF)
        requests = [("POST", f"{path}/complete", None, {})] * 3
        answers = at_once(requests, "course_attachments")
        assert [answer.status for answer in answers] == [200] * 3
        assert len({answer.body for answer in answers}) == 1
        assert len(shelf.files()) == 1
        assert shelf.download(path) == PDF
        assert [action for action, _ in shelf.actions()].count("attachment_completed") == 1

    @pytest.mark.parametrize("replayed", [False, True])
    @pytest.mark.parametrize("step", ["head", "read_start", "copy"])
    def test_a_twin_that_is_faster_has_done_it_for_both(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, step: str, replayed: bool
    ) -> None:
        path, form = shelf.announced()
        send(form, PDF)
        real = getattr(s3, step)

        def wait_for_the_twin(*arguments: Any) -> Any:
            monkeypatch.setattr(s3, step, real)
            assert shelf.complete(path).status == 200
            if replayed:
                put(form, PNG.ljust(len(PDF), b"\0"))
            return real(*arguments)

        monkeypatch.setattr(s3, step, wait_for_the_twin)
        answer = shelf.complete(path)
        assert (answer.status, answer.body) == (200, shelf.api.get(path, as_="dai").body)
        assert len(shelf.files()) == 1
        assert shelf.download(path) == PDF

    def test_a_completion_that_meets_a_removal_leaves_nothing(
        self, shelf: Shelf, at_once: AtOnce
    ) -> None:
        outcomes = set()
        for _ in range(3):
            path, form = shelf.announced()
            send(form, PDF)
            requests = [("POST", f"{path}/complete", None, {}), ("DELETE", path, None, {})]
            completed, removed = at_once(requests, "course_attachments")
            outcomes.add(completed.status)
            assert removed.status == 204
            assert shelf.api.get(path, as_="rosa").status == 404
            assert shelf.files() == []
        assert outcomes <= {200, 404}

    def test_a_removal_during_the_check_is_told(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, form = shelf.announced()
        send(form, PDF)
        copy = s3.copy

        def copy_and_remove(*arguments: str) -> s3.ObjectCopy:
            copied = copy(*arguments)
            assert shelf.api.delete(path, as_="amara").status == 204
            return copied

        monkeypatch.setattr(s3, "copy", copy_and_remove)
        assert shelf.complete(path).status == 404
        assert shelf.files() == []


def _die(*_: Any) -> None:
    os._exit(9)


def _complete_and_die(shelf: Shelf, path: str, step: str) -> None:
    setattr(completing, step, _die)
    shelf.complete(path)


class TestBreaks:
    @pytest.mark.parametrize("step", ["_judged", "_copied", "_take"])
    def test_whoever_dies_on_the_way_can_be_followed(self, shelf: Shelf, step: str) -> None:
        path, form = shelf.announced()
        send(form, PDF)
        context = multiprocessing.get_context("fork")
        process = context.Process(target=_complete_and_die, args=(shelf, path, step))
        process.start()
        process.join(timeout=20)
        assert process.exitcode == 9
        assert len(shelf.files()) == (2 if step == "_take" else 1)
        assert shelf.api.get(path, as_="rosa").json["state"] == "uploading"

        assert shelf.complete(path).status == 200
        shelf.write("UPDATE attachment_leftovers SET due_at = now() - interval '1 second'")
        sweep(schedule_event(), Context())
        assert len(shelf.files()) == 1
        assert shelf.download(path) == PDF
        assert shelf.read("SELECT object_key FROM attachment_leftovers") == []

    @pytest.mark.parametrize("checksum", [None, sha256_of(PDF)])
    def test_a_copy_that_the_sweep_took_is_not_taken(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, checksum: str | None
    ) -> None:
        path, form = shelf.announced(checksum_sha256=checksum)
        send(form, PDF)
        copy = s3.copy

        def copy_and_sleep_too_long(*arguments: str) -> s3.ObjectCopy:
            copied = copy(*arguments)
            shelf.write("UPDATE attachment_leftovers SET due_at = now() - interval '1 second'")
            assert sweep(schedule_event(), Context())["attachment_leftovers"] == 1
            return copied

        monkeypatch.setattr(s3, "copy", copy_and_sleep_too_long)
        answer = shelf.complete(path)
        assert (answer.status, answer.code) == (503, "busy")
        monkeypatch.undo()
        assert shelf.complete(path).status == 200
        assert shelf.download(path) == PDF

    @pytest.mark.parametrize("step", ["head", "read_start", "copy"])
    def test_a_storage_that_is_away_is_told_and_the_upload_stays(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        path, form = shelf.announced()
        send(form, PDF)

        def away(*_: Any) -> None:
            raise StorageAway

        monkeypatch.setattr(s3, step, away)
        answer = shelf.complete(path)
        assert (answer.status, answer.code) == (503, "storage_away")
        monkeypatch.undo()
        assert shelf.complete(path).status == 200

    def test_what_cannot_be_removed_at_once_is_swept(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = shelf.ready()

        def away(*_: Any) -> None:
            raise StorageAway

        monkeypatch.setattr(s3, "delete_many", away)
        assert shelf.api.delete(path, as_="rosa").status == 204
        monkeypatch.undo()
        assert len(shelf.files()) == 1
        shelf.write("UPDATE attachment_leftovers SET due_at = now() - interval '1 second'")
        sweep(schedule_event(), Context())
        assert shelf.files() == []
        assert shelf.read("SELECT object_key FROM attachment_leftovers") == []

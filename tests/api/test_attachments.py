"""Files of courses over HTTP: announced, uploaded, checked, listed, downloaded, removed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests
from sqlalchemy import Connection

from chalicelib.attachments import service
from chalicelib.core.settings import reset_settings
from tests.attachments.buckets import bucket_of_its_own
from tests.attachments.files import PDF, PNG, TEXT

from .conftest import API, AddCourse, AddSection
from .shelf import Shelf, send, sha256_of


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    with bucket_of_its_own() as bucket:
        yield bucket


@pytest.fixture
def shelf(api: API, add_course: AddCourse, owner: Connection, bucket: Any) -> Iterator[Shelf]:
    yield Shelf(api, add_course()["id"], owner, bucket)
    bucket.objects.all().delete()


def test_a_file_is_announced_uploaded_checked_and_downloaded(shelf: Shelf) -> None:
    announced = shelf.announce(title="第一讲")
    attachment, upload = announced.json["attachment"], announced.json["upload"]
    path = announced.headers["Location"]
    assert path == f"/api/course_attachments/{attachment['id']}"
    assert attachment | {"id": 0, "created_at": ""} == {
        "id": 0,
        "course": shelf.course,
        "title": "第一讲",
        "filename": "讲义 1.pdf",
        "content_type": "application/pdf",
        "size": len(PDF),
        "checksum_sha256": None,
        "state": "uploading",
        "uploaded_by": {
            "id": shelf.api.callers["rosa"].id,
            "username": "rosa",
            "full_name": "Rosa",
        },
        "created_at": "",
    }
    assert upload["expires_at"].endswith("Z")
    assert send(upload, PDF).status_code == 204

    completed = shelf.complete(path)
    assert completed.status == 200
    assert completed.json == attachment | {"state": "ready"}
    read = shelf.api.get(path, as_="dai")
    assert read.body == completed.body
    assert read.headers["ETag"] == completed.headers["ETag"] != announced.headers["ETag"]
    assert shelf.download(path) == PDF
    assert [key.split("/")[:2] for key in shelf.files()] == [["attachments", str(shelf.course)]]
    assert shelf.actions()[-2:] == [
        ("attachment_created", "attachment"),
        ("attachment_completed", "attachment"),
    ]


def test_a_title_that_is_not_given_is_the_name(shelf: Shelf) -> None:
    assert shelf.announce(filename=" notes.pdf ").json["attachment"]["title"] == "notes.pdf"


def test_a_download_is_named_typed_short_and_never_shown_in_the_page(shelf: Shelf) -> None:
    path = shelf.ready()
    answer = shelf.api.get(f"{path}/download", as_="chloe")
    assert answer.status == 302
    assert answer.headers["Cache-Control"] == "no-store"
    link = answer.headers["Location"]
    assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == ["300"]
    file = requests.get(link, timeout=10)
    assert file.headers["Content-Type"] == "application/pdf"
    disposition = file.headers["Content-Disposition"]
    assert disposition.startswith("attachment; ")
    assert unquote(disposition.rpartition("filename*=UTF-8''")[2]) == "讲义 1.pdf"


def test_a_download_waits_for_the_file(shelf: Shelf) -> None:
    path, form = shelf.announced()
    send(form, PDF)
    answer = shelf.api.get(f"{path}/download", as_="rosa")
    assert (answer.status, answer.code) == (409, "attachment_unfinished")
    assert shelf.api.get(f"{path}/download", as_="dai").status == 404


def test_keys_cannot_be_guessed(shelf: Shelf) -> None:
    forms = [shelf.announced()[1] for _ in range(4)]
    secrets = {form["fields"]["key"].rpartition("/")[2] for form in forms}
    assert len(secrets) == 4
    assert all(len(secret) == 32 for secret in secrets)


class TestBodies:
    INVALID = (
        ({"course": None}, "course", "wrong_type"),
        ({"course": "1"}, "course", "wrong_type"),
        ({"course": 0}, "course", "out_of_range"),
        ({"course": 2**63}, "course", "out_of_range"),
        ({"title": ""}, "title", "too_short"),
        ({"title": "x" * 256}, "title", "too_long"),
        ({"title": "a\nb"}, "title", "invalid_character"),
        ({"filename": None}, "filename", "wrong_type"),
        ({"filename": " "}, "filename", "too_short"),
        ({"filename": "x" * 256}, "filename", "too_long"),
        ({"filename": "a/b.pdf"}, "filename", "invalid_character"),
        ({"filename": "a\\b.pdf"}, "filename", "invalid_character"),
        ({"filename": "a\tb.pdf"}, "filename", "invalid_character"),
        ({"filename": "fdp.\u202eexe"}, "filename", "invalid_character"),
        ({"filename": "nul\0"}, "filename", "nul_character"),
        ({"content_type": ""}, "content_type", "invalid_character"),
        ({"content_type": "pdf"}, "content_type", "invalid_character"),
        ({"content_type": "text/plain; charset=utf-8"}, "content_type", "invalid_character"),
        ({"content_type": "text/html"}, "content_type", "not_one_of"),
        ({"content_type": "image/svg+xml"}, "content_type", "not_one_of"),
        ({"content_type": "application/x-msdownload"}, "content_type", "not_one_of"),
        ({"size": 0}, "size", "out_of_range"),
        ({"size": -1}, "size", "out_of_range"),
        ({"size": 1024**3 + 1}, "size", "out_of_range"),
        ({"size": 1.5}, "size", "wrong_type"),
        ({"size": "1"}, "size", "wrong_type"),
        ({"checksum_sha256": "0" * 64}, "checksum_sha256", "invalid_character"),
        ({"checksum_sha256": "A" * 42 + "B="}, "checksum_sha256", "invalid_character"),
        ({"state": "ready"}, "state", "unknown_field"),
        ({"object_key": "attachments/1/x"}, "object_key", "unknown_field"),
    )

    @pytest.mark.parametrize(("change", "field", "code"), INVALID)
    def test_a_field_that_is_not_valid_is_named(
        self, shelf: Shelf, change: dict[str, Any], field: str, code: str
    ) -> None:
        answer = shelf.announce(**change)
        assert (answer.status, answer.fields) == (422, {field: code})
        assert shelf.read("SELECT id FROM course_attachments") == []

    def test_what_is_needed_is_named(self, shelf: Shelf) -> None:
        answer = shelf.api.post("/api/course_attachments", as_="rosa", body={})
        assert answer.fields == dict.fromkeys(
            ("course", "filename", "content_type", "size"), "required"
        )

    def test_a_course_that_is_not_there_is_not_found(self, shelf: Shelf) -> None:
        assert shelf.announce(course=999_999).status == 404

    def test_a_file_may_have_a_gibibyte(self, shelf: Shelf) -> None:
        assert shelf.announce(size=1024**3).status == 201

    def test_a_type_is_one_in_any_case(self, shelf: Shelf) -> None:
        answer = shelf.announce(content_type="Application/PDF")
        assert answer.json["attachment"]["content_type"] == "application/pdf"

    def test_which_types_are_taken_is_a_setting(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ATTACHMENT_TYPES", "application/x-tex, IMAGE/PNG")
        reset_settings()
        try:
            statuses = [
                shelf.announce(content_type=t).status
                for t in ("application/x-tex", "image/png", "application/pdf")
            ]
        finally:
            monkeypatch.undo()
            reset_settings()
        assert statuses == [201, 201, 422]

    def test_an_idempotency_key_makes_one_attachment(self, shelf: Shelf) -> None:
        body = {
            "course": shelf.course,
            "filename": "a.pdf",
            "content_type": "application/pdf",
            "size": 9,
        }
        sent = {"as_": "rosa", "body": body, "headers": {"Idempotency-Key": "once"}}
        first, second = (shelf.api.post("/api/course_attachments", **sent) for _ in range(2))
        assert first.body == second.body
        assert len(shelf.read("SELECT id FROM course_attachments")) == 1


class TestRoles:
    def test_students_read_and_do_not_write(self, shelf: Shelf) -> None:
        path = shelf.ready()
        assert shelf.announce(as_="chloe").status == 403
        assert shelf.api.delete(path, as_="chloe").status == 403
        assert shelf.download(path, as_="chloe") == PDF

    def test_a_teacher_without_a_section_of_the_course_does_not_write(self, shelf: Shelf) -> None:
        path = shelf.ready()
        assert shelf.announce(as_="ben").code == "forbidden"
        assert shelf.api.delete(path, as_="ben").code == "forbidden"
        assert shelf.download(path, as_="ben") == PDF

    def test_who_teaches_a_section_of_the_course_keeps_its_files(
        self, shelf: Shelf, add_section: AddSection
    ) -> None:
        add_section(teacher="ben", course_id=shelf.course)
        path = shelf.ready(as_="ben")
        assert shelf.announce(as_="tilda").code == "forbidden"
        assert shelf.api.delete(path, as_="tilda").code == "forbidden"
        assert shelf.api.delete(path, as_="ben").status == 204

    def test_registrars_and_managers_remove_each_others_files(self, shelf: Shelf) -> None:
        path = shelf.ready(as_="rosa")
        assert shelf.api.delete(path, as_="amara").status == 204

    def test_only_its_uploader_sends_and_completes_it(self, shelf: Shelf) -> None:
        path, form = shelf.announced(as_="rosa")
        send(form, PDF)
        assert shelf.complete(path, as_="amara").code == "forbidden"
        parts = shelf.api.post(f"{path}/parts", as_="amara", body={"numbers": [1]})
        assert parts.code == "forbidden"
        assert shelf.complete(path, as_="rosa").status == 200

    def test_who_may_no_longer_keep_files_does_not_complete_one(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, form = shelf.announced()
        send(form, PDF)
        monkeypatch.setattr(service, "may_keep_attachments", lambda *_: False)
        assert shelf.complete(path).code == "forbidden"
        assert shelf.api.post(f"{path}/parts", as_="rosa", body={"numbers": [1]}).status == 403

    def test_what_is_unfinished_is_seen_by_its_uploader_and_by_staff(self, shelf: Shelf) -> None:
        unfinished, _ = shelf.announced()
        ready = shelf.ready()
        seen = {
            who: [f"/api/course_attachments/{item['id']}" for item in self._listed(shelf, who)]
            for who in ("rosa", "amara", "ben", "dai")
        }
        assert seen["rosa"] == seen["amara"] == [ready, unfinished]
        assert seen["ben"] == seen["dai"] == [ready]
        statuses = [shelf.api.get(unfinished, as_=w).status for w in ("rosa", "amara", "ben")]
        assert statuses == [200, 200, 404]

    def test_a_teacher_sees_an_unfinished_one_of_his_own(self, shelf: Shelf) -> None:
        unfinished, _ = shelf.announced()
        ben = shelf.api.callers["ben"].id
        shelf.write(f"UPDATE course_attachments SET uploaded_by = {ben}")
        assert len(self._listed(shelf, "ben")) == 1
        assert self._listed(shelf, "tilda") == []
        assert shelf.api.get(unfinished, as_="ben").status == 200

    def _listed(self, shelf: Shelf, who: str) -> list[dict[str, Any]]:
        answer = shelf.api.get(f"/api/course_attachments?course={shelf.course}", as_=who)
        items: list[dict[str, Any]] = answer.json["items"]
        return items


class TestLists:
    def test_they_are_of_one_course_and_newest_first(
        self, shelf: Shelf, add_course: AddCourse
    ) -> None:
        other = add_course("CS102")["id"]
        paths = [shelf.announced()[0], shelf.announced(course=other)[0], shelf.announced()[0]]
        listed = shelf.api.get(
            "/api/course_attachments", as_="rosa", query={"course": shelf.course}
        )
        ids = [f"/api/course_attachments/{item['id']}" for item in listed.json["items"]]
        assert ids == [paths[2], paths[0]]
        assert listed.json["next"] is None
        assert listed.headers["Cache-Control"] == "no-store"

    def test_they_come_in_pages_that_new_files_do_not_shift(self, shelf: Shelf) -> None:
        paths = [shelf.announced()[0] for _ in range(5)]
        seen: list[str] = []
        query: dict[str, Any] = {"course": shelf.course, "limit": 2}
        while True:
            page = shelf.api.get("/api/course_attachments", as_="rosa", query=query)
            seen += [f"/api/course_attachments/{item['id']}" for item in page.json["items"]]
            shelf.announced()
            if page.json["next"] is None:
                break
            assert f"course={shelf.course}" in page.headers["Link"]
            query["cursor"] = page.json["next"]
        assert seen == paths[::-1]

    def test_a_course_without_files_has_none(self, shelf: Shelf) -> None:
        answer = shelf.api.get("/api/course_attachments?course=999999", as_="dai")
        assert answer.json == {"items": [], "next": None}

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("", "required"),
            ("course=", "wrong_type"),
            ("course=x", "wrong_type"),
            ("course=0", "out_of_range"),
            (f"course={2**63}", "out_of_range"),
        ],
    )
    def test_a_list_names_its_course(self, shelf: Shelf, query: str, code: str) -> None:
        answer = shelf.api.get("/api/course_attachments", as_="dai", query=query)
        assert (answer.status, answer.fields) == (422, {"course": code})

    def test_a_cursor_of_another_list_is_refused(self, shelf: Shelf, api: API) -> None:
        query = {"course": shelf.course, "cursor": "bm9uc2Vuc2U"}
        answer = api.get("/api/course_attachments", as_="dai", query=query)
        assert answer.code == "invalid_cursor"


class TestRemoval:
    def test_row_and_file_go(self, shelf: Shelf) -> None:
        path = shelf.ready()
        link = shelf.api.get(f"{path}/download", as_="dai").headers["Location"]
        removed = shelf.api.delete(path, as_="rosa")
        assert (removed.status, removed.body) == (204, b"")
        assert shelf.files() == []
        assert requests.get(link, timeout=10).status_code == 404
        for method, where in (("GET", ""), ("DELETE", ""), ("GET", "/download")):
            assert shelf.api(method, path + where, as_="rosa").status == 404
        assert shelf.complete(path).status == 404
        assert shelf.actions()[-1] == ("attachment_deleted", "attachment")

    def test_an_upload_is_given_up_with_what_arrived(self, shelf: Shelf) -> None:
        path, form = shelf.announced()
        send(form, PDF)
        assert shelf.api.delete(path, as_="rosa").status == 204
        assert shelf.files() == []

    def test_a_stale_remover_is_told(self, shelf: Shelf) -> None:
        path, form = shelf.announced()
        stale = shelf.api.get(path, as_="rosa").headers["ETag"]
        send(form, PDF)
        shelf.complete(path)
        answer = shelf.api.delete(path, as_="rosa", headers={"If-Match": stale})
        assert (answer.status, answer.code) == (412, "precondition_failed")
        present = shelf.api.get(path, as_="rosa").headers["ETag"]
        assert shelf.api.get(path, as_="rosa", headers={"If-None-Match": present}).status == 304
        gone = shelf.api.delete(path, as_="rosa", headers={"If-Match": present})
        assert gone.status == 204

    def test_a_removed_course_takes_its_files_along(
        self, shelf: Shelf, add_course: AddCourse
    ) -> None:
        other = shelf.ready(course=add_course("CS102")["id"])
        shelf.ready()
        _, form = shelf.announced()
        send(form, PDF)
        assert shelf.api.delete(f"/api/courses/{shelf.course}", as_="rosa").status == 204
        assert len(shelf.files()) == 1
        assert shelf.download(other) == PDF
        assert ("attachments_deleted", "course") in shelf.actions()
        # a form of the course that holds longer may bring an object back: those are not forgotten
        left = shelf.read("SELECT object_key FROM attachment_leftovers")
        assert form["fields"]["key"] in {row.object_key for row in left}

    def test_a_course_without_files_has_none_to_remove(self, shelf: Shelf) -> None:
        assert shelf.api.delete(f"/api/courses/{shelf.course}", as_="rosa").status == 204
        assert "attachments_deleted" not in dict(shelf.actions())


class TestForms:
    @pytest.mark.parametrize(
        ("content", "fields", "status"),
        [
            (PDF + b" ", {}, 400),
            (PDF[:-1], {}, 400),
            (b"", {}, 400),
            (PDF, {"key": "attachments/1/stolen"}, 403),
            (PDF, {"key": "uploads/attachments/1/stolen"}, 403),
            (PDF, {"key": "imports/stolen/source.csv"}, 403),
            (PDF, {"Content-Type": "text/html"}, 403),
            (PDF, {"Content-Type": "application/pdf; charset=x"}, 403),
            (PDF, {"x-amz-signature": "0" * 64}, 403),
            (PDF, {"acl": "public-read"}, 403),
            (PDF, {"Content-Encoding": "gzip"}, 403),
            (PDF, {"Content-Disposition": "inline"}, 403),
            (PDF, {"x-amz-meta-a": "b"}, 403),
        ],
    )
    def test_they_take_what_was_announced_and_nothing_else(
        self, shelf: Shelf, content: bytes, fields: dict[str, str], status: int
    ) -> None:
        path, form = shelf.announced()
        assert send(form, content, **fields).status_code == status
        assert shelf.files() == []
        assert shelf.complete(path).code == "upload_missing"

    def test_they_end_after_a_while(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(service, "UPLOAD_SECONDS", 1)
        path, form = shelf.announced()
        time.sleep(2.1)
        assert send(form, PDF).status_code == 403
        assert shelf.complete(path).code == "upload_missing"
        assert shelf.files() == []

    def test_a_form_of_one_file_takes_no_other(self, shelf: Shelf) -> None:
        (_, mine), (_, other) = shelf.announced(), shelf.announced(PNG, content_type="image/png")
        stolen = {"key": other["fields"]["key"]}
        assert send(mine, PDF, **stolen).status_code == 403

    def test_a_checksum_is_bound_into_the_form(self, shelf: Shelf) -> None:
        _, form = shelf.announced(checksum_sha256=sha256_of(PDF))
        assert form["fields"]["x-amz-checksum-sha256"] == sha256_of(PDF)
        changed = {"x-amz-checksum-sha256": sha256_of(TEXT)}
        assert send(form, PDF, **changed).status_code == 403

"""Files of announcements over HTTP: who uploads, attaches, reads and removes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.attachments.buckets import bucket_of_its_own
from tests.attachments.files import PDF

from .conftest import API, AddCourse
from .shelf import Shelf, send
from .test_announcements import TITLE, act, announce, inbox

FILES = "/api/announcement_attachments"


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    with bucket_of_its_own() as bucket:
        yield bucket


@pytest.fixture
def shelf(api: API, owner: Connection, bucket: Any) -> Iterator[Shelf]:
    """Files that are of no course."""
    yield Shelf(api, None, owner, bucket)
    bucket.objects.all().delete()


@pytest.fixture
def course_shelf(shelf: Shelf, api: API, add_course: AddCourse) -> Shelf:
    return Shelf(api, add_course()["id"], shelf._owner, shelf._bucket)


def id_of(path: str) -> int:
    return int(path.rpartition("/")[2])


def reads(shelf: Shelf, path: str) -> dict[str, int]:
    """Return what each of the cast is answered who asks for a file."""
    statuses = {}
    for who in ("amara", "rosa", "ben", "tilda", "chloe", "dai"):
        answer = shelf.api.get(path, as_=who)
        download = shelf.api.get(f"{path}/download", as_=who)
        assert (answer.status, download.status) in ((200, 302), (404, 404))
        statuses[who] = answer.status
    return statuses


def readers(shelf: Shelf, path: str) -> set[str]:
    return {who for who, status in reads(shelf, path).items() if status == 200}


def attached(api: API, as_: str, *paths: str, **rest: Any) -> Any:
    body = TITLE | {"attachments": [id_of(path) for path in paths]} | rest
    return api.post("/api/announcements", as_=as_, body=body)


def to_chloe(api: API) -> dict[str, Any]:
    return {"kind": "users", "ids": [api.callers["chloe"].id]}


def test_a_file_is_uploaded_goes_out_and_is_read_from_the_inbox(shelf: Shelf) -> None:
    announced = shelf.announce(as_="ben", title="Map")
    path, form = announced.headers["Location"], announced.json["upload"]
    assert path == f"{FILES}/{announced.json['attachment']['id']}"
    assert announced.json["attachment"]["course"] is None
    assert form["fields"]["key"].startswith("uploads/attachments/announcements/")
    assert send(form, PDF).status_code == 204
    assert shelf.complete(path, as_="ben").json["state"] == "ready"
    assert [key.split("/")[:2] for key in shelf.files()] == [["attachments", "announcements"]]
    announce(shelf.api, "ben", attachments=[id_of(path)])
    ((file,),) = (item["announcement"]["attachments"] for item in inbox(shelf.api, "chloe"))
    assert file == {
        "id": id_of(path),
        "title": "Map",
        "filename": "讲义 1.pdf",
        "content_type": "application/pdf",
        "size": len(PDF),
    }
    assert shelf.download(f"{FILES}/{file['id']}", as_="chloe") == PDF
    assert ("attachment_completed", "attachment") in shelf.actions()


def test_a_course_s_file_that_is_removed_is_news_to_inboxes(course_shelf: Shelf, api: API) -> None:
    path = course_shelf.ready(as_="rosa")
    announce(api, "rosa", attachments=[id_of(path)])
    before = api.get("/api/deliveries", as_="chloe")
    assert len(before.json["items"][0]["announcement"]["attachments"]) == 1
    assert api.delete(path, as_="rosa").status == 204
    known = {"If-None-Match": before.headers["ETag"]}
    after = api.get("/api/deliveries", as_="chloe", headers=known)
    assert after.status == 200
    assert after.json["items"][0]["announcement"]["attachments"] == []


class TestReaders:
    def test_it_is_read_by_who_got_it_its_author_and_the_office_until_it_is_withdrawn(
        self, shelf: Shelf
    ) -> None:
        path = shelf.ready(as_="ben")
        assert readers(shelf, path) == {"amara", "rosa", "ben"}
        later = {"publish_at": "2099-01-01T00:00:00Z"}
        assert attached(shelf.api, "ben", path, **later).json["status"] == "scheduled"
        assert readers(shelf, path) == {"amara", "rosa", "ben"}
        told = announce(shelf.api, "ben", attachments=[id_of(path)])
        assert readers(shelf, path) == {"amara", "rosa", "ben", "chloe", "dai"}
        act(shelf.api, told, "withdraw", "ben")
        assert readers(shelf, path) == {"amara", "rosa", "ben"}

    def test_whom_it_was_not_for_does_not_read_it(self, shelf: Shelf) -> None:
        path = shelf.ready(as_="rosa")
        announce(shelf.api, "rosa", attachments=[id_of(path)], audience=to_chloe(shelf.api))
        assert readers(shelf, path) == {"amara", "rosa", "chloe"}

    def test_a_file_that_somebody_else_added_is_read_by_the_author(self, shelf: Shelf) -> None:
        told = announce(shelf.api, "tilda")
        path = shelf.ready(as_="rosa")
        body = {"attachments": [id_of(path)]}
        edited = shelf.api.patch(f"/api/announcements/{told['id']}", as_="rosa", body=body)
        assert edited.status == 200
        assert readers(shelf, path) == {"amara", "rosa", "tilda", "chloe", "dai"}
        act(shelf.api, told, "withdraw")
        assert readers(shelf, path) == {"amara", "rosa", "tilda"}

    def test_a_course_s_file_is_read_through_the_same_door(
        self, shelf: Shelf, course_shelf: Shelf
    ) -> None:
        path = f"{FILES}/{id_of(course_shelf.ready())}"
        assert readers(shelf, path) == set()
        announce(shelf.api, "rosa", attachments=[id_of(path)], audience=to_chloe(shelf.api))
        assert readers(shelf, path) == {"amara", "rosa", "chloe"}
        assert shelf.download(path, as_="chloe") == PDF

    def test_what_is_unfinished_is_seen_by_its_uploader_and_the_office(self, shelf: Shelf) -> None:
        path, _ = shelf.announced(as_="ben")
        statuses = [shelf.api.get(path, as_=who).status for who in ("ben", "rosa", "tilda", "dai")]
        assert statuses == [200, 200, 404, 404]
        assert shelf.api.get(f"{path}/download", as_="ben").code == "attachment_unfinished"


class TestUploads:
    def test_only_its_uploader_sends_and_completes_it(self, shelf: Shelf) -> None:
        path, form = shelf.announced(as_="ben")
        send(form, PDF)
        for who, status in (("rosa", 403), ("tilda", 404), ("dai", 403)):
            assert shelf.complete(path, as_=who).status == status
            parts = shelf.api.post(f"{path}/parts", as_=who, body={"numbers": [1]})
            assert parts.status == status
        assert shelf.api.post(f"{path}/parts", as_="ben", body={"numbers": [1]}).status == 200
        assert shelf.complete(path, as_="ben").status == 200

    def test_a_body_names_no_course(self, shelf: Shelf) -> None:
        assert shelf.announce(course=1).fields == {"course": "unknown_field"}
        assert shelf.announce(content_type="text/html").fields == {"content_type": "not_one_of"}
        assert shelf.announce(as_="dai").status == 403

    def test_each_kind_of_file_is_kept_at_its_own_door(
        self, shelf: Shelf, course_shelf: Shelf
    ) -> None:
        paths = (shelf.announced()[0], f"{FILES}/{id_of(course_shelf.announced()[0])}")
        wrong = (f"/api/course_attachments/{id_of(paths[0])}", paths[1])
        for path in wrong:
            assert shelf.api.get(path, as_="rosa").status == 404
            assert shelf.complete(path).status == 404
            assert shelf.api.delete(path, as_="rosa").status == 404
            parts = shelf.api.post(f"{path}/parts", as_="rosa", body={"numbers": [1]})
            assert parts.status == 404


class TestAttaching:
    def refused(self, answer: Any) -> None:
        assert (answer.status, answer.fields) == (422, {"attachments": "not_one_of"})

    def test_own_files_and_files_of_courses_are_attached_in_order(
        self, shelf: Shelf, course_shelf: Shelf
    ) -> None:
        mine, course_s = shelf.ready(as_="ben"), course_shelf.ready()
        told = attached(shelf.api, "ben", course_s, mine).json
        assert [file["id"] for file in told["attachments"]] == [id_of(course_s), id_of(mine)]
        path = f"/api/announcements/{told['id']}"
        for ids in ([id_of(mine), id_of(course_s)], [id_of(mine)], []):
            edited = shelf.api.patch(path, as_="ben", body={"attachments": ids}).json
            assert [file["id"] for file in edited["attachments"]] == ids

    def test_others_files_and_unfinished_ones_are_refused(self, shelf: Shelf) -> None:
        of_tilda, unfinished = shelf.ready(as_="tilda"), shelf.announced(as_="ben")[0]
        for path in (of_tilda, unfinished, f"{FILES}/999999"):
            self.refused(attached(shelf.api, "ben", path))
        self.refused(attached(shelf.api, "rosa", of_tilda))
        assert shelf.read("SELECT id FROM announcements") == []

    def test_who_edits_keeps_what_somebody_else_attached(self, shelf: Shelf) -> None:
        of_ben, of_rosa = shelf.ready(as_="ben"), shelf.ready(as_="rosa")
        told = attached(shelf.api, "ben", of_ben).json
        path = f"/api/announcements/{told['id']}"
        both = {"attachments": [id_of(of_rosa), id_of(of_ben)]}
        assert shelf.api.patch(path, as_="rosa", body=both).status == 200
        assert shelf.api.patch(path, as_="ben", body=both).status == 200
        alone = {"attachments": [id_of(of_ben)]}
        assert shelf.api.patch(path, as_="rosa", body=alone).status == 200
        self.refused(shelf.api.patch(path, as_="ben", body=both))

    def test_a_file_that_goes_meanwhile_is_refused(self, shelf: Shelf, owner: Connection) -> None:
        path = shelf.ready(as_="ben")
        owner.execute(text("DELETE FROM course_attachments"))
        with ThreadPoolExecutor(1) as pool:
            attaching = pool.submit(attached, shelf.api, "ben", path)
            wait_for_a_lock(shelf)
            owner.commit()
            self.refused(attaching.result(timeout=10))


def wait_for_a_lock(shelf: Shelf) -> None:
    waiting = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
    give_up = time.monotonic() + 8
    while not shelf._owner.execute(waiting).scalar_one():
        assert time.monotonic() < give_up, "nobody waits"
        time.sleep(0.02)


class TestRemoval:
    @pytest.fixture
    def remove(self, shelf: Shelf) -> Callable[..., tuple[int, str]]:
        def remove(path: str, as_: str) -> tuple[int, str]:
            answer = shelf.api.delete(path, as_=as_)
            return answer.status, "" if answer.status == 204 else answer.code

        return remove

    @pytest.mark.parametrize("publish_at", [None, "2099-01-01T00:00:00Z"])
    def test_a_file_that_is_out_or_to_come_stays(
        self, shelf: Shelf, remove: Callable[..., Any], publish_at: str | None
    ) -> None:
        path = shelf.ready(as_="ben")
        told = attached(shelf.api, "ben", path, publish_at=publish_at).json
        for who in ("ben", "rosa"):
            assert remove(path, who) == (409, "attachment_in_use")
        act(shelf.api, told, "withdraw", "ben")
        assert remove(path, "ben") == (204, "")
        assert shelf.files() == []
        read = shelf.api.get(f"/api/announcements/{told['id']}", as_="ben")
        assert read.json["attachments"] == []

    def test_one_that_no_announcement_has_goes(
        self, shelf: Shelf, remove: Callable[..., Any]
    ) -> None:
        path = shelf.ready(as_="ben")
        told = attached(shelf.api, "ben", path).json
        edit = {"attachments": []}
        shelf.api.patch(f"/api/announcements/{told['id']}", as_="ben", body=edit)
        assert remove(path, "tilda") == (404, "not_found")
        assert remove(path, "dai") == (403, "forbidden")
        assert remove(path, "rosa") == (204, "")
        assert remove(path, "ben") == (404, "not_found")
        assert shelf.actions()[-1] == ("attachment_deleted", "attachment")

    def test_an_upload_is_given_up(self, shelf: Shelf, remove: Callable[..., Any]) -> None:
        path, form = shelf.announced(as_="ben")
        send(form, PDF)
        assert remove(path, "ben") == (204, "")
        assert shelf.files() == []

    def test_a_stale_remover_is_told(self, shelf: Shelf) -> None:
        path, form = shelf.announced(as_="ben")
        stale = shelf.api.get(path, as_="ben").headers["ETag"]
        send(form, PDF)
        shelf.complete(path, as_="ben")
        answer = shelf.api.delete(path, as_="ben", headers={"If-Match": stale})
        assert (answer.status, answer.code) == (412, "precondition_failed")

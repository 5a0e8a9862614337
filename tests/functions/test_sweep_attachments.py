"""What the sweep takes away of uploads: the unfinished, and objects that no attachment needs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.core.clock import utc_now
from chalicelib.integrations import multipart, s3
from functions.sweep import handler as sweep
from tests.attachments.buckets import bucket_of_its_own
from tests.functions.events import Context, schedule_event

pytestmark = pytest.mark.usefixtures("clean_database", "bucket")


@pytest.fixture
def bucket() -> Iterator[Any]:
    with bucket_of_its_own() as bucket:
        yield bucket


def _attachment(owner: Connection, key: str, hours_old: int, state: str = "uploading") -> int:
    """Leave an attachment behind, with an object under its key."""
    s3.put(key, b"%PDF-", "application/pdf")
    attachment_id: int = owner.execute(
        text(
            "WITH course AS (INSERT INTO courses (code, title) VALUES (:key, 'x') RETURNING id)"
            " INSERT INTO course_attachments (course_id, title, filename, content_type,"
            " size_bytes, object_key, state, etag, created_at, upload_expires_at)"
            " SELECT id, 'x', 'x.pdf', 'application/pdf', 5, :key, :state,"
            " CASE WHEN :state = 'ready' THEN 'e' END, now() - make_interval(hours => :hours),"
            " now() - make_interval(hours => :hours) + interval '15 minutes'"
            " FROM course RETURNING id"
        ),
        {"key": key, "state": state, "hours": hours_old},
    ).scalar_one()
    owner.commit()
    return attachment_id


def _left(owner: Connection) -> dict[str, bool]:
    """Return the leftovers, and whether each is due."""
    rows = owner.execute(text("SELECT object_key, due_at < now() FROM attachment_leftovers")).all()
    owner.rollback()
    return {row[0]: row[1] for row in rows}


def test_uploads_that_are_unfinished_after_a_day_go(
    owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)
    old = [f"uploads/old-{n}" for n in range(3)]
    for key in old:
        _attachment(owner, key, hours_old=25)
    young = _attachment(owner, "uploads/young", hours_old=23)
    ready = _attachment(owner, "attachments/ready", hours_old=500, state="ready")
    swept = sweep.handler(schedule_event(), Context())
    assert (swept["unfinished_attachments"], swept["attachment_leftovers"]) == (3, 0)
    ids = owner.execute(text("SELECT id FROM course_attachments ORDER BY id")).scalars().all()
    assert ids == [young, ready]
    assert [s3.head(key) for key in old] == [None] * 3
    assert s3.head("uploads/young")
    assert s3.head("attachments/ready")
    # whatever still comes under these keys is removed next time
    assert _left(owner) == dict.fromkeys(old, False)


def test_an_unfinished_upload_goes_with_its_parts(owner: Connection) -> None:
    key = "uploads/attachments/1/parts"
    attachment_id = _attachment(owner, key, hours_old=25)
    upload_id = multipart.start(key, "application/pdf")
    owner.execute(
        text("UPDATE course_attachments SET multipart_id = :upload_id WHERE id = :id"),
        {"upload_id": upload_id, "id": attachment_id},
    )
    owner.commit()
    sweep.handler(schedule_event(), Context())
    assert multipart.list_unfinished("uploads/", utc_now() + timedelta(minutes=1)) == []


def _leave(owner: Connection, key: str, due_in: str) -> None:
    s3.put(key, b"x", "application/pdf")
    owner.execute(
        text("INSERT INTO attachment_leftovers VALUES (:key, now() + CAST(:due_in AS interval))"),
        {"key": key, "due_in": due_in},
    )
    owner.commit()


def test_leftovers_go_when_they_are_due(owner: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)
    for number in range(5):
        _leave(owner, f"uploads/{number}", "-1 minute")
    _leave(owner, "uploads/later", "1 minute")
    assert sweep.handler(schedule_event(), Context())["attachment_leftovers"] == 5
    assert [s3.head(f"uploads/{number}") for number in range(5)] == [None] * 5
    assert s3.head("uploads/later")
    assert _left(owner) == {"uploads/later": False}


def test_a_leftover_that_s3_does_not_give_up_keeps_no_other_from_going(
    owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCH", 1)
    _leave(owner, "uploads/stubborn", "-2 minutes")
    _leave(owner, "uploads/other", "-1 minute")
    delete_many = s3.delete_many
    monkeypatch.setattr(
        s3,
        "delete_many",
        lambda keys: (
            delete_many([key for key in keys if key != "uploads/stubborn"])
            + [key for key in keys if key == "uploads/stubborn"]
        ),
    )
    for _ in range(2):
        sweep.handler(schedule_event(), Context())
    assert _left(owner) == {"uploads/stubborn": False}


def test_a_key_that_is_being_adopted_is_left_alone(owner: Connection) -> None:
    _leave(owner, "attachments/adopted", "-1 minute")
    owner.execute(text("DELETE FROM attachment_leftovers"))
    assert sweep.handler(schedule_event(), Context())["attachment_leftovers"] == 0
    owner.commit()
    assert s3.head("attachments/adopted")


def _file_of_announcements(owner: Connection, key: str, hours_old: int) -> int:
    attachment_id = _attachment(owner, key, hours_old, state="ready")
    owner.execute(
        text("UPDATE course_attachments SET course_id = NULL WHERE id = :id"),
        {"id": attachment_id},
    )
    owner.commit()
    return attachment_id


_ANNOUNCE = text(
    "WITH author AS (INSERT INTO users (username, email, role)"
    " VALUES ('ben', 'ben@rollcall.example', 'teacher') RETURNING id),"
    " told AS (INSERT INTO announcements (publisher_id, title, body, html, audience, status)"
    " SELECT id, 'x', 'x', 'x', '{\"kind\": \"all_students\"}', 'scheduled' FROM author"
    " RETURNING id)"
    " INSERT INTO announcement_attachments (announcement_id, attachment_id, number)"
    " SELECT id, :attachment_id, 1 FROM told"
)
_WEEK = 7 * 24


def test_files_that_no_announcement_has_go_after_a_week(
    owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)
    old = [f"attachments/announcements/old-{n}" for n in range(3)]
    for key in old:
        _file_of_announcements(owner, key, hours_old=_WEEK + 1)
    young = _file_of_announcements(owner, "attachments/announcements/young", hours_old=_WEEK - 1)
    used = _file_of_announcements(owner, "attachments/announcements/used", hours_old=500)
    owner.execute(_ANNOUNCE, {"attachment_id": used})
    owner.commit()
    assert sweep.handler(schedule_event(), Context())["unused_files"] == 3
    ids = owner.execute(text("SELECT id FROM course_attachments ORDER BY id")).scalars().all()
    assert ids == [young, used]
    assert [s3.head(key) for key in old] == [None] * 3
    assert s3.head("attachments/announcements/used")


def test_a_file_that_is_being_attached_is_left_alone(owner: Connection) -> None:
    used = _file_of_announcements(owner, "attachments/announcements/used", hours_old=500)
    owner.execute(_ANNOUNCE, {"attachment_id": used})
    assert sweep.handler(schedule_event(), Context())["unused_files"] == 0
    owner.commit()
    assert sweep.handler(schedule_event(), Context())["unused_files"] == 0
    assert owner.execute(text("SELECT id FROM course_attachments")).scalars().all() == [used]

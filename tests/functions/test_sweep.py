"""The function that a clock starts once a day, to forget what is past its time."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from localstack_client.session import Session
from sqlalchemy import Connection, text

from chalicelib.core.settings import reset_settings
from chalicelib.integrations import s3
from chalicelib.integrations.aws import reset_clients
from functions.sweep import handler as sweep
from tests.functions.events import Context, schedule_event

pytestmark = pytest.mark.usefixtures("clean_database", "bucket")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = f"rollcall-sweep-{uuid.uuid4().hex[:12]}"
    region = os.environ["AWS_DEFAULT_REGION"]
    session: Any = Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",
        aws_session_token=None,
        region_name=region,
    )
    client = session.client("s3")
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    monkeypatch.setenv("BUCKET", name)
    reset_settings()
    reset_clients()
    yield name
    for item in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=item["Key"])
    client.delete_bucket(Bucket=name)
    monkeypatch.undo()
    reset_settings()


def _keep_answers(owner: Connection, hours_old: int, count: int) -> None:
    owner.execute(
        text(
            "INSERT INTO idempotency_keys (caller_id, key, request_hash, created_at)"
            " SELECT 1, :hours || '-' || n, '\\x00', now() - make_interval(hours => :hours)"
            " FROM generate_series(1, :count) n"
        ),
        {"hours": hours_old, "count": count},
    )
    owner.commit()


def _kept_answers(owner: Connection) -> int:
    count = owner.execute(text("SELECT count(*) FROM idempotency_keys")).scalar_one()
    owner.rollback()
    return int(count)


def test_answers_are_kept_a_day_and_no_longer(
    owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)
    _keep_answers(owner, hours_old=23, count=3)
    _keep_answers(owner, hours_old=25, count=5)
    assert sweep.handler(schedule_event(), Context())["idempotency_keys"] == 5
    assert _kept_answers(owner) == 3
    assert sweep.handler(schedule_event(), Context())["idempotency_keys"] == 0


def test_a_batch_that_it_might_not_end_is_left_to_the_next_day(owner: Connection) -> None:
    _keep_answers(owner, hours_old=25, count=5)
    assert sweep.handler(schedule_event(), Context(timeout_seconds=10)) == {
        "idempotency_keys": 0,
        "tasks": 0,
        "sessions": 0,
        "links": 0,
        "attempts": 0,
        "mails": 0,
        "channel_posts": 0,
        "cancellations": 0,
        "unfinished_attachments": 0,
        "unused_files": 0,
        "attachment_leftovers": 0,
        "parts": 0,
        "resealed": 0,
    }
    assert _kept_answers(owner) == 5


def _end_task(owner: Connection, days_ago: int) -> tuple[uuid.UUID, list[str]]:
    """Leave an ended import behind, with its file and its error report."""
    task_id = uuid.uuid4()
    keys = [f"imports/{task_id}/source.csv", f"results/{task_id}/errors.csv"]
    for key in keys:
        s3.put(key, b"code\n", "text/csv")
    owner.execute(
        text(
            "INSERT INTO tasks (id, kind, job, state, source_key, errors_key, created_at,"
            " finished_at) VALUES (:id, 'courses', 'import', 'SUCCESS', :source, :errors,"
            " now() - make_interval(days => :days), now())"
        ),
        {"id": task_id, "source": keys[0], "errors": keys[1], "days": days_ago},
    )
    owner.commit()
    return task_id, keys


def test_old_tasks_go_with_their_files_and_young_ones_stay(
    owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)
    old = [_end_task(owner, days_ago=31) for _ in range(3)]
    young_id, young_keys = _end_task(owner, days_ago=29)
    assert sweep.handler(schedule_event(), Context())["tasks"] == 3
    assert owner.execute(text("SELECT id FROM tasks")).scalars().all() == [young_id]
    assert [s3.head(key) for _, keys in old for key in keys] == [None] * 6
    assert all(s3.head(key) for key in young_keys)


def test_a_task_that_has_no_end_yet_is_not_old(owner: Connection) -> None:
    task_id, _ = _end_task(owner, days_ago=31)
    owner.execute(text("UPDATE tasks SET state = 'PROGRESS', finished_at = NULL"))
    owner.commit()
    assert sweep.handler(schedule_event(), Context())["tasks"] == 0
    assert owner.execute(text("SELECT id FROM tasks")).scalars().all() == [task_id]


def _sign_in(owner: Connection, days_left: int, count: int) -> None:
    owner.execute(
        text(
            "WITH student AS (INSERT INTO users (username, email, role) VALUES"
            " ('u' || :days, :days || '@rollcall.example', 'student') RETURNING id),"
            " begun AS (INSERT INTO sessions (user_id, ip, expires_at)"
            " SELECT id, '', now() + make_interval(days => :days)"
            " FROM student, generate_series(1, :count) RETURNING id, user_id, expires_at),"
            " links AS (INSERT INTO recovery_tokens (token_hash, user_id, expires_at)"
            " SELECT sha256(int8send(id)), user_id, expires_at FROM begun),"
            " counts AS (INSERT INTO attempts (kind, subject, hits, expires_at)"
            " SELECT 'login', sha256(int8send(id)), '{}', expires_at FROM begun)"
            " INSERT INTO refresh_tokens (token_hash, session_id, expires_at, spent_at)"
            " SELECT sha256(int8send(id)), id, expires_at, now() FROM begun"
        ),
        {"days": days_left, "count": count},
    )
    owner.commit()


def test_what_is_over_of_sessions_links_and_attempts_is_forgotten(
    owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)
    _sign_in(owner, days_left=-1, count=5)
    _sign_in(owner, days_left=1, count=3)
    removed = sweep.handler(schedule_event(), Context())
    assert (removed["links"], removed["attempts"]) == (5, 5)
    assert removed["sessions"] >= 5
    for table in ("sessions", "refresh_tokens", "recovery_tokens", "attempts"):
        assert owner.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 3


def test_a_spent_token_of_a_session_that_goes_on_is_forgotten_when_it_expires(
    owner: Connection,
) -> None:
    _sign_in(owner, days_left=1, count=2)
    owner.execute(text("UPDATE refresh_tokens SET expires_at = now() - interval '1 second'"))
    owner.commit()
    assert sweep.handler(schedule_event(), Context())["sessions"] == 2
    assert owner.execute(text("SELECT count(*) FROM sessions")).scalar_one() == 2


def _keep_mails(owner: Connection, days_old: int, state: str, count: int = 1) -> None:
    owner.execute(
        text(
            "INSERT INTO mails (kind, address, state, created_at, ended_at)"
            " SELECT 'forgot_username', 'a@b.example', :state,"
            " now() - make_interval(days => :days),"
            " CASE WHEN :state <> 'queued' THEN now() END FROM generate_series(1, :count)"
        ),
        {"state": state, "days": days_old, "count": count},
    )
    owner.commit()


def test_mails_are_kept_for_thirty_days(owner: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)
    _keep_mails(owner, 31, "sent", count=4)
    _keep_mails(owner, 29, "bounced")
    _keep_mails(owner, 0, "queued")
    # Its message is gone from the dead letters for two weeks: what is left is somebody's address.
    _keep_mails(owner, 31, "queued")
    assert sweep.handler(schedule_event(), Context())["mails"] == 5
    kept = owner.execute(text("SELECT state FROM mails ORDER BY state")).scalars().all()
    assert kept == ["bounced", "queued"]

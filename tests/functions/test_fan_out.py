"""The function of the queue fanout: whom it reaches, how it goes on, and what it cannot read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller
from chalicelib.announcements import audience, fanout
from chalicelib.announcements.publishing import (
    create_announcement,
    edit_announcement,
    get_announcement_for,
    withdraw_announcement,
)
from chalicelib.announcements.schemas import AnnouncementChanges, AnnouncementIn, Audience
from chalicelib.core import database
from functions.fan_out.handler import handler
from tests.functions.events import Context, failed_ids, message_ids, sqs_event
from tests.outbox.queues import Queues, temporary_queues

pytestmark = pytest.mark.usefixtures("clean_database")
NOW = datetime(2026, 11, 26, tzinfo=UTC)
STUDENTS = 25

Read = Callable[[str], list[Any]]


@pytest.fixture(autouse=True)
def queues() -> Iterator[Queues]:
    with temporary_queues() as made:
        yield made


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "CHUNK_SIZE", 10)


@pytest.fixture
def rosa() -> Caller:
    """The registrar of a school of 25 students."""
    with database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO users (username, email, role) SELECT 's' || n, n || '@s.example',"
                " 'student' FROM generate_series(1, :students) n"
            ),
            {"students": STUDENTS},
        )
        rosa = connection.execute(
            text(
                "INSERT INTO users (username, email, role)"
                " VALUES ('rosa', 'rosa@s.example', 'registrar') RETURNING id"
            )
        ).scalar_one()
    return Caller(rosa, "rosa", "registrar")


@pytest.fixture
def read(owner: Connection) -> Read:
    def read(sql: str) -> list[Any]:
        rows = owner.execute(text(sql)).all()
        owner.rollback()
        return list(rows)

    return read


def announce(rosa: Caller) -> int:
    wanted = AnnouncementIn(title="Trip", body="On Friday.")
    with database.transaction() as connection:
        return create_announcement(connection, rosa, wanted, NOW).id


def change(rosa: Caller, announcement_id: int, **changes: Any) -> None:
    with database.transaction() as connection:
        announcement = get_announcement_for(connection, rosa, announcement_id, lock=True)
        edit_announcement(connection, rosa, announcement, AnnouncementChanges(**changes))


def deliver(announcement_id: int, **context: Any) -> None:
    event = sqs_event([{"announcement_id": announcement_id}], queue="fanout")
    assert handler(event, Context(**context)) == {"batchItemFailures": []}


def test_everybody_gets_one_whatever_comes_twice(rosa: Caller, read: Read, queues: Queues) -> None:
    announcement_id = announce(rosa)
    assert [m["announcement_id"] for m in queues.receive("fanout")] == [announcement_id]
    for _ in range(3):
        deliver(announcement_id)
    assert read("SELECT count(*), count(DISTINCT user_id) FROM deliveries") == [(25, 25)]
    assert read("SELECT number, size, done_version FROM fanout_chunks ORDER BY number") == [
        (1, 10, 1),
        (2, 10, 1),
        (3, 5, 1),
    ]
    queued = "SELECT kind, cardinality(user_ids) FROM delivery_events ORDER BY id"
    assert read(queued) == [("queued", 10), ("queued", 10), ("queued", 5)]
    assert read("SELECT fanout_state FROM announcements") == [("done",)]


def test_who_comes_after_it_was_published_is_not_in_its_audience(rosa: Caller, read: Read) -> None:
    announcement_id = announce(rosa)
    with database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO users (username, email, role)"
                " VALUES ('eva', 'eva@s.example', 'student')"
            )
        )
    deliver(announcement_id)
    assert read("SELECT count(*) FROM deliveries") == [(25,)]


def test_a_list_of_people_that_is_frozen_in_parts_is_frozen_whole(
    rosa: Caller, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "_MOST_CHUNKS", 1)
    ids = [row.id for row in read("SELECT id FROM users WHERE role = 'student'")]
    wanted = AnnouncementIn(
        title="Trip", body="On Friday.", audience=Audience(kind="users", ids=ids)
    )
    with database.transaction() as connection:
        announcement_id = create_announcement(connection, rosa, wanted, NOW).id
    deliver(announcement_id)
    assert read("SELECT count(*), count(DISTINCT user_id) FROM deliveries") == [(25, 25)]


def test_what_there_is_no_time_for_is_another_messages(
    rosa: Caller, read: Read, queues: Queues
) -> None:
    announcement_id = announce(rosa)
    queues.receive("fanout")
    deliver(announcement_id, timeout_seconds=1)
    assert read("SELECT count(*) FROM deliveries") == [(0,)]
    assert [m["announcement_id"] for m in queues.receive("fanout")] == [announcement_id]
    deliver(announcement_id)
    assert read("SELECT count(*) FROM deliveries") == [(25,)]
    assert queues.receive("fanout") == []


def test_a_withdrawal_in_the_middle_stops_it(rosa: Caller, read: Read) -> None:
    announcement_id = announce(rosa)
    once = iter([True, False, False])
    fanout.fan_out(announcement_id, lambda: next(once))
    with database.transaction() as connection:
        announcement = get_announcement_for(connection, rosa, announcement_id, lock=True)
        withdraw_announcement(connection, rosa, announcement)
    deliver(announcement_id)
    assert read("SELECT count(*) FROM deliveries") == [(10,)]
    kinds = "SELECT kind FROM delivery_events ORDER BY id"
    assert read(kinds) == [("queued",), ("withdrawn",)]


def test_a_version_that_asks_again_sets_back_and_reaches_the_rest(rosa: Caller, read: Read) -> None:
    announcement_id = announce(rosa)
    once = iter([True, False, False])
    fanout.fan_out(announcement_id, lambda: next(once))
    with database.transaction() as connection:
        connection.execute(
            text(
                "UPDATE deliveries SET state = 'acknowledged', delivered_at = now(),"
                " ack_at = now() WHERE user_id = (SELECT min(user_id) FROM deliveries)"
            )
        )
    change(rosa, announcement_id, body="On Monday.", material=True)
    deliver(announcement_id)
    deliver(announcement_id)
    assert read("SELECT state, version, count(*) FROM deliveries GROUP BY 1, 2") == [
        ("queued", 2, 25)
    ]
    assert read(
        "SELECT version, sum(cardinality(user_ids)) FROM delivery_events GROUP BY 1 ORDER BY 1"
    ) == [
        (1, 10),
        (2, 25),
    ]


def test_who_wants_mails_at_once_gets_one_for_each_version(
    rosa: Caller, read: Read, queues: Queues
) -> None:
    with database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO notification_preferences (user_id, mail)"
                " SELECT id, CASE WHEN username = 's7' THEN 'immediate' ELSE 'off' END"
                "   FROM users WHERE username IN ('s7', 's8')"
            )
        )
    announcement_id = announce(rosa)
    deliver(announcement_id)
    deliver(announcement_id)
    change(rosa, announcement_id, title="Trips", material=True)
    deliver(announcement_id)
    change(rosa, announcement_id, title="Trip!")
    deliver(announcement_id)
    mails = "SELECT username, kind, about, occasion FROM mails JOIN users ON users.id = user_id"
    assert read(f"{mails} ORDER BY mails.id") == [
        ("s7", "announcement_published", announcement_id, 1),
        ("s7", "announcement_published", announcement_id, 2),
    ]
    assert read("SELECT count(*) FROM outbox WHERE queue = 'mail'") == [(2,)]


def test_an_audience_of_nobody_is_done_at_once(rosa: Caller, read: Read) -> None:
    with database.transaction() as connection:
        connection.execute(text("UPDATE users SET active = false WHERE role = 'student'"))
    deliver(announce(rosa))
    assert read("SELECT fanout_state FROM announcements") == [("done",)]


def test_a_fan_out_that_nobody_goes_on_with_is_found(rosa: Caller, queues: Queues) -> None:
    announcement_id = announce(rosa)
    queues.receive("fanout")
    with database.transaction() as connection:
        assert fanout.revive_stale(connection) == 0
        connection.execute(text("UPDATE announcements SET updated_at = now() - interval '1 hour'"))
    for revived in (1, 0):
        with database.transaction() as connection:
            assert fanout.revive_stale(connection) == revived
    assert [m["announcement_id"] for m in queues.receive("fanout")] == [announcement_id]
    deliver(announcement_id)
    with database.transaction() as connection:
        connection.execute(text("UPDATE announcements SET fanout_at = now() - interval '1 hour'"))
        assert fanout.revive_stale(connection) == 0


@pytest.mark.parametrize(
    "body",
    [{}, {"announcement_id": "1"}, {"announcement_id": 0}, {"announcement_id": True}, "x", "[]"],
)
def test_a_message_that_makes_no_sense_fails_alone(
    rosa: Caller, read: Read, body: dict[str, Any] | str
) -> None:
    announcement_id = announce(rosa)
    event = sqs_event([body, {"announcement_id": announcement_id}, {"announcement_id": 2**62}])
    assert failed_ids(handler(event, Context())) == message_ids(event)[:1]
    assert read("SELECT count(*) FROM deliveries") == [(25,)]

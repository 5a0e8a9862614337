"""Who has not acknowledged an announcement as a file: rows, order, and what is safe to open."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from chalicelib.accounts.rules import Caller
from chalicelib.announcements import inbox, publishing, reminding
from chalicelib.announcements.fanout import fan_out
from chalicelib.announcements.schemas import AnnouncementChanges, AnnouncementIn
from chalicelib.core import database
from chalicelib.core.clock import utc_now
from tests.bulk.desk import Desk, parsed
from tests.outbox.queues import Queues


@pytest.fixture
def desk(desk_queues: Queues, clean_database: None, owner: Connection) -> Desk:
    """Ben's desk, with three students to tell something."""
    desk = Desk(owner, desk_queues, name="ben", role="teacher", kind="unacknowledged")
    desk.write(
        "INSERT INTO users (username, email, full_name, role) VALUES"
        " ('max', 'max@rollcall.example', '', 'student'),"
        " ('dai', 'dai@rollcall.example', '戴明', 'student'),"
        " ('chloe', 'chloe@rollcall.example', '=1+1', 'student')"
    )
    return desk


def announce(desk: Desk) -> int:
    wanted = AnnouncementIn(title="A trip", body="On Monday.")
    with database.transaction() as connection:
        told = publishing.create_announcement(connection, desk.caller, wanted, utc_now())
    fan_out(told.id, lambda: True)
    return told.id


def go_on(desk: Desk, name: str, announcement: int, *, acknowledge: bool) -> None:
    """Let a student be shown an announcement, or acknowledge it."""
    ((delivery, user),) = desk.read(
        "SELECT deliveries.id, user_id FROM deliveries JOIN users ON users.id = user_id"
        " WHERE username = :name AND announcement_id = :announcement",
        name=name,
        announcement=announcement,
    )
    verb = inbox.acknowledge if acknowledge else inbox.mark_delivered
    with database.transaction() as connection:
        verb(connection, Caller(user, name, "student"), delivery)


def exported(desk: Desk, announcement: int) -> list[tuple[str, str, str]]:
    rows = parsed(desk.export(announcement=announcement))
    return [(row["username"], row["state"], row["version"]) for row in rows]


def test_who_acknowledged_is_not_in_it_and_the_others_are_by_username(desk: Desk) -> None:
    told = announce(desk)
    go_on(desk, "max", told, acknowledge=True)
    go_on(desk, "dai", told, acknowledge=False)
    content = desk.export(announcement=told)
    assert content.startswith(
        b"\xef\xbb\xbfusername,full_name,state,delivered_at,last_push_at,retry_count,version\n"
    )
    chloe, dai = parsed(content)
    assert chloe == {
        "username": "chloe",
        "full_name": "'=1+1",
        "state": "queued",
        "delivered_at": "",
        "last_push_at": "",
        "retry_count": "0",
        "version": "1",
    }
    assert (dai["username"], dai["full_name"], dai["state"]) == ("dai", "戴明", "delivered")
    assert dai["delivered_at"].endswith("Z")


def test_it_tells_how_often_and_when_they_were_reminded(desk: Desk) -> None:
    told = announce(desk)
    with database.transaction() as connection:
        announcement = publishing.get_announcement_for(connection, desk.caller, told, lock=True)
        reminding.remind_unacknowledged(connection, desk.caller, announcement, utc_now())
    fan_out(told, lambda: True)
    rows = parsed(desk.export(announcement=told))
    assert [row["retry_count"] for row in rows] == ["1", "1", "1"]
    assert all(row["last_push_at"].endswith("Z") for row in rows)


def test_a_version_that_asks_again_brings_those_back_who_had_acknowledged(desk: Desk) -> None:
    told = announce(desk)
    for name in ("chloe", "dai", "max"):
        go_on(desk, name, told, acknowledge=True)
    assert exported(desk, told) == []
    with database.transaction() as connection:
        announcement = publishing.get_announcement_for(connection, desk.caller, told, lock=True)
        changes = AnnouncementChanges(body="On Tuesday.", material=True)
        publishing.edit_announcement(connection, desk.caller, announcement, changes)
    # Before the fan-out has come to them, and after.
    for _ in range(2):
        assert exported(desk, told) == [(name, "queued", "2") for name in ("chloe", "dai", "max")]
        fan_out(told, lambda: True)


def test_other_announcements_are_not_in_it(desk: Desk) -> None:
    told, other = announce(desk), announce(desk)
    go_on(desk, "chloe", told, acknowledge=True)
    assert [name for name, _, _ in exported(desk, told)] == ["dai", "max"]
    assert [name for name, _, _ in exported(desk, other)] == ["chloe", "dai", "max"]

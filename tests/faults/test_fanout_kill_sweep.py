"""Whoever works on an announcement dies at every statement in turn; another run then ends it: each
of the audience has it once, was queued once for each version, is mailed once, and the seals hold.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from chalicelib.announcements import audience, fanout, reminding
from chalicelib.core import database
from functions.publish_due.handler import handler as publish_due
from tests.announcements.proofs import check, save_proof
from tests.announcements.school import School, fan_out
from tests.faults.fanout_kills import CHUNK, await_rollback, ended, settle, start
from tests.functions.events import Context

STUDENTS = 8
AT_ONCE = (0, 3, 4)


@pytest.fixture
def school(clean_database: None, owner: Connection, monkeypatch: pytest.MonkeyPatch) -> School:
    monkeypatch.delenv("QUEUE_FANOUT_URL", raising=False)
    monkeypatch.setattr(audience, "CHUNK_SIZE", CHUNK)
    monkeypatch.setattr(reminding, "BATCH", CHUNK)
    database.close()
    return School(owner, STUDENTS, AT_ONCE)


def kill_at_each_statement(
    school: School,
    start_over: Callable[[], int],
    work: Callable[[int], object],
    ended_once: Callable[[int], None],
) -> int:
    """Kill a worker at its first statement, its second and so on, each time of a new announcement,
    until it lives to the end; return how many statements that took.
    """
    for nth in range(1, 200):
        announcement = start_over()
        lived = ended(start(lambda announcement=announcement: work(announcement), die_at=nth))
        if not lived:
            await_rollback(school)
            work(announcement)
        settle(school, announcement)
        ended_once(announcement)
        school.withdraw(announcement)
        if lived:
            return nth - 1
    raise AssertionError("it never lives to the end")


def reaches_each_once(school: School, announcement: int, whom: list[int], versions: int) -> None:
    """Fail where a delivery, an event, a mail or a seal is missing, twice or wrong."""
    deliveries = school.deliveries(announcement)
    assert deliveries == dict.fromkeys(whom, (versions, "queued"))
    expected = [(version, user) for version in range(1, versions + 1) for user in whom]
    assert school.queued(announcement) == expected
    published = [m for m in school.mails() if m[0] == "announcement_published"]
    assert sorted(
        (user, version) for _, user, about, version in published if about == announcement
    ) == [
        (user, version)
        for user in whom
        if user in school.at_once
        for version in range(1, versions + 1)
    ]
    assert check(save_proof(announcement)) == 0


def test_killed_at_any_statement_the_first_fan_out_ends_once(school: School) -> None:
    points = kill_at_each_statement(
        school,
        school.announce,
        fan_out,
        lambda told: reaches_each_once(school, told, school.students, versions=1),
    )
    assert points >= 14


def test_killed_at_any_statement_a_material_edition_reaches_each_once_more(school: School) -> None:
    def start_over() -> int:
        told = school.announce()
        fan_out(told)
        [(delivery,)] = school.read(
            "SELECT id FROM deliveries WHERE announcement_id = :told AND user_id = :who",
            told=told,
            who=school.students[5],
        )
        school.acknowledge(school.students[5], delivery)
        school.edit(told, material=True)
        return told

    points = kill_at_each_statement(
        school,
        start_over,
        fan_out,
        lambda told: reaches_each_once(school, told, school.students, versions=2),
    )
    assert points >= 12


def test_killed_at_any_statement_a_round_reminds_each_once(school: School) -> None:
    def start_over() -> int:
        told = school.announce()
        fan_out(told)
        assert school.remind(told) == STUDENTS
        return told

    def reminded_once(told: int) -> None:
        reaches_each_once(school, told, school.students, versions=1)
        rows = school.read(
            "SELECT user_id, retry_count FROM deliveries WHERE announcement_id = :id", id=told
        )
        assert dict(rows) == dict.fromkeys(school.students, 1)
        events = school.read(
            "SELECT user_id FROM delivery_events CROSS JOIN unnest(user_ids) user_id"
            " WHERE announcement_id = :id AND kind = 'reminded' ORDER BY 1",
            id=told,
        )
        assert [user for (user,) in events] == school.students
        reminders = [m for m in school.mails() if m[0] == "announcement_reminder" and m[2] == told]
        assert reminders == [("announcement_reminder", user, told, 1) for user in school.students]

    points = kill_at_each_statement(school, start_over, fan_out, reminded_once)
    assert points >= 6


def test_killed_at_any_statement_who_joins_is_told_once(school: School) -> None:
    section = school.add_section(school.students[:4])

    def start_over() -> int:
        school.write("DELETE FROM enrollments WHERE user_id > :last", last=school.students[3])
        told = school.announce(audience={"kind": "section", "ids": [section]})
        settle(school, told)
        school.seat(section, school.students[4:])
        return told

    def each_minute(_told: int) -> None:
        publish_due({}, Context())

    points = kill_at_each_statement(
        school,
        start_over,
        each_minute,
        lambda told: reaches_each_once(school, told, school.students, versions=1),
    )
    assert points >= 10


def test_killed_at_any_statement_what_is_due_is_published_once(school: School) -> None:
    def start_over() -> int:
        told = school.announce(publish_at="2100-01-01T08:00:00Z")
        school.write("UPDATE announcements SET publish_at = now() WHERE status = 'scheduled'")
        return told

    def published_once(told: int) -> None:
        reaches_each_once(school, told, school.students, versions=1)
        published = school.read(
            "SELECT count(*) FROM audit_events"
            " WHERE action = 'announcement_published' AND object_id = CAST(:told AS text)",
            told=told,
        )
        assert published == [(1,)]

    points = kill_at_each_statement(
        school, start_over, lambda _told: publish_due({}, Context()), published_once
    )
    assert points >= 10


def test_two_workers_share_an_announcement(school: School) -> None:
    for _ in range(5):
        told = school.announce()
        first, second = (start(lambda told=told: fan_out(told)) for _ in range(2))
        assert ended(first)
        assert ended(second)
        settle(school, told)
        reaches_each_once(school, told, school.students, versions=1)


@pytest.mark.parametrize("nth", range(5, 13))
def test_a_worker_that_dies_beside_another_costs_nobody_anything(school: School, nth: int) -> None:
    told = school.announce()
    workers = [start(lambda: fan_out(told), die_at=nth), start(lambda: fan_out(told))]
    for worker in workers:
        ended(worker)
    settle(school, told)
    reaches_each_once(school, told, school.students, versions=1)


def test_a_fan_out_whose_worker_died_is_sent_for_again(school: School) -> None:
    told = school.announce()
    assert not ended(start(lambda: fan_out(told), die_at=9))
    school.messages()
    with database.transaction() as connection:
        assert fanout.revive_stale(connection) == 0, "it may still be under way"
    school.write(
        "UPDATE announcements SET fanout_at = fanout_at - interval '3 minutes',"
        " updated_at = updated_at - interval '3 minutes'"
    )
    with database.transaction() as connection:
        assert fanout.revive_stale(connection) == 1
    assert [body["announcement_id"] for body in school.messages()] == [told]
    settle(school, told)
    reaches_each_once(school, told, school.students, versions=1)


def test_what_is_withdrawn_on_the_way_goes_to_nobody_more(school: School) -> None:
    told = school.announce()
    worker = start(lambda: fan_out(told))
    while not school.deliveries(told):
        time.sleep(0.001)
    school.withdraw(told)
    for student in school.students:
        assert school.unread(student) == 0
        assert school.inbox(student) == "[]"
    assert ended(worker)
    before = school.deliveries(told)
    fan_out(told)
    assert school.deliveries(told) == before
    assert check(save_proof(told)) == 0

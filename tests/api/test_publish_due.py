"""The function that a clock starts every minute for announcements: what is due, who joined a
section, and seals.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from functions.publish_due.handler import handler
from tests.functions.events import Context, schedule_event
from tests.outbox.queues import Queues, temporary_queues

from .conftest import API, AddSection
from .test_announcements import TITLE, act, announce, arrive, inbox, stats
from .test_enrollments import enrol, withdraw

pytestmark = pytest.mark.usefixtures("queues")
LATER = "2100-01-01T00:00:00Z"


@pytest.fixture
def queues(api: API) -> Iterator[Queues]:
    with temporary_queues() as made:
        yield made


def minute() -> dict[str, int]:
    return handler(schedule_event(), Context(timeout_seconds=50))


def is_due(owner: Connection) -> None:
    owner.execute(text("UPDATE announcements SET publish_at = now() - interval '1 second'"))
    owner.commit()


def test_what_is_scheduled_is_published_when_it_is_due(
    api: API, owner: Connection, queues: Queues
) -> None:
    told = announce(api, "ben", publish_at=LATER)
    assert minute()["published"] == 0
    is_due(owner)
    assert [minute()["published"] for _ in range(2)] == [1, 0]
    assert [m["announcement_id"] for m in queues.receive("fanout")] == [told["id"]]
    arrive(told)
    read = api.get(f"/api/announcements/{told['id']}", as_="ben").json
    assert read["status"] == "published"
    assert stats(api, told)["fanout"] == {"state": "done", "done": 2, "total": 2}
    (event, _) = api.get("/api/audit", as_="amara", query={"actor": "ben"}).json["items"]
    assert event["action"] == "announcement_published"


def test_what_somebody_wrote_who_is_gone_waits(api: API, owner: Connection) -> None:
    told = announce(api, "ben", publish_at=LATER)
    api.patch(f"/api/users/{api.callers['ben'].id}", as_="amara", body={"active": False})
    is_due(owner)
    assert minute()["published"] == 0
    assert act(api, told, "withdraw").json["status"] == "withdrawn"


def test_what_was_withdrawn_before_is_never_published(api: API, owner: Connection) -> None:
    told = announce(api, "ben", publish_at=LATER)
    act(api, told, "withdraw", "ben")
    is_due(owner)
    assert minute()["published"] == 0
    arrive(told)
    assert inbox(api, "chloe") == []


def test_a_teacher_reaches_only_who_is_the_teachers_when_it_is_published(
    api: API, owner: Connection, add_section: AddSection
) -> None:
    section = add_section("01", teacher="ben")
    enrol(api, section, "chloe")
    told = announce(
        api, "ben", publish_at=LATER, audience={"kind": "section", "ids": [section["id"]]}
    )
    teacher = {"teacher_id": api.callers["tilda"].id}
    api.patch(f"/api/sections/{section['id']}", as_="rosa", body=teacher)
    is_due(owner)
    assert minute()["published"] == 1
    arrive(told)
    assert inbox(api, "chloe") == []


@pytest.mark.parametrize("kind", ["section", "course"])
def test_who_joins_later_is_told_what_the_section_was_told(
    api: API, add_section: AddSection, kind: str, queues: Queues
) -> None:
    section = add_section("01", teacher="ben", capacity=1)
    ids = [section["id"] if kind == "section" else section["course"]["id"]]
    enrol(api, section, "chloe")
    told = announce(api, "ben", audience={"kind": kind, "ids": ids})
    gone = announce(api, "ben", audience={"kind": kind, "ids": ids})
    act(api, gone, "withdraw")
    queues.receive("fanout")
    enrol(api, section, "dai")
    assert minute()["addressed"] == 0
    withdraw(api, section, "chloe")
    assert [minute()["addressed"] for _ in range(2)] == [1, 0]
    assert [m["announcement_id"] for m in queues.receive("fanout")] == [told["id"]]
    assert stats(api, told)["fanout"] == {"state": "running", "done": 1, "total": 2}
    arrive(told)
    assert [item["announcement"]["id"] for item in inbox(api, "dai")] == [told["id"]]
    # Who leaves keeps what there is, and is not told twice when coming back.
    withdraw(api, section, "dai")
    enrol(api, section, "chloe")
    minute()
    arrive(told)
    assert len(inbox(api, "chloe")) == 1
    assert stats(api, told)["audience"] == 2


def test_who_joins_an_archived_section_in_the_same_moment_is_not_told(
    api: API, add_section: AddSection
) -> None:
    section = add_section("01", teacher="ben")
    announce(api, "ben", audience={"kind": "section", "ids": [section["id"]]})
    enrol(api, section, "chloe")
    api.patch(f"/api/sections/{section['id']}", as_="rosa", body={"status": "archived"})
    assert minute()["addressed"] == 0


def test_what_the_school_was_told_is_not_repeated_to_who_joins(
    api: API, add_section: AddSection
) -> None:
    announce(api, "ben")
    enrol(api, add_section("01", teacher="ben"), "chloe")
    assert minute()["addressed"] == 0


def test_events_are_sealed_within_the_minute(api: API, owner: Connection) -> None:
    told = announce(api)
    assert minute()["seals"] == 1
    assert minute()["seals"] == 0
    api.post(f"/api/deliveries/{inbox(api, 'chloe')[0]['id']}/ack", as_="chloe")
    assert minute()["seals"] == 1
    seals = owner.execute(
        text("SELECT number, events FROM announcement_seals ORDER BY number")
    ).all()
    owner.rollback()
    assert [tuple(seal) for seal in seals] == [(1, 1), (2, 1)]
    proof = api.get(f"/api/announcements/{told['id']}/proof", as_="rosa").json["items"]
    assert proof[0]["previous"] == "0" * 64
    assert proof[1]["previous"] == proof[0]["sha256"]


def test_a_run_that_has_no_time_does_nothing(api: API, owner: Connection) -> None:
    api.post("/api/announcements", as_="ben", body=TITLE | {"publish_at": LATER})
    is_due(owner)
    answer: dict[str, Any] = handler(schedule_event(), Context(timeout_seconds=1))
    assert answer == {"published": 0, "addressed": 0, "mails_told": 0, "seals": 0}

"""The function that a clock starts every minute, on the outbox and on tasks left alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, text

from chalicelib.core import database
from chalicelib.core.settings import reset_settings
from chalicelib.outbox import service as outbox
from functions.relay_outbox.handler import handler
from tests.functions.events import Context, schedule_event
from tests.outbox.queues import Queues, temporary_queues

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def queues() -> Iterator[Queues]:
    with temporary_queues() as made:
        yield made


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What the function itself logs, not to the stdout of an earlier test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    yield lambda: capsys.readouterr().out
    root.handlers[:] = handlers
    root.setLevel(level)


def _write_left_behind(count: int, queue: str = "imports") -> None:
    with database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox (queue, body, correlation_id, claimed_until)"
                " SELECT :queue, jsonb_build_object('n', n), 'request-0001',"
                " now() - interval '1 second' FROM generate_series(1, :count) n"
            ),
            {"count": count, "queue": queue},
        )


def _left(owner: Connection) -> int:
    left = owner.execute(text("SELECT count(*) FROM outbox")).scalar_one()
    owner.rollback()
    return int(left)


def test_it_relays_until_nothing_is_due(queues: Queues, owner: Connection) -> None:
    count = 2 * outbox.RELAY_LIMIT + 7
    _write_left_behind(count)
    answer = handler(schedule_event(), Context(timeout_seconds=50))
    assert answer == {"sent": count, "failed": 0, "revived": 0}
    assert _left(owner) == 0
    assert sorted(body["n"] for body in queues.receive()) == list(range(1, count + 1))


def test_it_begins_no_pass_that_it_might_not_end(queues: Queues, owner: Connection) -> None:
    _write_left_behind(3)
    assert handler(schedule_event(), Context(timeout_seconds=10))["sent"] == 0
    assert _left(owner) == 3


def test_nothing_to_do_is_quiet(queues: Queues, logged: Callable[[], str]) -> None:
    assert handler(schedule_event(), Context(timeout_seconds=50)) == {
        "sent": 0,
        "failed": 0,
        "revived": 0,
    }
    assert "outbox_relayed" not in logged()


def test_what_cannot_be_sent_does_not_hold_the_rest_up(queues: Queues, owner: Connection) -> None:
    with database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox (queue, body, correlation_id, claimed_until)"
                " SELECT 'newsletters', '{}', 'r', now() - interval '1 hour'"
                " FROM generate_series(1, :count)"
            ),
            {"count": outbox.RELAY_LIMIT},
        )
    _write_left_behind(2)
    answer = handler(schedule_event(), Context(timeout_seconds=50))
    assert answer == {"sent": 2, "failed": outbox.RELAY_LIMIT, "revived": 0}
    assert _left(owner) == outbox.RELAY_LIMIT


def test_no_more_mails_go_on_than_leave_in_a_minute(
    queues: Queues, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_RATE_PER_SECOND", "2")
    reset_settings()
    _write_left_behind(5 * outbox.RELAY_LIMIT, "mail")
    _write_left_behind(2 * outbox.RELAY_LIMIT)
    answer = handler(schedule_event(), Context(timeout_seconds=50))
    assert answer["sent"] == 4 * outbox.RELAY_LIMIT
    assert len(queues.receive("mail")) == 2 * outbox.RELAY_LIMIT
    assert len(queues.receive("imports")) == 2 * outbox.RELAY_LIMIT
    assert _left(owner) == 3 * outbox.RELAY_LIMIT


def test_its_log_line_carries_the_id_of_the_call(queues: Queues, logged: Callable[[], str]) -> None:
    _write_left_behind(1)
    context = Context(timeout_seconds=50)
    handler(schedule_event(), context)
    (line,) = [x for x in logged().splitlines() if "outbox_relayed" in x]
    assert context.aws_request_id in line


def test_a_task_that_nobody_works_on_is_sent_again(queues: Queues, owner: Connection) -> None:
    task_ids = [
        owner.execute(
            text(
                "INSERT INTO tasks (kind, job, state, attempt, heartbeat_at) VALUES ('courses',"
                " 'export', 'PROGRESS', 1, now() - make_interval(mins => :minutes)) RETURNING id"
            ),
            {"minutes": minutes},
        ).scalar_one()
        for minutes in (0, 60)
    ]
    owner.commit()
    assert handler(schedule_event(), Context(timeout_seconds=50))["revived"] == 1
    assert [body["task_id"] for body in queues.receive("exports")] == [str(task_ids[1])]
    assert _left(owner) == 0


@pytest.mark.parametrize(
    ("minutes_old", "idle_minutes", "is_revived"),
    [
        (14, None, False),
        (16, None, True),
        (20, 4, False),
        (31, 16, True),
        (60, 16, False),
        (60, 31, True),
        (60, -1, False),
        (47 * 60, 24 * 60, True),
        (49 * 60, None, False),
    ],
    ids=[
        "just queued",
        "lost at once",
        "sent for lately",
        "sent for in vain",
        "too soon after that",
        "sent for in vain again",
        "being sent",
        "on the second day",
        "on the third",
    ],
)
def test_a_mail_that_nobody_works_on_is_sent_for_again(
    queues: Queues,
    owner: Connection,
    minutes_old: int,
    idle_minutes: int | None,
    is_revived: bool,
) -> None:
    mail_id = owner.execute(
        text(
            "INSERT INTO mails (kind, address, created_at, claimed_until) VALUES"
            " ('forgot_username', 'a@b.example', now() - make_interval(mins => :old),"
            " now() - make_interval(mins => :idle)) RETURNING id"
        ),
        {"old": minutes_old, "idle": idle_minutes},
    ).scalar_one()
    owner.execute(
        text(
            "INSERT INTO mails (kind, address, state, created_at, ended_at) VALUES"
            " ('forgot_username', 'a@b.example', 'sent', now() - interval '1 hour', now())"
        )
    )
    owner.commit()
    assert handler(schedule_event(), Context(timeout_seconds=50))["revived"] == is_revived
    sent_for = [mail_id] if is_revived else []
    assert [body["mail_id"] for body in queues.receive("mail")] == sent_for
    assert handler(schedule_event(), Context(timeout_seconds=50))["revived"] == 0
    assert _left(owner) == 0

"""What is kept of the runs of functions: the last ones, cheaply, and never in anybody's way."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.core import database, jobs
from chalicelib.core.batches import work_through
from chalicelib.core.errors import DatabaseAway, PoolExhausted
from chalicelib.core.jobs import Ending
from chalicelib.core.settings import reset_settings
from chalicelib.operations import runs
from chalicelib.operations.budget import read_consumers
from chalicelib.operations.queries import list_runs
from functions.send_mail import handler as send_mail
from tests.functions.events import Context, message_ids, schedule_event, sqs_event

pytestmark = pytest.mark.usefixtures("clean_database")
CLOCKED = [
    consumer.name
    for consumer in read_consumers()["production"]
    if consumer.trigger.startswith(("rate(", "cron("))
]
COUNT = text("SELECT count(*) FROM job_runs")


class Clock:
    """The wall's clock, as the recorder sees it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    stopped = Clock()
    monkeypatch.setattr(runs, "time", stopped)
    runs.forget()
    yield stopped
    runs.forget()


def kept(function: str = "send_mail") -> list[dict[str, Any]]:
    with database.lone_read() as connection:
        return [run.model_dump() for run in list_runs(connection).get(function, [])]


def success(seconds: float = 0.25) -> Ending:
    return Ending("send_mail", "success", seconds, None, "message-1")


def failure(cause: str = "KeyError") -> Ending:
    return Ending("send_mail", "failure", 1.5, cause, "message-2")


def test_a_failure_tells_its_cause_its_message_and_how_long_it_took() -> None:
    runs.record(failure())
    (run,) = kept()
    assert (run["state"], run["cause"], run["message_id"]) == ("failure", "KeyError", "message-2")
    assert (run["ms"], run["times"]) == (1500.0, 1)


def test_it_began_when_it_had_not_yet_taken_its_time(owner: Connection) -> None:
    runs.record(failure())
    began = owner.execute(text("SELECT clock_timestamp() - started_at FROM job_runs")).scalar_one()
    assert 1.5 <= began.total_seconds() < 6


def test_successes_are_written_once_a_minute_and_counted(clock: Clock) -> None:
    for _ in range(1000):
        runs.record(success())
    assert [run["times"] for run in kept()] == [1]
    clock.now += 61
    runs.record(success(0.5))
    assert [(run["times"], run["ms"]) for run in kept()] == [(1000, 500.0), (1, 250.0)]


def test_every_failure_is_written() -> None:
    for number in range(5):
        runs.record(failure(f"Trouble{number}"))
    assert [run["cause"] for run in kept()] == [f"Trouble{n}" for n in (4, 3, 2, 1, 0)]


def test_twenty_of_each_kind_are_kept(clock: Clock, owner: Connection) -> None:
    for number in range(50):
        runs.record(failure(f"Trouble{number}"))
        runs.record(success())
        clock.now += 61
    listed = kept()
    assert [r["cause"] for r in listed if r["state"] == "failure"] == [
        f"Trouble{number}" for number in range(49, 29, -1)
    ]
    assert sum(run["state"] == "success" for run in listed) == runs.KEPT == 20
    assert owner.execute(COUNT).scalar_one() == 2 * runs.KEPT


def test_another_functions_runs_stay(clock: Clock) -> None:
    runs.record(Ending("sweep", "failure", 1, "OSError"))
    for _ in range(30):
        runs.record(failure())
    assert [run["cause"] for run in kept("sweep")] == ["OSError"]


def test_those_who_write_at_once_keep_it_bounded(owner: Connection) -> None:
    def fail() -> None:
        for _ in range(25):
            runs.record(failure())

    threads = [threading.Thread(target=fail) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs.record(failure())
    assert owner.execute(COUNT).scalar_one() <= runs.KEPT + len(threads)


@pytest.mark.parametrize("cause", [DatabaseAway, PoolExhausted])
def test_nobody_waits_for_a_database_that_is_away(cause: type[Exception]) -> None:
    runs.record(failure(cause.__name__))
    assert kept() == []


def test_what_is_no_function_of_ours_is_not_written() -> None:
    runs.record(Ending("test_runs", "failure", 1, "KeyError"))
    runs.record(Ending("migrate", "failure", 1, "KeyError"))
    assert kept("test_runs") == kept("migrate") == []


def test_a_run_that_cannot_be_written_is_only_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    database.close()
    monkeypatch.setenv("DB_PORT", "1")
    reset_settings()
    with caplog.at_level(logging.WARNING):
        runs.record(failure())
    monkeypatch.undo()
    database.close()
    reset_settings()
    assert "run_not_recorded" in [record.message for record in caplog.records]


def test_a_message_that_makes_no_sense_ends_in_the_list(clock: Clock) -> None:
    event = sqs_event([{"mail_id": "one"}, "no json"], queue="mail")
    send_mail.handler(event, Context())
    assert {(run["cause"], run["message_id"]) for run in kept()} == {
        ("MalformedMessage", message_id) for message_id in message_ids(event)
    }


def test_a_scheduled_run_ends_in_the_list() -> None:
    from functions.publish_due.handler import handler

    handler(schedule_event(), Context(timeout_seconds=50))
    (run,) = kept("publish_due")
    assert (run["state"], run["cause"], run["message_id"]) == ("success", None, None)


@pytest.mark.parametrize("function", CLOCKED)
def test_each_function_of_the_clock_tells_how_its_runs_end(function: str) -> None:
    handler = importlib.import_module(f"functions.{function}.handler").handler
    assert handler.__wrapped__.__name__ == "handler"


def test_who_is_told_hears_of_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Ending] = []
    monkeypatch.setattr(jobs, "_record", told.append)

    def work(body: dict[str, Any], _delivery: object) -> None:
        if body:
            raise LookupError("a secret")

    event = sqs_event([{}, {"n": 1}])
    work_through(event, work)
    assert [(e.state, e.cause, e.message_id) for e in told] == [
        ("success", None, message_ids(event)[0]),
        ("failure", "LookupError", message_ids(event)[1]),
    ]

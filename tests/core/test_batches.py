"""A batch of messages: each stands or falls alone."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core import batches, logs
from chalicelib.core.batches import Delivery, NotYet, in_turns, work_through
from chalicelib.core.errors import DatabaseAway, PoolExhausted
from tests.functions.events import Context, failed_ids, message_ids, sqs_event


def test_only_what_failed_comes_again() -> None:
    seen: list[int] = []

    def work(body: dict[str, Any], _delivery: Delivery) -> None:
        seen.append(body["n"])
        if body["n"] == 2:
            raise RuntimeError("no luck")

    event = sqs_event([{"n": 1}, {"n": 2}, {"n": 3}])
    assert failed_ids(work_through(event, work)) == [message_ids(event)[1]]
    assert seen == [1, 2, 3]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(batches, "sleep", slept.append)
    return slept


def test_what_is_back_in_seconds_costs_no_redelivery(pauses: list[float]) -> None:
    outcomes = iter([DatabaseAway(), PoolExhausted(), NotYet(), None])

    def work(*_: object) -> None:
        if outage := next(outcomes):
            raise outage

    assert failed_ids(work_through(sqs_event([{}]), work)) == []
    assert pauses == [1, 2, 4]


def test_a_database_that_stays_away_fails_the_message(pauses: list[float]) -> None:
    def work(*_: object) -> None:
        raise DatabaseAway

    event = sqs_event([{}])
    assert failed_ids(work_through(event, work)) == message_ids(event)
    assert pauses == list(batches.PAUSES_SECONDS)


def test_other_failures_are_not_waited_for(pauses: list[float]) -> None:
    def work(*_: object) -> None:
        raise RuntimeError("no luck")

    work_through(sqs_event([{}]), work)
    assert pauses == []


@pytest.mark.parametrize("body", ["", "{", "[1]", '"text"', "null", "[" * 100_000])
def test_what_is_no_message_fails_alone(body: str) -> None:
    event = sqs_event([body, {"n": 1}])
    assert failed_ids(work_through(event, lambda *_: None)) == [message_ids(event)[0]]


def test_an_empty_batch_is_no_failure() -> None:
    assert work_through({"Records": []}, lambda *_: None) == {"batchItemFailures": []}


def test_the_correlation_id_goes_on_in_the_logs() -> None:
    seen: list[str] = []
    event = sqs_event([{"correlation_id": "from-the-request"}, {"correlation_id": 7}, {}])
    work_through(event, lambda *_: seen.append(logs.correlation_id()))
    assert seen[0] == "from-the-request"
    assert len(set(seen)) == 3
    assert "" not in seen


def test_a_message_says_how_often_it_came() -> None:
    seen: list[Delivery] = []
    event = sqs_event([{}], receives=4)
    work_through(event, lambda _, delivery: seen.append(delivery))
    assert seen == [Delivery(message_ids(event)[0], 4)]


def test_a_failure_is_logged_with_its_cause_and_without_its_body(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def work(*_: object) -> None:
        raise RuntimeError("no luck")

    work_through(sqs_event([{"secret": "hush"}], receives=2), work)
    (failure,) = [vars(record) for record in caplog.records if record.msg == "message_failed"]
    assert (failure["cause"], failure["receives"]) == ("RuntimeError", 2)
    assert "hush" not in repr([vars(record) for record in caplog.records])


def test_work_in_turns_ends_when_it_finds_nothing() -> None:
    found = iter([3, 2, 0, 7])
    assert in_turns(Context(timeout_seconds=60), 30_000, lambda: next(found)) == 5
    assert next(found) == 7


def test_work_in_turns_begins_no_turn_without_time() -> None:
    turns: list[int] = []
    context = Context(timeout_seconds=60)

    def work() -> int:
        turns.append(1)
        context.timeout_seconds = 20
        return 1

    assert in_turns(context, 30_000, work) == 1
    assert in_turns(context, 30_000, work) == 0
    assert turns == [1]

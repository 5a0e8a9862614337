"""What callers are told of failures that no route foresaw."""

from __future__ import annotations

import json
import logging

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from chalicelib.api.problems import as_told, problem
from chalicelib.core import database
from chalicelib.core.errors import Busy, RollcallError, TooManyRequests
from chalicelib.core.settings import SettingMissing

pytestmark = pytest.mark.usefixtures("clean_database")


def told(failure: Exception) -> dict[str, object]:
    answer: dict[str, object] = json.loads(problem(as_told(failure)).body)
    return answer


@pytest.mark.parametrize(
    "failure", [ValueError("a secret"), SettingMissing("a secret"), KeyError("a secret")]
)
def test_what_is_our_fault_is_logged_and_not_told(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = told(failure)
    assert (answer["status"], answer["code"]) == (500, "internal_error")
    assert "secret" not in json.dumps(answer)
    assert caplog.records[0].getMessage() == "request_failed"
    assert caplog.records[0].exc_info


def test_a_lock_waited_for_in_vain_is_busy(owner: Connection, owner_engine: Engine) -> None:
    owner.execute(text("LOCK TABLE courses IN ACCESS EXCLUSIVE MODE"))
    with pytest.raises(DBAPIError) as caught, database.transaction() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '20ms'"))
        connection.execute(text("SELECT 1 FROM courses"))
    assert isinstance(as_told(caught.value), Busy)
    answer = problem(as_told(caught.value))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")


def test_another_database_error_is_ours(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DBAPIError) as caught, database.transaction() as connection:
        connection.execute(text("SELECT CAST(:value AS integer)"), {"value": "top secret"})
    assert type(as_told(caught.value)) is RollcallError


def test_too_many_requests_say_when_to_come_back() -> None:
    answer = problem(TooManyRequests(retry_after_seconds=30))
    assert answer.headers["Retry-After"] == "30"

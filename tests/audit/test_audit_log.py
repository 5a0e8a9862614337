"""The log is only ever added to, in the transaction of the deed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from chalicelib.accounts.rules import Caller, Stranger
from chalicelib.audit import service as audit
from chalicelib.core import database, logs
from chalicelib.core.dialect import sqlstate

pytestmark = pytest.mark.usefixtures("clean_database")

AMARA = Caller(7, "amara", "manager", "192.0.2.7")


def events(owner: Connection) -> list[Any]:
    rows = owner.execute(text("SELECT * FROM audit_events ORDER BY id")).all()
    owner.rollback()
    return list(rows)


def test_who_did_what_to_what_from_where_and_when(owner: Connection) -> None:
    with database.transaction() as connection, logs.correlated("a-request-of-amara"):
        audit.add(connection, AMARA, "course_updated", "course", 5, before={"x": 1}, after={"x": 2})
    (event,) = events(owner)
    assert (event.actor_id, event.ip, event.request_id) == (7, "192.0.2.7", "a-request-of-amara")
    assert (event.action, event.object_kind, event.object_id) == ("course_updated", "course", "5")
    assert (event.before, event.after) == ({"x": 1}, {"x": 2})
    assert event.at.tzinfo is not None


def test_somebody_who_is_not_signed_in_has_no_id(owner: Connection) -> None:
    with database.transaction() as connection:
        audit.add(connection, Stranger("192.0.2.8"), "sensitive_read", "task")
    (event,) = events(owner)
    assert (event.actor_id, event.object_id, event.before) == (None, None, None)


def test_there_is_no_event_of_a_deed_that_was_rolled_back(owner: Connection) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        audit.add(connection, AMARA, "course_deleted", "course", 5)
        raise ZeroDivisionError
    assert events(owner) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_events SET ip = ''", "DELETE FROM audit_events"]
)
@pytest.mark.parametrize("matching", ["", " WHERE false"])
def test_nobody_rewrites_it(owner: Connection, statement: str, matching: str) -> None:
    with database.transaction() as connection:
        audit.add(connection, AMARA, "course_deleted", "course", 5)
    before = events(owner)
    with pytest.raises(DBAPIError) as refused, database.transaction() as connection:
        connection.execute(text(statement + matching))
    assert sqlstate(refused.value) == "42501"
    with pytest.raises(DBAPIError, match="only ever added to"):
        owner.execute(text(statement + matching))
    owner.rollback()
    assert events(owner) == before


def test_the_application_cannot_empty_it() -> None:
    with pytest.raises(DBAPIError) as refused, database.transaction() as connection:
        connection.execute(text("TRUNCATE audit_events"))
    assert sqlstate(refused.value) == "42501"

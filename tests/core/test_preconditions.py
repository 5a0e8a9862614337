"""A condition that rides with the first statement: no query more for a read, no flight more for
anything, and nothing done where it fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.core import copying, database
from chalicelib.core.errors import Conflict, NotFound
from chalicelib.core.flight import FlightConnection
from chalicelib.core.preconditions import Precondition


class NotTheAnswer(Conflict):
    code = "not_the_answer"


HOLDS = Precondition("flight_require(%s)", (42,), "RC401", NotTheAnswer)
FAILS = HOLDS._replace(values=(6,))
ADD = text("INSERT INTO flight_notes (client, body) VALUES (:client, 'added')")
NOTES = text("SELECT body FROM flight_notes WHERE client = :client ORDER BY id")

pytestmark = pytest.mark.usefixtures("empty_probes", "clean_database")


@pytest.fixture
def flights(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was sent, flight by flight; the connection is there already."""
    with database.lone_read() as connection:
        connection.execute(text("SELECT 1"))
    sent: list[bytes] = []
    fly = FlightConnection._fly

    def noted(self: FlightConnection, flight: bytes, context: Any) -> Any:
        sent.append(flight)
        return fly(self, flight, context)

    monkeypatch.setattr(FlightConnection, "_fly", noted)
    return sent


def notes(client: int = 1) -> list[str]:
    with database.lone_read() as connection:
        return list(connection.execute(NOTES, {"client": client}).scalars())


def test_a_read_asks_in_its_own_query(flights: list[bytes]) -> None:
    with database.lone_read(HOLDS) as connection:
        asked = connection.execute(text("SELECT current_query(), :n + 1"), {"n": 1}).one()
        plain = connection.execute(text("SELECT current_query()")).scalar_one()
    assert "flight_require($2)" in asked[0]
    assert asked[1] == 2
    assert "flight_require" not in plain
    assert len(flights) == 2


def test_a_read_gives_the_same_rows_in_the_same_order() -> None:
    with database.transaction() as connection:
        for client in (3, 1, 2):
            connection.execute(ADD, {"client": client})
    for precondition in (None, HOLDS):
        with database.lone_read(precondition) as connection:
            rows = connection.execute(
                text(
                    "WITH all_of AS (SELECT client, id FROM flight_notes) SELECT * FROM all_of"
                    " ORDER BY client DESC LIMIT 2 -- the last two"
                )
            )
            assert list(rows.keys()) == ["client", "id"]
            assert [row.client for row in rows] == [3, 2]


@pytest.mark.parametrize("opened", [database.lone_read, database.transaction])
def test_where_it_fails_a_read_of_nothing_is_refused_too(opened: Callable[..., Any]) -> None:
    with pytest.raises(NotTheAnswer), opened(FAILS) as connection:
        connection.execute(NOTES, {"client": -1}).all()
    assert notes() == []


def test_a_write_has_it_in_front_in_one_flight(flights: list[bytes]) -> None:
    with database.transaction(HOLDS) as connection:
        connection.execute(ADD, {"client": 1})
        connection.execute(ADD, {"client": 1})
    assert [b"flight_require" in flight for flight in flights] == [True, False, False]
    assert flights[0].index(b"begin transaction") < flights[0].index(b"flight_require")
    assert flights[0].index(b"flight_require") < flights[0].index(b"INSERT")
    assert notes() == ["added", "added"]


def _locks(connection: Connection) -> None:
    connection.execute(text("SELECT id FROM flight_notes WHERE client = :n FOR UPDATE"), {"n": 1})


def _adds(connection: Connection) -> None:
    connection.execute(ADD, {"client": 1})


def _adds_several(connection: Connection) -> None:
    connection.exec_driver_sql(
        "INSERT INTO flight_notes (client, body) VALUES (1, 'one');"
        "INSERT INTO flight_notes (client, body) VALUES (1, 'two')"
    )


def _copies(connection: Connection) -> None:
    copying.copy_in(connection, "COPY flight_notes (client, body) FROM STDIN", [b"1\tcopied\n"])


@pytest.mark.parametrize("work", [_locks, _adds, _adds_several, _copies])
def test_whatever_comes_first_is_not_done_where_it_fails(
    work: Callable[[Connection], None],
) -> None:
    with pytest.raises(NotTheAnswer), database.transaction(FAILS) as connection:
        work(connection)
    assert notes() == []
    with database.transaction(HOLDS) as connection:
        work(connection)
    with database.transaction() as connection:
        work(connection)


@pytest.mark.parametrize("opened", [database.lone_read, database.transaction])
def test_work_without_a_statement_is_asked_at_its_end(opened: Callable[..., Any]) -> None:
    with opened(HOLDS):
        pass
    with pytest.raises(NotTheAnswer), opened(FAILS):
        pass


def test_a_refusal_without_a_look_at_the_database_is_only_for_those_whom_it_admits() -> None:
    with pytest.raises(NotFound), database.transaction(HOLDS):
        raise NotFound
    with pytest.raises(NotTheAnswer), database.transaction(FAILS):
        raise NotFound


def test_one_that_was_not_asked_does_not_stay_with_the_connection() -> None:
    with pytest.raises(ZeroDivisionError), database.transaction(FAILS):
        raise ZeroDivisionError
    with database.transaction() as connection:
        connection.execute(ADD, {"client": 1})
    assert notes() == ["added"]


def test_another_error_of_the_statement_stays_itself() -> None:
    with (
        pytest.raises(Exception, match="flight_notes_body_check"),
        database.transaction(HOLDS) as c,
    ):
        c.execute(text("INSERT INTO flight_notes (body) VALUES ('refused')"))


def test_a_refusal_that_keeps_the_work_is_raised_after_the_commit() -> None:
    told: list[str] = []
    with pytest.raises(NotFound), database.transaction() as connection:
        connection.execute(ADD, {"client": 1})
        database.after_commit(connection, lambda: told.append("committed"))
        raise NotFound(keeps_work=True)
    assert (notes(), told) == (["added"], ["committed"])
    with pytest.raises(NotFound), database.transaction() as connection:
        connection.execute(ADD, {"client": 1})
        raise NotFound
    assert notes() == ["added"]

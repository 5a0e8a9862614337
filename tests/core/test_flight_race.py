"""Thirty clients on fewer servers: every answer is the asker's own, in transactions and outside.

Each call sends its own number in a bind and each client its own in the text, so that an answer to
another client's statement, or to another's binds, is seen as such.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pg8000
import pytest
from sqlalchemy import Engine, text

from chalicelib.core.flight import FlightConnection
from tests.core.conftest import as_application, server_of

CLIENTS = 30
CALLS_PER_CLIENT = 700


def wrong_calls(
    connect: Callable[[], pg8000.Connection],
    work: Callable[[pg8000.Connection, int, int], bool],
    calls_per_client: int,
) -> int:
    """Return how many calls of all clients did not get their own answer."""
    wrong = [0] * CLIENTS
    together = threading.Barrier(CLIENTS)

    def run(client: int) -> None:
        connection = connect()
        together.wait()
        for call in range(calls_per_client):
            try:
                wrong[client] += not work(connection, client, call)
            except Exception:
                wrong[client] += 1
                connection.close()
                connection = connect()
        connection.close()

    threads = [threading.Thread(target=run, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(wrong)


def ask(connection: pg8000.Connection, client: int, call: int) -> bool:
    cursor = connection.cursor()
    cursor.execute(f"SELECT {client}, %s::int, %s::text AS c{client}", (call, f"{client}-{call}"))
    return list(cursor.fetchall()) == [[client, call, f"{client}-{call}"]]


def note(connection: pg8000.Connection, client: int, call: int) -> bool:
    cursor = connection.cursor()
    cursor.execute(
        f"INSERT INTO flight_notes (client, body) VALUES ({client}, %s) RETURNING client, body",
        (f"{client}-{call}",),
    )
    return list(cursor.fetchall()) == [[client, f"{client}-{call}"]]


def any_work(connection: pg8000.Connection, client: int, call: int) -> bool:
    """Ask or write, alone or in a transaction of one to three statements, some rolled back."""
    kind = call % 7
    connection.autocommit = kind in (0, 2, 4, 6)
    right = (note if kind in (1, 2) else ask)(connection, client, call)
    if not connection.autocommit:
        for again in range(random.randrange(3)):
            right &= ask(connection, client, call + again)
        if kind == 1 or random.random() < 0.8:
            connection.commit()
        else:
            connection.rollback()
    return right


@pytest.mark.usefixtures("empty_probes")
def test_no_answer_goes_astray_in_20000_calls(owner_engine: Engine) -> None:
    assert CLIENTS * CALLS_PER_CLIENT >= 20_000
    connect = lambda: FlightConnection(**as_application(), **server_of("POOLER_URL"))  # noqa: E731
    assert wrong_calls(connect, any_work, CALLS_PER_CLIENT) == 0
    with owner_engine.connect() as owner:
        landed = owner.execute(
            text(
                "SELECT count(*), count(*) FILTER (WHERE body NOT LIKE client || '-%') "
                "FROM flight_notes"
            )
        ).one()
    assert tuple(landed) == (CLIENTS * CALLS_PER_CLIENT * 2 // 7, 0)


@pytest.mark.usefixtures("empty_probes")
def test_the_race_catches_stock_pg8000() -> None:
    def connect() -> pg8000.Connection:
        connection = pg8000.connect(**as_application(), **server_of("POOLER_URL"), timeout=10)
        connection.autocommit = True
        return connection

    # Seven rounds of 60 calls a client had 1,280 to 1,769 of 1,800 go astray: five rounds without
    # a single one are not luck.
    assert any(wrong_calls(connect, ask, calls_per_client=20) for _round in range(5))

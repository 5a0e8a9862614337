"""Connections below SQLAlchemy: ours through the pooler, stock pg8000 straight to Postgres."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pg8000
import pytest
from sqlalchemy import Engine, text

from chalicelib.core.flight import FlightConnection

PROBES = """
DROP TABLE IF EXISTS flight_notes, flight_places;
CREATE TABLE flight_places (
    id integer CONSTRAINT flight_places_pkey PRIMARY KEY,
    seat integer CONSTRAINT flight_places_seat_key UNIQUE DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE flight_notes (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT flight_notes_pkey PRIMARY KEY,
    place_id integer CONSTRAINT flight_notes_place_fkey REFERENCES flight_places,
    client integer NOT NULL DEFAULT 0,
    body text NOT NULL CONSTRAINT flight_notes_body_check CHECK (body <> 'refused'),
    data bytea
);
CREATE OR REPLACE FUNCTION flight_chatter(times integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..times LOOP RAISE NOTICE 'notice %', i; END LOOP;
    RETURN times;
END $$;
CREATE OR REPLACE FUNCTION flight_require(answer integer) RETURNS boolean
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF answer <> 42 THEN RAISE 'not the answer' USING ERRCODE = 'RC401'; END IF;
    RETURN true;
END $$;
CREATE OR REPLACE FUNCTION flight_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('rollcall.refuse', true) = 'on' THEN RAISE 'no notes today'; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER flight_notes_refuse BEFORE INSERT ON flight_notes
    FOR EACH STATEMENT EXECUTE FUNCTION flight_refuse();
CREATE OR REPLACE FUNCTION flight_linger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(current_setting('rollcall.linger', true)::float); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER flight_places_linger AFTER INSERT ON flight_places
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.id = -1) EXECUTE FUNCTION flight_linger();
"""


def server_of(variable: str) -> dict[str, object]:
    """Return host, port and database of the URL in an environment variable."""
    url = urlsplit(os.environ[variable])
    return {"host": url.hostname, "port": url.port, "database": url.path.lstrip("/")}


def as_application() -> dict[str, object]:
    """Return what the application's role signs in with."""
    return {"user": os.environ["DB_USER"], "password": os.environ["DB_PASSWORD"]}


@pytest.fixture(scope="module")
def probes(owner_engine: Engine) -> Iterator[None]:
    """Tables and functions that can go wrong in every way that a statement can."""
    with owner_engine.begin() as connection:
        connection.execute(text(PROBES))
    yield
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "DROP TABLE flight_notes, flight_places; DROP FUNCTION flight_chatter, "
                "flight_refuse, flight_linger, flight_require"
            )
        )


@pytest.fixture
def empty_probes(probes: None, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("TRUNCATE flight_notes, flight_places"))


@pytest.fixture
def open_flight(probes: None) -> Iterator[Callable[[], FlightConnection]]:
    """Open connections of ours, through the pooler."""
    opened: list[FlightConnection] = []

    def open_one() -> FlightConnection:
        opened.append(FlightConnection(**as_application(), **server_of("POOLER_URL")))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


@pytest.fixture
def flight(open_flight: Callable[[], FlightConnection]) -> FlightConnection:
    return open_flight()


@pytest.fixture
def stock(probes: None) -> Iterator[pg8000.Connection]:
    """Stock pg8000 on a direct connection: what ours has to agree with."""
    connection = pg8000.connect(**as_application(), **server_of("DATABASE_URL"))
    yield connection
    connection.close()

"""Migrations run as the owner, straight at Postgres; a second run changes nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, inspect, text

from chalicelib.core import database
from chalicelib.core.metadata import metadata
from chalicelib.core.settings import reset_settings
from functions.migrate.handler import NotDirect, handler
from tests.functions.events import Context


@pytest.fixture(autouse=True)
def _as_the_owner(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    url = urlsplit(os.environ["DATABASE_URL"])
    for variable, value in {
        "DB_HOST": url.hostname,
        "DB_PORT": url.port,
        "DB_USER": url.username,
        "DB_PASSWORD": url.password,
        "DB_MODE": "direct",
    }.items():
        monkeypatch.setenv(variable, str(value))
    reset_settings()
    yield
    monkeypatch.undo()
    reset_settings()


@pytest.fixture
def empty_database(owner: Connection) -> None:
    """Nothing in it, as on the first deploy; the handler under test brings all of it back."""
    database.close()
    owner.execute(text("DROP SCHEMA public CASCADE"))
    owner.execute(text("CREATE SCHEMA public"))
    owner.commit()


def _tables(owner: Connection) -> set[str]:
    names = set(inspect(owner).get_table_names())
    owner.rollback()
    return names - {"alembic_version"}


@pytest.mark.usefixtures("empty_database")
def test_an_empty_database_gets_every_table_that_the_code_knows(owner: Connection) -> None:
    assert _tables(owner) == set()
    answer = handler({}, Context())
    assert _tables(owner) == set(metadata.tables)
    assert handler({}, Context()) == answer


def test_the_tables_of_the_code_are_those_of_the_migrations(owner: Connection) -> None:
    handler({}, Context())
    context = MigrationContext.configure(owner, opts={"compare_server_default": True})
    assert compare_metadata(context, metadata) == []
    looked_up = inspect(owner)
    for table in metadata.tables.values():
        declared = {c.name for c in table.constraints if isinstance(c, CheckConstraint)}
        assert {c["name"] for c in looked_up.get_check_constraints(table.name)} == declared


@pytest.mark.usefixtures("empty_database")
def test_two_deploys_at_once_apply_each_migration_once(owner: Connection) -> None:
    answers: list[dict[str, str]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(handler({}, Context()))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 2
    assert answers[0] == answers[1]
    assert _tables(owner) == set(metadata.tables)


def test_migrations_refuse_to_go_through_a_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_MODE", "pgbouncer")
    reset_settings()
    with pytest.raises(NotDirect):
        handler({}, Context())

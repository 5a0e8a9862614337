"""A gate in the database: who of the application comes to a place waits there until it is opened.

The place is a row as it is about to be written; the wait is one for an advisory lock of the
transaction, in a trigger. So a test catches a worker in the midst of its work, and cannot miss it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Engine, text

from tests.localstack.cloud import wait_for

_FUNCTION = """
    DROP FUNCTION IF EXISTS drill_gate CASCADE;
    CREATE FUNCTION drill_gate() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4799, 0); RETURN NEW; END $$
"""
_SHUT = text("SELECT pg_backend_pid() FROM pg_advisory_xact_lock(4799, 0)")
_IN_FRONT = text("SELECT pid FROM pg_stat_activity WHERE :keeper = ANY(pg_blocking_pids(pid))")


class Place(NamedTuple):
    """Where a row of `table` is added or changed so that `when` (SQL of NEW) holds for it."""

    table: str
    when: str


class Gate:
    """A gate that is shut, by the transaction that `keeper` is the process of."""

    def __init__(self, engine: Engine, keeper: int) -> None:
        self._engine = engine
        self._keeper = keeper

    def wait_for_somebody(self) -> int:
        """Wait until somebody stands before it, and return the server process of who it is."""
        found: int = wait_for(self._somebody, "somebody comes to the gate")
        return found

    def _somebody(self) -> int | None:
        with self._engine.begin() as owner:
            return owner.execute(_IN_FRONT, {"keeper": self._keeper}).scalars().first()


@contextmanager
def gate_at(engine: Engine, place: Place) -> Iterator[Gate]:
    """Keep a gate shut for a block; `engine` is the owner's."""
    with engine.begin() as owner:
        # The gate before this one is still there, open: at its end somebody was just in it.
        owner.execute(text(_FUNCTION))
        owner.execute(
            text(
                f"CREATE TRIGGER drill_gate BEFORE INSERT OR UPDATE ON {place.table} FOR EACH ROW"
                f" WHEN ({place.when}) EXECUTE FUNCTION drill_gate()"
            )
        )
    with engine.begin() as keeper:
        yield Gate(engine, keeper.execute(_SHUT).scalar_one())

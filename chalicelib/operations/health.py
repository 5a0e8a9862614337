"""Whether this installation can do its work: the database, the pooler, the queues, the storage.

Each is asked in a thread of its own and has two seconds; what was found is good for two more, so
that strangers who ask all the time cost nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from sqlalchemy import text

from chalicelib.core import database
from chalicelib.core.settings import Settings, get_settings
from chalicelib.integrations import s3, sqs
from chalicelib.operations.asking import Remembered, ask_all

State = Literal["ok", "failing"]

_PATIENCE_SECONDS = 2.0
_REMEMBERED_SECONDS = 2.0
_SELECT_ONE = text("SELECT 1")


class Health(NamedTuple):
    """What was found, check by check."""

    checks: Mapping[str, State]

    @property
    def healthy(self) -> bool:
        """Tell whether every check is ok."""
        return all(state == "ok" for state in self.checks.values())


def check_health() -> Health:
    """Return what the last look found, or look again where that is more than two seconds old."""
    return _health.get()


def forget_health() -> None:
    """Let the next question look again."""
    _health.forget()


def run_checks(
    checks: Mapping[str, Callable[[], object]], patience_seconds: float
) -> dict[str, State]:
    """Run all checks side by side; one that raises, or is not done in time, is failing."""
    passed = ask_all(checks, patience_seconds)
    return {name: "ok" if name in passed else "failing" for name in checks}


def _check_database() -> None:
    with database.lone_read(hurried=True) as connection:
        connection.execute(_SELECT_ONE)


def _check_pooler() -> None:
    settings = get_settings()
    address = (settings.db_host, settings.db_port)
    socket.create_connection(address, timeout=_PATIENCE_SECONDS).close()


def _check_queues() -> None:
    settings = get_settings()
    for name in Settings.model_fields:
        if name.startswith("queue_") and name.endswith("_url"):
            sqs.depth(settings.require(name))


_CHECKS: Mapping[str, Callable[[], object]] = {
    "database": _check_database,
    "pooler": _check_pooler,
    "queues": _check_queues,
    "storage": s3.check,
}
_health = Remembered(lambda: Health(run_checks(_CHECKS, _PATIENCE_SECONDS)), _REMEMBERED_SECONDS)

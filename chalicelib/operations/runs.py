"""The last runs of each function: when, how long, how they ended and why.

Written at the edge of a function, and never in its way: a success once a minute and process, for
all since; a failure always; nothing while the database is away. Whoever writes one removes what is
beyond the last ones, so that the table stays small without a sweep.
"""

from __future__ import annotations

import logging
import time
from functools import cache

from sqlalchemy import Connection, text

from chalicelib.core import database
from chalicelib.core.errors import DatabaseAway, PoolExhausted
from chalicelib.core.jobs import Ending
from chalicelib.operations.budget import read_consumers

log = logging.getLogger(__name__)

# Of each function so many successes and so many failures: these are what somebody looks for.
KEPT = 20
_MOST_REMOVED = 100
_SUCCESS_SECONDS = 60.0
_NOBODY_TO_TELL = frozenset({DatabaseAway.__name__, PoolExhausted.__name__})

# Rows that another one removes at this moment are left to it: nobody waits here.
_ADD = text(
    """
    WITH beyond AS (
        SELECT id FROM job_runs WHERE function = :function AND state = :state
         ORDER BY id DESC OFFSET :others LIMIT :most
           FOR UPDATE SKIP LOCKED),
    removed AS (
        DELETE FROM job_runs USING beyond WHERE job_runs.id = beyond.id)
    INSERT INTO job_runs (function, state, started_at, ms, cause, message_id, times)
    VALUES (:function, :state,
            clock_timestamp() - make_interval(secs => CAST(:seconds AS double precision)),
            CAST(:ms AS double precision), CAST(:cause AS text), CAST(:message_id AS text), :times)
    """
)


class _Successes:
    """How often a function succeeded since that was last written down."""

    def __init__(self) -> None:
        self.times = 0
        self.written_at = 0.0


_successes: dict[str, _Successes] = {}


def record(ending: Ending) -> None:
    """Write down how a run ended, if it is time to; nothing comes of it where that fails."""
    times = _times_to_write(ending)
    if times == 0 or ending.function not in _functions():
        return
    try:
        with database.transaction() as connection:
            add(connection, ending, times)
    except Exception as failure:
        about = {"function": ending.function, "cause": type(failure).__name__}
        log.warning("run_not_recorded", extra=about)


def add(connection: Connection, ending: Ending, times: int) -> None:
    """Add a run, which stands for `times` of them."""
    connection.execute(
        _ADD,
        {
            "function": ending.function,
            "state": ending.state,
            "seconds": ending.seconds,
            "ms": round(ending.seconds * 1000, 1),
            "cause": ending.cause,
            "message_id": ending.message_id,
            "times": times,
            "others": KEPT - 1,
            "most": _MOST_REMOVED,
        },
    )


def forget() -> None:
    """Let the next success be written."""
    _successes.clear()


def _times_to_write(ending: Ending) -> int:
    if ending.state == "failure":
        return 0 if ending.cause in _NOBODY_TO_TELL else 1
    known = _successes.setdefault(ending.function, _Successes())
    known.times += 1
    # The wall's clock: the process's own stands still while it is frozen.
    if 0 <= time.time() - known.written_at < _SUCCESS_SECONDS:
        return 0
    times, known.times, known.written_at = known.times, 0, time.time()
    return times


@cache
def _functions() -> frozenset[str]:
    """Return those that know the application's database; migrations make it first."""
    listed = (c for consumers in read_consumers().values() for c in consumers)
    return frozenset(c.name for c in listed if not c.direct)

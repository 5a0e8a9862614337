"""How fast mails leave: one row says when the next may, over all workers.

A token bucket that holds one token (GCRA without a burst): who takes a slot moves the next one on,
in one short statement, and sleeps until the own one outside of any transaction. Where SES finds it
too fast all the same, the gap between slots doubles, and comes down again slot by slot.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, text

from chalicelib.core.settings import get_settings

LONGEST_WAIT_SECONDS = 20
# What SES refuses once it grants a second later; where it refuses on, somebody has to mend it.
_LEAST_PAUSE_SECONDS = 1
_LONGEST_GAP_SECONDS = 10
_RECOVERY = 0.99

# No row comes back where the slot would be too far away; none is taken then.
_TAKE = text(
    """
    INSERT INTO mail_pace AS pace (id, gap_seconds, next_at)
    VALUES (1, :gap, clock_timestamp() + make_interval(secs => :gap))
        ON CONFLICT (id) DO UPDATE
       SET gap_seconds = greatest(:gap, pace.gap_seconds * :recovery),
           next_at = greatest(pace.next_at, clock_timestamp())
                     + make_interval(secs => greatest(:gap, pace.gap_seconds * :recovery))
     WHERE pace.next_at < clock_timestamp() + CAST(:longest AS interval)
    RETURNING next_at - make_interval(secs => gap_seconds) AS at,
              CAST(extract(epoch FROM next_at - clock_timestamp()) AS double precision)
              - gap_seconds AS wait_seconds
    """
)
# Of the slots that were handed out before, the first refused one counts; the others were as close.
_SLOW_DOWN = text(
    """
    WITH slower AS MATERIALIZED (
        SELECT gap, greatest(next_at, clock_timestamp()
                                      + make_interval(secs => greatest(gap, :pause))) AS at
          FROM mail_pace
         CROSS JOIN LATERAL (SELECT least(gap_seconds * 2, :longest) AS gap) doubled
         WHERE id = 1 AND (slowed_from IS NULL OR slowed_from <= :at)
           FOR NO KEY UPDATE OF mail_pace)
    UPDATE mail_pace SET gap_seconds = gap, next_at = at, slowed_from = at FROM slower
    """
)


class Slot(NamedTuple):
    """When a mail may leave, by the database's clock, and how far away that is."""

    at: datetime
    wait_seconds: float


def take_slot(connection: Connection) -> Slot | None:
    """Take the next moment at which a mail may leave; None where that is too far away."""
    row = connection.execute(
        _TAKE,
        {
            "gap": 1 / get_settings().mail_rate_per_second,
            "recovery": _RECOVERY,
            "longest": timedelta(seconds=LONGEST_WAIT_SECONDS),
        },
    ).one_or_none()
    return Slot(row.at, max(row.wait_seconds, 0.0)) if row else None


def slow_down(connection: Connection, slot: Slot) -> None:
    """Put more time between mails: SES refused the one of this slot as one too many."""
    connection.execute(
        _SLOW_DOWN,
        {"at": slot.at, "pause": _LEAST_PAUSE_SECONDS, "longest": _LONGEST_GAP_SECONDS},
    )

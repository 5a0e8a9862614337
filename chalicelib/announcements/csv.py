"""What the bulk engine must know of deliveries: who has not acknowledged an announcement, as a file
that goes out only. Addresses are not in it, since teachers see none elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection

from chalicelib.accounts.rules import TEACHING
from chalicelib.announcements.publishing import get_announcement_for
from chalicelib.announcements.queries import RECIPIENTS, moment
from chalicelib.core.kinds import Export


def _exported_unacknowledged(filters: Collection[str]) -> str:
    where = RECIPIENTS.where(filters, "state <> 'acknowledged'")
    return f"""
        SELECT username, full_name, state, {moment("delivered_at")} AS delivered_at,
               {moment("last_push_at")} AS last_push_at, retry_count::text AS retry_count,
               deliveries.version::text AS version
          FROM (SELECT * FROM {RECIPIENTS.source} {where}) deliveries
          JOIN users ON users.id = user_id
         ORDER BY username
    """  # noqa: S608


UNACKNOWLEDGED = Export(
    name="unacknowledged",
    roles=TEACHING,
    columns=(
        *("username", "full_name", "state", "delivered_at", "last_push_at", "retry_count"),
        "version",
    ),
    filters=("announcement",),
    export=_exported_unacknowledged,
    doors={"announcement": get_announcement_for},
)

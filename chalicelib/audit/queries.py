"""The one SELECT over what was done. It knows the names of those who did it by a join only: people
are an area above this one.
"""

from __future__ import annotations

from sqlalchemy import Connection

from chalicelib.audit.schemas import AuditQuery
from chalicelib.core.listing import Listing
from chalicelib.core.pagination import Page

# A username may be all digits, and then look like an id: whoever it could mean is found.
_ACTORS = """
    SELECT id FROM users
     WHERE username = canonical_username(:actor)
        OR id = CAST(substring(:actor FROM '^[0-9]{1,18}$') AS bigint)
"""
_EVENTS = Listing(
    table="audit_events",
    fields="""
        audit_events.id,
        to_char(audit_events.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at,
        CASE WHEN audit_events.actor_id IS NOT NULL THEN
            json_build_object('id', audit_events.actor_id, 'username',
                (SELECT username FROM users WHERE users.id = audit_events.actor_id)) END AS actor,
        audit_events.action,
        json_build_object('kind', audit_events.object_kind, 'id', audit_events.object_id) AS object,
        audit_events.before, audit_events.after, audit_events.ip, audit_events.request_id
    """,
    conditions={
        "actor": f"actor_id = ANY (ARRAY({_ACTORS}))",
        "action": "action = :action",
        "object_kind": "object_kind = :object_kind",
        "object_id": "object_id = :object_id",
        "since": "at >= CAST(:since AS timestamptz)",
        "until": "at < CAST(:until AS timestamptz)",
    },
)


def list_events(connection: Connection, query: AuditQuery) -> Page:
    """Return a page of what was done, newest first.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    filters = query.model_dump(exclude={"limit", "cursor"})
    return _EVENTS.page(connection, query, sort="-id", **filters)

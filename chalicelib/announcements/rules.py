"""Whom an announcement is for, how two versions differ, and what hour it is somewhere: pure rules,
without any I/O.
"""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chalicelib.accounts.rules import Role

Status = Literal["scheduled", "published", "withdrawn"]
State = Literal["queued", "delivered", "acknowledged"]
AudienceKind = Literal["all_students", "course", "section", "users", "role"]

# Those whose people are known at once; the others may be the whole school.
BOUNDED: frozenset[AudienceKind] = frozenset({"course", "section", "users"})
ALL_STUDENTS: dict[str, Any] = {"kind": "all_students"}


def roles_of(audience: dict[str, Any]) -> list[Role]:
    """Return the roles that a whole-school audience addresses; of others, none."""
    if audience["kind"] == "all_students":
        return ["student"]
    return list(audience.get("roles", []))


def local_time(timezone: str, now: datetime) -> datetime:
    """Return a moment by the clock of a time zone; by that of UTC where the name is none, or none
    any more.
    """
    try:
        return now.astimezone(ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return now.astimezone(UTC)


def changed_lines(before: str, after: str) -> str:
    """Return what is different in a text as a unified diff without file names; empty where
    nothing is.
    """
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), n=2, lineterm="", fromfile="", tofile=""
    )
    return "\n".join(list(lines)[2:])

"""What was done, as it goes out; nothing of it ever comes in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError

from chalicelib.audit.actions import Action
from chalicelib.core.pagination import PageQuery


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as beyond:
        raise PydanticCustomError("out_of_range", "There is no such moment in UTC.") from beyond


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class ActorOut(BaseModel):
    """Who did it."""

    id: int
    username: str | None


class ObjectOut(BaseModel):
    """What it was done to; the id is null where there was no such thing."""

    kind: str
    id: str | None


class AuditEventOut(BaseModel):
    """Something that was done."""

    id: int
    at: datetime
    actor: ActorOut | None = Field(description="Null where nobody was signed in.")
    action: Action
    object: ObjectOut
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    ip: str = Field(description="Empty for the work of a function.")
    request_id: str = Field(description="Of the request that caused it.")


class AuditPage(BaseModel):
    """One page of what was done, newest first."""

    items: list[AuditEventOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class AuditQuery(PageQuery):
    """Filters of the audit log."""

    actor: Annotated[Word, Field(description="Id or username of who did it.")] = ""
    action: Action | None = None
    object_kind: Annotated[Word, Field(description="Such as `course`.")] = ""
    object_id: Word = ""
    since: Annotated[Moment | None, Field(description="From this moment on (RFC 3339).")] = None
    until: Annotated[Moment | None, Field(description="Before this moment (RFC 3339).")] = None

"""Announcements, deliveries and figures as they come in and go out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from chalicelib.accounts.rules import Role
from chalicelib.accounts.schemas import UserRef
from chalicelib.announcements.rules import AudienceKind, State, Status
from chalicelib.audit.schemas import Moment
from chalicelib.channels.errors import PostCode
from chalicelib.channels.rules import PostState
from chalicelib.core.pagination import PageQuery

_LARGEST_ID = 2**63 - 1
_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
_MOST_IDS = 5000
_MOST_ATTACHMENTS = 10
_MOST_CHANNELS = 10

Id = Annotated[int, Field(ge=1, le=_LARGEST_ID)]


def _each_once(ids: list[int]) -> list[int]:
    return list(dict.fromkeys(ids))


def _not_blank(text: str) -> str:
    if "\0" in text or not text.strip():
        raise PydanticCustomError("invalid_value", "Must hold some text, and no NUL.")
    return text


Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_NO_CONTROLS),
    Field(examples=["No class on Friday"]),
]
Body = Annotated[
    str,
    StringConstraints(max_length=20_000),
    AfterValidator(_not_blank),
    Field(description="Markdown (CommonMark with tables); raw HTML and images are not shown."),
]
Attachments = Annotated[
    list[Id],
    Field(max_length=_MOST_ATTACHMENTS, description="Ids of files that are ready, in order."),
    AfterValidator(_each_once),
]
Channels = Annotated[
    list[Id],
    Field(
        max_length=_MOST_CHANNELS,
        description="Ids of channels that it is posted to as well; registrars and managers.",
    ),
    AfterValidator(_each_once),
]


class Audience(BaseModel):
    """Whom an announcement is for."""

    model_config = ConfigDict(extra="forbid")

    kind: AudienceKind = "all_students"
    ids: Annotated[
        list[Id] | None,
        Field(max_length=_MOST_IDS, description="Of courses, sections or users, as `kind` says."),
    ] = None
    roles: Annotated[list[Role] | None, Field(max_length=4, description="With `kind` role.")] = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needs_ids, needs_roles = self.kind in ("course", "section", "users"), self.kind == "role"
        if needs_ids != bool(self.ids) or needs_roles != bool(self.roles):
            raise PydanticCustomError(
                "invalid_value", "Courses, sections and users need `ids`, a role needs `roles`."
            )
        return self

    @property
    def asked(self) -> dict[str, Any]:
        """Return it as it is kept: each id and role once."""
        if self.ids:
            return {"kind": self.kind, "ids": sorted(set(self.ids))}
        if self.roles:
            return {"kind": self.kind, "roles": sorted(set(self.roles))}
        return {"kind": self.kind}


class AnnouncementIn(BaseModel):
    """A new announcement."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    body: Body
    audience: Audience = Field(default_factory=Audience)
    publish_at: Annotated[
        Moment | None, Field(description="When to publish it; now, if left out or past.")
    ] = None
    requires_ack: Annotated[
        bool, Field(description="Whether readers are asked to say that they have read it.")
    ] = True
    attachments: Attachments = Field(default_factory=list)
    channels: Channels = Field(default_factory=list)


_UNCHANGED: Any = None


class AnnouncementChanges(BaseModel):
    """What is to change; what is not named stays. Each change is a new version."""

    model_config = ConfigDict(extra="forbid")

    title: Title = _UNCHANGED
    body: Body = _UNCHANGED
    audience: Annotated[Audience, Field(description="Only before it is published.")] = _UNCHANGED
    publish_at: Annotated[Moment, Field(description="Only before it is published.")] = _UNCHANGED
    requires_ack: bool = _UNCHANGED
    attachments: Attachments = _UNCHANGED
    channels: Channels = _UNCHANGED
    material: Annotated[
        bool, Field(description="Whether everybody has to read and acknowledge it again.")
    ] = False


class AttachmentRef(BaseModel):
    """A file of an announcement."""

    id: int
    title: str
    filename: str
    content_type: str
    size: int = Field(description="Bytes.")


class ChannelPost(BaseModel):
    """A channel that an announcement is posted to, and the last post."""

    id: int
    name: str
    state: PostState | None = Field(
        description="Null where there is no post: the announcement is for later, the channel was"
        " paused, or it was 90 days ago."
    )
    code: PostCode | None = Field(description="Why the last try failed; see docs/channels.md.")


class AnnouncementOut(BaseModel):
    """An announcement, as its author sees it."""

    id: int
    title: str
    body: str = Field(description="Markdown.")
    html: str = Field(description="The body, sanitised.")
    publisher: UserRef
    audience: Audience
    status: Status
    requires_ack: bool
    publish_at: datetime
    published_at: datetime | None
    withdrawn_at: datetime | None
    version: int
    reminders: int = Field(description="How often readers were reminded.")
    attachments: list[AttachmentRef]
    channels: list[ChannelPost] = Field(description="Where it is posted, and how that went.")
    created_at: datetime
    updated_at: datetime


class AnnouncementPage(BaseModel):
    """One page of announcements, newest first."""

    items: list[AnnouncementOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class AnnouncementQuery(PageQuery):
    """Filters of the list of announcements."""

    q: Annotated[
        str,
        StringConstraints(max_length=200),
        Field(description="Any part of title or body, in any case."),
    ] = ""
    status: Status | None = None


class VersionOut(BaseModel):
    """An announcement as it was."""

    version: int
    title: str
    body: str
    requires_ack: bool
    material: bool = Field(description="Whether it asked everybody again.")
    edited_by: UserRef
    created_at: datetime
    diff: str = Field(
        description="What is different from the version before: a unified diff of the bodies."
    )


class VersionPage(BaseModel):
    """One page of versions, newest first."""

    items: list[VersionOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class FanoutOut(BaseModel):
    """How far the deliveries have come."""

    state: Literal["pending", "running", "done"]
    done: int
    total: int


class AnnouncementStats(BaseModel):
    """What became of an announcement."""

    audience: int
    queued: int
    delivered: int
    acknowledged: int
    ack_rate: float = Field(description="Acknowledged by audience, 0 to 1.")
    reminders: int
    fanout: FanoutOut


class RecipientOut(BaseModel):
    """One delivery, as the author sees it."""

    user: UserRef
    state: State
    delivered_at: datetime | None
    ack_at: datetime | None
    last_push_at: datetime | None
    retry_count: int
    version: int
    mail: Literal["mailed", "bounced"] | None = Field(description="What became of the last mail.")


class RecipientPage(BaseModel):
    """One page of deliveries, by user."""

    items: list[RecipientOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class RecipientQuery(PageQuery):
    """Which deliveries of an announcement."""

    state: State | None = None
    unacknowledged: Annotated[bool, Field(description="Only what is not acknowledged.")] = False


class RemindedOut(BaseModel):
    """How many are reminded."""

    reminded: int


class PreviewIn(BaseModel):
    """Something that is about to be announced."""

    model_config = ConfigDict(extra="forbid")

    audience: Audience = Field(default_factory=Audience)
    body: Annotated[Body | None, Field(description="To see how it will look.")] = None


class NotMailed(BaseModel):
    """Somebody whom no mail would reach, and why."""

    user: UserRef
    reason: Literal["no_address", "suppressed", "mail_off"]


class PreviewOut(BaseModel):
    """Whom an announcement would reach, as of now."""

    audience: int
    mailed_at_once: int
    mailed_in_digest: int
    no_address: int
    suppressed: int = Field(description="Their address bounced, or they complained.")
    mail_off: int
    not_mailed: list[NotMailed] = Field(description="The first 100 of them; all see it here.")
    html: str | None


class SealOut(BaseModel):
    """Events of deliveries, sealed.

    `sha256` is that of `previous`, `sealed_at` and `events`, joined by line feeds, as UTF-8.
    """

    number: int
    previous: str = Field(description="The seal before, 64 zeros where it is the first.")
    sha256: str
    sealed_at: datetime
    events: list[str] = Field(
        description="Each `id|moment|kind|version|user ids`, ids divided by spaces."
    )


class ProofPage(BaseModel):
    """One page of seals, oldest first."""

    items: list[SealOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class InboxAnnouncement(BaseModel):
    """An announcement, as its readers see it."""

    id: int
    title: str
    body: str = Field(description="Markdown.")
    html: str = Field(description="The body, sanitised.")
    publisher: UserRef
    published_at: datetime
    requires_ack: bool
    version: int
    attachments: list[AttachmentRef]


class DeliveryOut(BaseModel):
    """An announcement in somebody's inbox."""

    id: int
    announcement: InboxAnnouncement
    state: State
    delivered_at: datetime | None
    ack_at: datetime | None
    version: int = Field(description="The version that the state is about.")


class DeliveryPage(BaseModel):
    """One page of an inbox, newest first."""

    items: list[DeliveryOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class InboxQuery(PageQuery):
    """Which part of the inbox."""

    unread: Annotated[bool, Field(description="Only what is not acknowledged.")] = False


class DeliveryState(BaseModel):
    """What a reader has done with an announcement."""

    id: int
    state: State
    delivered_at: datetime | None
    ack_at: datetime | None
    version: int


class UnreadOut(BaseModel):
    """How much is not acknowledged."""

    unread: int

"""Channels as they come in and go out; a secret only comes in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from chalicelib.accounts.schemas import Email
from chalicelib.channels.errors import PostCode
from chalicelib.channels.rules import FIELDS, OPTIONAL, REQUIRED, ChannelKind, PostState
from chalicelib.core.pagination import PageQuery
from chalicelib.integrations import smtp, webhooks
from chalicelib.integrations.destinations import destination
from chalicelib.integrations.errors import OutboundFailure

_VISIBLE = r"^[\x21-\x7e]*$"
_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
_UNCHANGED: Any = None


def _url(given: str) -> str:
    try:
        webhooks.target(given)
    except OutboundFailure:
        raise PydanticCustomError(
            "invalid_value", "Use https:// and a public host, on port 443 or 8443, without a login."
        ) from None
    return given


def _secret(given: SecretStr) -> SecretStr:
    if "\0" in given.get_secret_value():
        raise PydanticCustomError("nul_character", "Must hold no NUL.")
    return given


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_NO_CONTROLS),
    Field(description="Unique whatever the case.", examples=["Staff room bot"]),
]
Host = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=253, pattern=_NO_CONTROLS),
    Field(description="Of the public internet.", examples=["smtp.school.example"]),
]
Port = Annotated[int, Field(ge=1, le=65_535, description="25, 465, 587 or 2525.")]
Username = Annotated[str, StringConstraints(min_length=1, max_length=254, pattern=_NO_CONTROLS)]
URL = Annotated[
    str,
    StringConstraints(min_length=1, max_length=webhooks.LONGEST_URL, pattern=_VISIBLE),
    AfterValidator(_url),
    Field(description="HTTPS, a public host, port 443 or 8443."),
]
ChatId = Annotated[
    str,
    StringConstraints(pattern=r"^(-?[0-9]{1,20}|@[A-Za-z0-9_]{1,64})$"),
    Field(examples=["-1001234567890"]),
]
Secret = Annotated[
    SecretStr,
    Field(
        min_length=1,
        max_length=500,
        description="Of `smtp` the password, of `webhook` the key that posts are signed with (16"
        " characters or more), of `telegram` the token of the bot. Never shown again.",
    ),
    AfterValidator(_secret),
]


class _Told(BaseModel):
    """What a channel may be told; which of it, its kind decides."""

    model_config = ConfigDict(extra="forbid")

    host: Host = _UNCHANGED
    port: Port = _UNCHANGED
    security: Annotated[
        smtp.Security, Field(description="`none` only to a host that the settings name.")
    ] = _UNCHANGED
    username: Username = _UNCHANGED
    sender: Annotated[Email, Field(description="Who its mails are from.")] = _UNCHANGED
    to: Annotated[Email, Field(description="Whom its mails go to, such as a list.")] = _UNCHANGED
    url: URL = _UNCHANGED
    chat_id: ChatId = _UNCHANGED
    secret: Secret = _UNCHANGED

    @property
    def settings(self) -> dict[str, Any]:
        """Return what of it is kept in the open."""
        return self.model_dump(include=set(FIELDS) & self.model_fields_set)


class ChannelIn(_Told):
    """A new channel. Which fields belong to which kind: docs/channels.md."""

    kind: ChannelKind
    name: Name
    active: bool = True

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        told = {name for name in (*FIELDS, "secret") if name in self.model_fields_set}
        check_whole(self.kind, told, self.settings)
        check_secret(self.kind, self.secret)
        return self


class ChannelChanges(_Told):
    """What is to change in a channel; what is not named stays."""

    name: Name = _UNCHANGED
    active: bool = _UNCHANGED


def check_whole(kind: ChannelKind, told: set[str], settings: dict[str, Any]) -> None:
    """Refuse a channel that lacks something of its kind, or has something of another."""
    missing = set(REQUIRED[kind]) - told
    foreign = told - set(REQUIRED[kind]) - set(OPTIONAL[kind])
    if missing or foreign or ("username" in told) != (kind == "smtp" and "secret" in told):
        fields = ", ".join(REQUIRED[kind])
        raise PydanticCustomError(
            "invalid_value",
            "This kind has {fields}, and `username` and `secret` of a relay come together.",
            {"fields": fields},
        )
    if kind == "smtp":
        _check_relay(settings)


def check_secret(kind: ChannelKind, secret: SecretStr | None) -> None:
    """Refuse a secret that is none: a key that can be guessed, a token that no bot has."""
    given = secret.get_secret_value() if secret else ""
    if kind == "webhook" and given and len(given) < 16:
        raise PydanticCustomError("invalid_value", "A signing key has 16 characters or more.")
    if kind == "telegram" and given and not _is_token(given):
        raise PydanticCustomError("invalid_value", "That is not the token of a bot.")


def _is_token(given: str) -> bool:
    number, _, rest = given.partition(":")
    return number.isdecimal() and bool(rest) and given.isascii() and _is_plain(rest)


def _is_plain(text: str) -> bool:
    return text.replace("_", "").replace("-", "").isalnum()


def _check_relay(settings: dict[str, Any]) -> None:
    try:
        to = destination(settings["host"], settings["port"], smtp.PORTS)
    except OutboundFailure:
        raise PydanticCustomError(
            "invalid_value", "Use a public host, and port 25, 465, 587 or 2525."
        ) from None
    if settings["security"] == "none" and not (to.is_trusted and "username" not in settings):
        raise PydanticCustomError("invalid_value", "Without TLS nothing leaves this installation.")


class PostOut(BaseModel):
    """A post to a channel, and what became of it."""

    id: int
    kind: Literal["test", "announcement"]
    about: int | None = Field(description="The id of the announcement.")
    state: PostState
    code: PostCode | None = Field(description="Why the last try failed; see docs/channels.md.")
    attempts: int
    created_at: datetime
    ended_at: datetime | None


class ChannelOut(BaseModel):
    """A channel, without its secret."""

    id: int
    kind: ChannelKind
    name: str
    active: bool
    host: str | None
    port: int | None
    security: smtp.Security | None
    username: str | None
    sender: str | None
    to: str | None
    url: str | None
    chat_id: str | None
    has_secret: bool
    last_post: PostOut | None
    created_at: datetime
    updated_at: datetime


class ChannelPage(BaseModel):
    """One page of channels, by name."""

    items: list[ChannelOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class ChannelQuery(PageQuery):
    """Filters of the list of channels."""

    q: Annotated[
        str, StringConstraints(max_length=200), Field(description="Any part of the name.")
    ] = ""
    kind: ChannelKind | None = None


class QueuedOut(BaseModel):
    """A post that is on its way; the channel's `last_post` tells what became of it."""

    post_id: int

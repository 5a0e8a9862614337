"""Accounts as they come in and go out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from chalicelib.accounts.opaque import LONGEST_TOKEN
from chalicelib.accounts.rules import (
    EMAIL_PATTERN,
    FULL_NAME_PATTERN,
    LONGEST_EMAIL,
    LONGEST_FULL_NAME,
    LONGEST_USERNAME,
    SHORTEST_USERNAME,
    Role,
    canonical_username,
    is_username,
)
from chalicelib.core.pagination import PageQuery


def _username(given: str) -> str:
    canonical = canonical_username(given.strip())
    if len(canonical) < SHORTEST_USERNAME:
        raise PydanticCustomError("string_too_short", "Use two characters or more")
    if len(canonical) > LONGEST_USERNAME:
        raise PydanticCustomError("string_too_long", "Use 64 characters or fewer")
    if not is_username(canonical):
        raise PydanticCustomError(
            "invalid_character", "Use letters, digits, and . _ - inside or at the end"
        )
    return canonical


def _timezone(given: str) -> str:
    if given not in available_timezones():
        raise PydanticCustomError("not_one_of", "Use a name such as Asia/Shanghai")
    return given


Locale = Literal["en", "zh-CN"]
Username = Annotated[
    str,
    StringConstraints(max_length=200),
    AfterValidator(_username),
    Field(
        description="2 to 64 letters of any script, digits, `.`, `_`, `-`; kept in lower case, and"
        " not to be mistaken for another one.",
        examples=["rosa"],
    ),
]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=3, max_length=LONGEST_EMAIL, pattern=EMAIL_PATTERN
    ),
    Field(description="Unique whatever the case.", examples=["rosa@rollcall.example"]),
]
FullName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=LONGEST_FULL_NAME, pattern=FULL_NAME_PATTERN
    ),
    Field(examples=["Rosa Delgado"]),
]
# Whether it keeps the rules is told rule by rule, so not by the schema.
NewPassword = Annotated[str, StringConstraints(max_length=1024)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TOKEN)]
_UNCHANGED: Any = None


class LoginIn(BaseModel):
    """A sign-in."""

    model_config = ConfigDict(extra="forbid")

    username: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=254),
        Field(description="Username or e-mail address, in any case.", examples=["rosa"]),
    ]
    password: Password


class RegistrationIn(BaseModel):
    """A new student's account."""

    model_config = ConfigDict(extra="forbid")

    username: Username
    email: Email
    password: NewPassword
    full_name: FullName = ""
    locale: Locale = "en"


class RefreshIn(BaseModel):
    """A refresh token; it is good once."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: Token


class PasswordChangeIn(BaseModel):
    """A new password, by somebody who knows the present one."""

    model_config = ConfigDict(extra="forbid")

    current_password: Password
    new_password: NewPassword


class ForgotIn(BaseModel):
    """The address of whoever forgot a name or a password."""

    model_config = ConfigDict(extra="forbid")

    email: Email


class ForgotOut(BaseModel):
    """The same for everybody."""

    detail: str = "If somebody has this address, a mail is on its way."


class ResetIn(BaseModel):
    """A new password, by the holder of a link."""

    model_config = ConfigDict(extra="forbid")

    token: Token
    new_password: NewPassword


class TokenOut(BaseModel):
    """What to send as `Authorization: Bearer …` from now on, and what to refresh it with."""

    access_token: str
    refresh_token: str = Field(description="For `POST /auth/refresh`, once.")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds that the token holds.")


class MeOut(BaseModel):
    """The caller's own account."""

    id: int
    username: str
    email: str
    full_name: str
    role: Role
    locale: Locale
    created_at: datetime


class ProfileChanges(BaseModel):
    """What is to change in the own account; what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    full_name: FullName = _UNCHANGED
    locale: Locale = _UNCHANGED


class Preferences(BaseModel):
    """When to get mails about announcements, and in which language all mails are."""

    model_config = ConfigDict(extra="forbid")

    mail: Literal["immediate", "digest", "off"]
    digest_hour: int = Field(ge=0, le=23, description="Hour of the day in that time zone.")
    timezone: Annotated[
        str,
        StringConstraints(max_length=64),
        AfterValidator(_timezone),
        Field(description="A name of the IANA time zone database.", examples=["Asia/Shanghai"]),
    ]
    locale: Locale


class UserIn(BaseModel):
    """A new user, who gets an invitation to set a password."""

    model_config = ConfigDict(extra="forbid")

    username: Username
    email: Email
    full_name: FullName = ""
    role: Role
    locale: Locale = "en"


class UserChanges(BaseModel):
    """What is to change in a user; what is not named stays. A username stays for ever."""

    model_config = ConfigDict(extra="forbid")

    email: Email = _UNCHANGED
    full_name: FullName = _UNCHANGED
    role: Role = _UNCHANGED
    active: bool = _UNCHANGED
    locale: Locale = _UNCHANGED


class UserOut(BaseModel):
    """A user."""

    id: int
    username: str
    email: str
    full_name: str
    role: Role
    active: bool
    locale: Locale
    created_at: datetime


class UserPage(BaseModel):
    """One page of users."""

    items: list[UserOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


UserSort = Literal[
    "username",
    "-username",
    "email",
    "-email",
    "full_name",
    "-full_name",
    "created_at",
    "-created_at",
]


class UserQuery(PageQuery):
    """Filters of the list of users."""

    q: Annotated[
        str,
        StringConstraints(max_length=200),
        Field(description="Any part of username, e-mail address or full name, in any case."),
    ] = ""
    role: Role | None = None
    active: bool | None = None
    sort: UserSort = "username"


class UserRef(BaseModel):
    """A person in brief."""

    id: int
    username: str
    full_name: str


class PersonPage(BaseModel):
    """One page of people."""

    items: list[UserRef]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class PersonQuery(PageQuery):
    """Filters of the list of people."""

    q: Annotated[
        str,
        StringConstraints(max_length=200),
        Field(description="Any part of username or full name, in any case."),
    ] = ""
    role: Role | None = None


class PasswordRuleOut(BaseModel):
    """A rule of new passwords."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    message: str
    pattern: str | None = Field(
        description="Regular expression (flag u) that the password must match; "
        "null where only the server can tell."
    )


class PasswordRulesOut(BaseModel):
    """The rules that a new password must keep, all of them."""

    rules: list[PasswordRuleOut]

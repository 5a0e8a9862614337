"""Accounts as they come in and go out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib.accounts.rules import Role


class LoginIn(BaseModel):
    """A sign-in."""

    model_config = ConfigDict(extra="forbid")

    username: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=254),
        Field(description="Username or e-mail address, in any case.", examples=["rosa"]),
    ]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class TokenOut(BaseModel):
    """What to send as `Authorization: Bearer …` from now on."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds that the token holds.")


class MeOut(BaseModel):
    """The caller's own account."""

    id: int
    username: str
    email: str
    full_name: str
    role: Role
    locale: Literal["en", "zh-CN"]
    created_at: datetime


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

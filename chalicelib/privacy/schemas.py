"""What is kept on a person, as it goes out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class PersonalData(BaseModel):
    """All that is kept on a person."""

    account: dict[str, Any]
    notification_preferences: dict[str, Any] | None = Field(description="Null: the defaults.")
    sessions: list[dict[str, Any]]
    links: list[dict[str, Any]] = Field(description="That set a password and are still good.")
    mails: list[dict[str, Any]]
    mail_suppression: dict[str, Any] | None = Field(description="Why no mail is sent, if so.")
    unsubscribe_link: dict[str, Any] | None = Field(
        description="Since when mails have one, without its secret."
    )
    enrollments: list[dict[str, Any]]
    sections_taught: list[dict[str, Any]]
    tasks: list[dict[str, Any]] = Field(description="Imports and exports.")
    attachments: list[dict[str, Any]] = Field(
        description="Files of courses and announcements that they uploaded."
    )
    announcements: list[dict[str, Any]] = Field(description="That they wrote.")
    deliveries: list[dict[str, Any]] = Field(
        description="Of announcements to them, and what they did with each."
    )
    calendar_feed: dict[str, Any] | None = Field(
        description="Since when there is one, without its secret, and which sections were left."
    )
    kept_answers: list[dict[str, Any]] = Field(description="For a repeated Idempotency-Key.")
    events: list[dict[str, Any]] = Field(
        description="Of the audit log: by this person, or about the account; the newest 2,000."
    )
    events_in_all: int

"""Queues and what the functions did, as they go out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class RunOut(BaseModel):
    """How a message, or a run of a schedule, ended."""

    state: Literal["success", "failure"]
    started_at: datetime
    ms: float
    cause: str | None = Field(description="Class of the exception; null after a success.")
    message_id: str | None = Field(description="Of SQS; null where a clock called.")
    times: int = Field(description="Successes since the one before are counted, not listed.")


class QueueOut(BaseModel):
    """A queue, about; null where it does not answer, or does not tell."""

    name: str
    function: str | None = Field(description="What works on its messages.")
    visible: int | None
    in_flight: int | None
    oldest_age_seconds: float | None = Field(
        description="Known to CloudWatch only, and so to no local cloud."
    )
    dead_letters: int | None
    last_runs: list[RunOut] = Field(
        description="The last successes and failures of its function, newest first."
    )


class ScheduleOut(BaseModel):
    """A function that a clock calls."""

    name: str
    trigger: str
    last_runs: list[RunOut]


class QueuesOut(BaseModel):
    """What waits, what failed, and what was done last."""

    items: list[QueueOut]
    schedules: list[ScheduleOut]


class RedriveOut(BaseModel):
    """What came of moving dead letters back."""

    moved: int
    more: bool = Field(description="Whether some are left: ask again.")

"""The state of the installation as it goes out."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from chalicelib.operations.health import State


class HealthChecks(BaseModel):
    """What was looked at."""

    database: State
    pooler: State
    queues: State
    storage: State


class HealthOut(BaseModel):
    """Whether everything works."""

    status: Literal["healthy", "unhealthy"]
    checks: HealthChecks

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


class ProcessFigures(BaseModel):
    """How the pool of the process that answers is used; usage_ratio is in percent."""

    pool_size: int
    checked_out: int
    overflow: int
    max_overflow: int
    max_connections: int
    usage_ratio: float


PoolerReason = Literal["not_configured", "away"]


class PoolerFigures(BaseModel):
    """What the pooler tells of itself; what it does not know is null, with the reason if all is."""

    kind: Literal["pgbouncer", "rds_proxy", "direct"]
    clients_active: int | None = None
    clients_waiting: int | None = None
    servers_used: int | None = None
    servers_idle: int | None = None
    servers_max: int | None = None
    longest_wait_seconds: float | None = None
    pinned: int | None = None
    reason: PoolerReason | None = None


class QueueFigures(BaseModel):
    """How many messages a queue has, about; null where it does not answer, or does not tell."""

    name: str
    visible: int | None = None
    in_flight: int | None = None
    oldest_age_seconds: float | None = None
    dead_letters: int | None = None
    oldest_dead_letter_age_seconds: float | None = None


class OperationsHealthOut(BaseModel):
    """What an operator looks at first."""

    process: ProcessFigures
    pooler: PoolerFigures
    queues: list[QueueFigures]

"""The connection budget as it goes out."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.operations.budget import (
    ASSUMED_PEAK_SHARE,
    CheckName,
    EnvironmentName,
    Plan,
    PoolerName,
)
from chalicelib.operations.schemas import PoolerFigures, ProcessFigures


class ConsumerOut(BaseModel):
    """Something that connects to the database."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(description="A function, `api`, or whoever else connects.")
    trigger: str = Field(description="What calls it.")
    direct: bool = Field(description="Whether it goes past the pooler.")
    processes: int = Field(description="How many there are at once at the most.")
    connections_each: int
    worst_case: int
    assumed_peak: int = Field(description="An assumption: the worst case by `assumed_peak_share`.")


class BudgetCheckOut(BaseModel):
    """A sum of connections beside its limit."""

    model_config = ConfigDict(from_attributes=True)

    name: CheckName
    worst_case: int
    assumed_peak: int
    limit: int | None = Field(description="Null where there is none.")
    fits: bool
    breaking: list[str] = Field(description="The components with which the sum passes its limit.")


class ServerFigures(BaseModel):
    """What Postgres tells of itself."""

    max_connections: int
    connections: int = Field(description="To all databases of the server, this one included.")


class ConnectionsNow(BaseModel):
    """What there is at this moment: in the process that answers, in the pooler, in Postgres."""

    process: ProcessFigures
    pooler: PoolerFigures
    postgres: ServerFigures


class BudgetOut(BaseModel):
    """The connections that there can be at once, and those that there are."""

    environment: EnvironmentName
    pooler: PoolerName
    max_connections: int = Field(description="Of the server, as the budget has it.")
    share: int = Field(description="What this environment may have of them.")
    fits: bool
    assumed_peak_share: float
    consumers: list[ConsumerOut]
    checks: list[BudgetCheckOut]
    now: ConnectionsNow

    @classmethod
    def of(cls, plan: Plan, now: ConnectionsNow) -> BudgetOut:
        """Put a plan and what there is now together."""
        return cls(
            environment=plan.environment.name,
            pooler=plan.pooler.name,
            max_connections=plan.environment.max_connections,
            share=plan.environment.share,
            fits=plan.fits,
            assumed_peak_share=ASSUMED_PEAK_SHARE,
            consumers=[ConsumerOut.model_validate(consumer) for consumer in plan.consumers],
            checks=[BudgetCheckOut.model_validate(check) for check in plan.checks],
            now=now,
        )

"""Every alarm once; alarm_files.py makes Prometheus's rules and CloudWatch's alarms of them.

Where the two know different things of the same trouble, an alarm says what each of them looks at.
What to do when one rings is in docs/operations.md, under its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from infra.measures import (
    EachMinute,
    FailedPercent,
    Increase,
    Largest,
    LongerThan,
    Measure,
    PercentOf,
)

Severity = Literal["notice", "warning", "error", "page"]


@dataclass(frozen=True)
class Query:
    """A metric that log lines carry (EMF), over all functions; `above` where it is another one."""

    function: Literal["SUM", "MAX"]
    metric: str
    above: float | None = None


@dataclass(frozen=True)
class OfTheApi:
    """A metric of API Gateway, the average of which is a share of the requests."""

    metric: str


@dataclass(frozen=True)
class PercentOfTheProxy:
    """A metric of RDS Proxy as a percentage of another."""

    part: str
    whole: str


@dataclass(frozen=True)
class OfEachQueue:
    """A metric of SQS, for each queue or for the dead letters of each."""

    metric: str
    of_dead_letters: bool


Source = Query | OfTheApi | PercentOfTheProxy | OfEachQueue


@dataclass(frozen=True)
class Alarm:
    """A measure that must not stay above a threshold for so many minutes.

    `period_minutes` is what one value of CloudWatch covers.
    """

    name: str
    severity: Severity
    summary: str
    measure: Measure
    above: float
    minutes: int
    cloudwatch: Source
    period_minutes: int = 1


# Divided by what the pools may open, as in health and logs: by their size alone it rings early. The
# pool of a function is in use whenever it works; what can run out on AWS is the proxy.
_POOL_USE = PercentOf("db_pool_connections_in_use", "db_pool_max_connections")
_PROXY_USE = PercentOfTheProxy(
    "DatabaseConnectionsCurrentlyBorrowed", "MaxDatabaseConnectionsAllowed"
)
_ERRORS = FailedPercent("http_requests_total", 5)
_GATEWAY_ERRORS = OfTheApi("5XXError")
_SLOW = Query("SUM", "slow_queries_total")

ALARMS = (
    Alarm(
        "PoolUseHigh",
        "warning",
        "More than 80 % of the connections are in use.",
        _POOL_USE,
        80,
        5,
        _PROXY_USE,
    ),
    Alarm(
        "PoolUseCritical",
        "error",
        "More than 90 % of the connections are in use.",
        _POOL_USE,
        90,
        2,
        _PROXY_USE,
    ),
    Alarm(
        "PoolWaitLong",
        "warning",
        "Somebody waited for a connection for more than 5 seconds.",
        LongerThan("db_pool_wait_seconds", 5.0, 5),
        0,
        0,
        # CloudWatch has the values themselves, Prometheus only how many were above a bound.
        Query("MAX", "db_pool_wait_seconds", above=5),
    ),
    Alarm(
        "PoolTimeoutsMany",
        "error",
        "More than 100 waits for a connection ended without one in an hour.",
        Increase("db_pool_connection_timeouts_total", 60),
        100,
        0,
        Query("SUM", "db_pool_connection_timeouts_total"),
        period_minutes=60,
    ),
    # Seen on a dashboard, calls nobody: some reports are slow by nature.
    Alarm(
        "StatementSlow",
        "notice",
        "A statement took more than a second.",
        Increase("slow_queries_total", 5),
        0,
        0,
        _SLOW,
    ),
    Alarm(
        "StatementsSlowMany",
        "warning",
        "More than 10 statements a minute take more than a second.",
        EachMinute("slow_queries_total", 5),
        10,
        5,
        _SLOW,
    ),
    # Windows as long as the time that they have to stay above: one failure at night wakes nobody.
    Alarm(
        "ErrorsSome",
        "warning",
        "More than 1 % of the requests fail.",
        _ERRORS,
        1,
        5,
        _GATEWAY_ERRORS,
    ),
    Alarm(
        "ErrorsMany",
        "page",
        "More than 5 % of the requests fail.",
        _ERRORS,
        5,
        5,
        _GATEWAY_ERRORS,
    ),
    Alarm(
        "DeadLetters",
        "warning",
        "Messages that failed five times wait for somebody.",
        Largest("dlq_depth", by="queue"),
        0,
        0,
        OfEachQueue("ApproximateNumberOfMessagesVisible", of_dead_letters=True),
    ),
    # Half an hour is what one message may take, from its receipt until it is seen again.
    Alarm(
        "QueueOld",
        "warning",
        "A message has waited for more than 30 minutes.",
        Largest("queue_oldest_age_seconds", by="queue"),
        1800,
        5,
        OfEachQueue("ApproximateAgeOfOldestMessage", of_dead_letters=False),
    ),
    Alarm(
        "OutboxOld",
        "error",
        "A message has not left the outbox for more than 5 minutes.",
        Largest("outbox_oldest_age_seconds"),
        300,
        2,
        Query("MAX", "outbox_oldest_age_seconds"),
    ),
)

"""How many connections there can be at once, and whether pooler and Postgres have room for them.

Pure rules. Who connects is in consumers.json, which infra/budget.py writes from the templates:
those do not ship with the functions, this file does. The limits are those of the contract:
PgBouncer's own, and RDS Proxy's MaxConnectionsPercent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any, Literal, get_args

EnvironmentName = Literal["development", "production"]
PoolerName = Literal["rds_proxy", "pgbouncer"]
CheckName = Literal["clients", "transactions", "postgres", "pooler_limit"]

MAX_CONNECTIONS = 400
# What one installation may take of the server, by percent: no application gets more than 70.
PERCENT_OF_SERVER: Mapping[EnvironmentName, int] = {"development": 30, "production": 70}
MOST_PERCENT = 70
# An assumption, not a measurement; it is the one that the older installations were planned with.
ASSUMED_PEAK_SHARE = 0.6
# Frozen instances of the version before keep their connections while a new one is deployed.
VERSIONS_AT_ONCE = 2

PGBOUNCER_LIMITS: Mapping[str, int] = {
    "max_client_conn": 1000,
    "default_pool_size": 25,
    "min_pool_size": 5,
    "reserve_pool_size": 5,
    "max_db_connections": 50,
    "query_wait_timeout": 5,
}
CONSUMERS_FILE = Path(__file__).with_name("consumers.json")


@dataclass(frozen=True)
class Consumer:
    """Something that connects: `processes` at once at the most, each with so many connections.

    `peak_share` is the part of them that is assumed for a peak; `direct` is past the pooler.
    """

    name: str
    trigger: str
    processes: int
    connections_each: int
    direct: bool = False
    peak_share: float = ASSUMED_PEAK_SHARE

    @property
    def worst_case(self) -> int:
        """Connections when all processes run and use all of theirs."""
        return self.processes * self.connections_each

    @property
    def assumed_peak(self) -> int:
        """Connections at the assumed peak, rounded up."""
        # Rounded first: as floats some products are a hair above what they are.
        return ceil(round(self.worst_case * self.peak_share, 6))


@dataclass(frozen=True)
class Pooler:
    """What a pooler allows: clients (None where it sets no limit), servers in use at once before
    clients are refused, and servers that it opens for the application's user.
    """

    name: PoolerName
    most_clients: int | None
    most_servers: int
    opens: int


@dataclass(frozen=True)
class Environment:
    """An installation and its share of the server's connections."""

    name: EnvironmentName
    max_connections: int
    share: int


@dataclass(frozen=True)
class Check:
    """A sum beside its limit; `breaking` names the components with which the sum passes it."""

    name: CheckName
    worst_case: int
    assumed_peak: int
    limit: int | None
    breaking: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Tell whether the worst case stays within the limit."""
        return self.limit is None or self.worst_case <= self.limit


@dataclass(frozen=True)
class Plan:
    """The budget of one environment behind one pooler."""

    environment: Environment
    pooler: Pooler
    consumers: tuple[Consumer, ...]
    checks: tuple[Check, ...]

    @property
    def fits(self) -> bool:
        """Tell whether every worst case stays within its limit."""
        return all(check.fits for check in self.checks)


def _named(name: str, trigger: str, processes: int) -> Consumer:
    return Consumer(name, trigger, processes, 1, direct=True, peak_share=1)


# What no template names, and what is there from the first day on.
EXTRA_CONSUMERS = (
    _named("psql", "by hand", 4),
    _named("monitoring", "always", 3),
    _named("backup", "nightly", 2),
    # superuser_reserved_connections: part of max_connections, and never the application's.
    _named("superuser_reserved", "always", 3),
)


def environment_named(name: EnvironmentName) -> Environment:
    """Return an environment with its share of the server."""
    return Environment(name, MAX_CONNECTIONS, MAX_CONNECTIONS * PERCENT_OF_SERVER[name] // 100)


def pooler_named(name: PoolerName, environment: Environment) -> Pooler:
    """Return what a pooler allows in an environment.

    RDS Proxy has no limit of clients; its servers are MaxConnectionsPercent of max_connections,
    which is the environment's share. PgBouncer opens default_pool_size and reserve_pool_size for
    one user of one database, max_db_connections for all users of it.
    """
    if name == "rds_proxy":
        return Pooler(name, None, environment.share, environment.share)
    limits = PGBOUNCER_LIMITS
    most = limits["max_db_connections"]
    opens = min(most, limits["default_pool_size"] + limits["reserve_pool_size"])
    return Pooler(name, limits["max_client_conn"], most, opens)


def make_plan(environment: Environment, pooler: Pooler, consumers: Sequence[Consumer]) -> Plan:
    """Add up who connects, and hold it against every limit on the way."""
    pooled = {c.name: c.worst_case for c in consumers if not c.direct}
    direct = {c.name: c.worst_case for c in consumers if c.direct}
    peak = sum(c.assumed_peak for c in consumers if not c.direct)
    direct_peak = sum(c.assumed_peak for c in consumers if c.direct)
    opened_at_peak = min(peak, pooler.opens)
    # What the pooler keeps from Postgres is taken off the sum, not off anybody's share of it.
    kept_waiting = max(0, sum(pooled.values()) - pooler.opens)
    clients = {name: VERSIONS_AT_ONCE * count for name, count in pooled.items()}
    servers: dict[str, int] = {pooler.name: pooler.most_servers}
    most_of_server = environment.max_connections * MOST_PERCENT // 100
    everybody = pooled | direct
    checks = (
        _check("clients", clients, peak, pooler.most_clients),
        _check("transactions", pooled, peak, pooler.most_servers),
        _check(
            "postgres", everybody, opened_at_peak + direct_peak, environment.share, kept_waiting
        ),
        _check("pooler_limit", servers, opened_at_peak, most_of_server),
    )
    return Plan(environment, pooler, tuple(consumers), checks)


def _check(
    name: CheckName, shares: Mapping[str, int], peak: int, limit: int | None, less: int = 0
) -> Check:
    worst_case = sum(shares.values()) - less
    if limit is None or worst_case <= limit:
        return Check(name, worst_case, peak, limit)
    return Check(name, worst_case, peak, limit, breaking_components(shares, limit))


def breaking_components(shares: Mapping[str, int], limit: int) -> tuple[str, ...]:
    """Name those with which the sum passes the limit, when the small ones are taken first."""
    total = 0
    breaking = []
    for name, share in sorted(shares.items(), key=lambda item: item[1]):
        total += share
        if total > limit:
            breaking.append(name)
    return tuple(breaking)


def make_plans(declared: Mapping[EnvironmentName, Sequence[Consumer]]) -> list[Plan]:
    """Return the plan of each environment behind each pooler that it may have."""
    return [
        make_plan(environment, pooler_named(pooler, environment), [*consumers, *EXTRA_CONSUMERS])
        for name, consumers in declared.items()
        for environment in [environment_named(name)]
        for pooler in get_args(PoolerName)
    ]


@cache
def read_consumers() -> Mapping[EnvironmentName, tuple[Consumer, ...]]:
    """Return who connects in each environment, as the templates had it when they were read."""
    written: dict[EnvironmentName, list[dict[str, Any]]] = json.loads(CONSUMERS_FILE.read_text())
    return {name: tuple(Consumer(**given) for given in listed) for name, listed in written.items()}


def plan_for(stage: str, db_mode: str) -> Plan:
    """Return the plan of the installation with these settings; all but prod is development."""
    name: EnvironmentName = "production" if stage == "prod" else "development"
    pooler: PoolerName = "pgbouncer" if db_mode == "pgbouncer" else "rds_proxy"
    environment = environment_named(name)
    consumers = [*read_consumers()[name], *EXTRA_CONSUMERS]
    return make_plan(environment, pooler_named(pooler, environment), consumers)

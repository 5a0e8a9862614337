"""The sums of the connection budget, held against sums made by hand."""

from __future__ import annotations

import pytest

from chalicelib.operations.budget import (
    MAX_CONNECTIONS,
    MOST_PERCENT,
    PERCENT_OF_SERVER,
    Consumer,
    Environment,
    EnvironmentName,
    Plan,
    breaking_components,
    environment_named,
    make_plan,
    plan_for,
    pooler_named,
)


def direct(name: str, processes: int, each: int, peak_share: float = 0.6) -> Consumer:
    return Consumer(name, "", processes, each, direct=True, peak_share=peak_share)


def pooled(name: str, processes: int, each: int = 1) -> Consumer:
    return Consumer(name, "", processes, each)


def planned(environment: Environment, *consumers: Consumer, pooler: str = "pgbouncer") -> Plan:
    assert pooler in ("pgbouncer", "rds_proxy")
    return make_plan(environment, pooler_named(pooler, environment), consumers)


def sums(plan: Plan) -> dict[str, tuple[int, int, int | None, bool]]:
    return {c.name: (c.worst_case, c.assumed_peak, c.limit, c.fits) for c in plan.checks}


# The tables of the guides that this budget replaces: processes and connections of each.
GUIDES: dict[EnvironmentName, tuple[list[Consumer], int, int, int]] = {
    # 28 + 35 + 49 + 35 = 147, and 10 + 10 besides; 17 + 21 + 30 + 21 = 89 of them at the peak.
    "development": (
        [
            direct("api", 4, 7),
            direct("logs", 5, 7),
            direct("content", 7, 7),
            direct("workflow", 5, 7),
            direct("graph", 1, 10, 1),
            direct("administration", 10, 1, 1),
        ],
        120,
        147 + 20,
        89 + 20,
    ),
    # 80 + 90 + 110 + 70 = 350, and 20 + 20 besides; 48 + 54 + 66 + 42 = 210 at the peak.
    "production": (
        [
            direct("api", 8, 10),
            direct("logs", 9, 10),
            direct("content", 11, 10),
            direct("workflow", 7, 10),
            direct("graph", 1, 20, 1),
            direct("administration", 20, 1, 1),
        ],
        280,
        350 + 40,
        210 + 40,
    ),
}


@pytest.mark.parametrize("name", GUIDES)
def test_the_guides_own_sums_pass_their_limits(name: EnvironmentName) -> None:
    consumers, share, worst_case, peak = GUIDES[name]
    plan = planned(environment_named(name), *consumers)
    assert sums(plan)["postgres"] == (worst_case, peak, share, False)
    assert peak <= share, "which is why nobody saw it"
    assert not plan.fits
    (broken,) = [check for check in plan.checks if not check.fits]
    assert broken.breaking[-1] == "content"


def test_the_shares_are_120_and_280_of_400() -> None:
    shares = {name: environment_named(name).share for name in PERCENT_OF_SERVER}
    assert shares == {"development": 120, "production": 280}
    assert sum(shares.values()) <= MAX_CONNECTIONS == 400
    assert max(PERCENT_OF_SERVER.values()) <= MOST_PERCENT == 70


def test_pgbouncer_lets_a_thousand_clients_in_and_opens_thirty_servers() -> None:
    pooler = pooler_named("pgbouncer", environment_named("production"))
    assert (pooler.most_clients, pooler.most_servers, pooler.opens) == (1000, 50, 30)


@pytest.mark.parametrize(("name", "servers"), [("development", 120), ("production", 280)])
def test_rds_proxy_opens_30_or_70_percent_of_the_server(
    name: EnvironmentName, servers: int
) -> None:
    pooler = pooler_named("rds_proxy", environment_named(name))
    assert (pooler.most_clients, pooler.most_servers) == (None, servers)


def test_behind_pgbouncer_each_side_is_counted_by_itself() -> None:
    plan = planned(
        environment_named("development"),
        pooled("api", 20, 2),
        pooled("mail", 5),
        direct("psql", 4, 1, 1),
    )
    assert sums(plan) == {
        # Two versions at once: 2 * (40 + 5). At the peak 24 + 3.
        "clients": (90, 27, 1000, True),
        "transactions": (45, 27, 50, True),
        # 25 + 5 of the pooler, whatever the clients want, and 4 past it.
        "postgres": (34, 31, 120, True),
        "pooler_limit": (50, 27, 280, True),
    }


def test_behind_rds_proxy_each_client_may_hold_a_server() -> None:
    plan = planned(
        environment_named("development"),
        pooled("api", 20, 2),
        pooled("mail", 5),
        direct("psql", 4, 1, 1),
        pooler="rds_proxy",
    )
    assert sums(plan) == {
        "clients": (90, 27, None, True),
        "transactions": (45, 27, 120, True),
        "postgres": (49, 31, 120, True),
        "pooler_limit": (120, 27, 280, True),
    }


def test_what_goes_past_the_pooler_needs_room_beside_it() -> None:
    plan = planned(
        environment_named("development"),
        pooled("api", 117),
        direct("psql", 4, 1, 1),
        pooler="rds_proxy",
    )
    assert sums(plan)["transactions"][3]
    (broken,) = [check for check in plan.checks if not check.fits]
    assert (broken.name, broken.worst_case, broken.breaking) == ("postgres", 121, ("api",))


def test_an_application_gets_no_more_than_seventy_percent() -> None:
    greedy = Environment("production", 400, 320)
    (broken,) = [c for c in planned(greedy, pooler="rds_proxy").checks if not c.fits]
    assert (broken.name, broken.worst_case, broken.limit) == ("pooler_limit", 320, 280)
    assert broken.breaking == ("rds_proxy",)


def test_more_clients_than_the_pooler_takes_break_it() -> None:
    plan = planned(environment_named("production"), pooled("api", 501))
    assert sums(plan)["clients"] == (1002, 301, 1000, False)


@pytest.mark.parametrize(
    ("shares", "limit", "expected"),
    [
        ({"a": 10, "b": 20, "c": 30}, 60, ()),
        ({"a": 10, "b": 20, "c": 31}, 60, ("c",)),
        ({"c": 100, "a": 10, "b": 20}, 60, ("c",)),
        ({"a": 40, "b": 50, "c": 10}, 45, ("a", "b")),
        ({}, 0, ()),
    ],
)
def test_those_are_named_with_which_the_sum_passes_the_limit(
    shares: dict[str, int], limit: int, expected: tuple[str, ...]
) -> None:
    assert breaking_components(shares, limit) == expected


@pytest.mark.parametrize(
    ("stage", "db_mode", "expected"),
    [
        ("prod", "rds_proxy", ("production", "rds_proxy")),
        ("prod", "pgbouncer", ("production", "pgbouncer")),
        ("dev", "rds_proxy", ("development", "rds_proxy")),
        ("local", "pgbouncer", ("development", "pgbouncer")),
    ],
)
def test_an_installation_knows_its_own_plan(
    stage: str, db_mode: str, expected: tuple[str, str]
) -> None:
    plan = plan_for(stage, db_mode)
    assert (plan.environment.name, plan.pooler.name) == expected
    assert {"api", "send_mail", "migrate", "psql"} <= {c.name for c in plan.consumers}

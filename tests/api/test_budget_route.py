"""The connection budget over HTTP, beside what Postgres has now."""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.core.settings import get_settings

from .conftest import API

MOST = text("SHOW max_connections")


def test_a_manager_sees_who_may_connect_and_that_it_fits(api: API) -> None:
    budget = api.get("/api/ops/budget", as_="amara").json
    assert (budget["environment"], budget["pooler"]) == ("development", "pgbouncer")
    assert (budget["share"], budget["max_connections"], budget["fits"]) == (120, 400, True)
    consumers = {c["name"]: c for c in budget["consumers"]}
    assert consumers["migrate"]["direct"]
    assert not consumers["send_mail"]["direct"]
    (transactions,) = [c for c in budget["checks"] if c["name"] == "transactions"]
    assert transactions["worst_case"] == sum(
        c["worst_case"] for c in consumers.values() if not c["direct"]
    )
    assert transactions["limit"] == 50


def test_it_stands_beside_the_connections_of_now(api: API, owner: Connection) -> None:
    now = api.get("/api/ops/budget", as_="amara").json["now"]
    assert now["postgres"]["max_connections"] == int(owner.execute(MOST).scalar_one())
    # The owner's and the one that answered.
    assert 2 <= now["postgres"]["connections"] <= now["postgres"]["max_connections"]
    assert now["process"]["max_connections"] == get_settings().db_pool_size
    assert now["pooler"]["kind"] == "pgbouncer"

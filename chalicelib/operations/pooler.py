"""What the pooler tells of itself, in one shape: PgBouncer on its console, RDS Proxy in CloudWatch.

A figure that a pooler does not know is None. Where it does not answer all are, with the reason.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import unquote, urlsplit

import pg8000.native

from chalicelib.core.clock import utc_now
from chalicelib.core.settings import Settings, get_settings
from chalicelib.integrations import cloudwatch
from chalicelib.integrations.cloudwatch import Metric, Statistic
from chalicelib.operations.asking import Remembered, ask_all
from chalicelib.operations.schemas import PoolerFigures, PoolerReason

PATIENCE_SECONDS = 2.0
_PGBOUNCERS_PORT = 6432
# CloudWatch has a new value each minute, and a price for each question.
_REMEMBERED_SECONDS = {"pgbouncer": 5.0, "rds_proxy": 30.0, "direct": 30.0}

_PROXY_METRICS: Mapping[str, tuple[str, Statistic]] = {
    "clients": ("ClientConnections", "Sum"),
    "servers": ("DatabaseConnections", "Sum"),
    "borrowed": ("DatabaseConnectionsCurrentlyBorrowed", "Sum"),
    "pinned": ("DatabaseConnectionsCurrentlySessionPinned", "Sum"),
    "most": ("MaxDatabaseConnectionsAllowed", "Sum"),
    "wait": ("DatabaseConnectionsBorrowLatency", "Maximum"),
}


def get_figures() -> PoolerFigures:
    """Return what the last look found, or look again where that is some seconds old."""
    return _remembered[get_settings().db_mode].get()


def forget_figures() -> None:
    """Let the next question look again."""
    for remembered in _remembered.values():
        remembered.forget()


def _found() -> PoolerFigures:
    settings = get_settings()
    looks: Mapping[str, tuple[object, Callable[[Settings], PoolerFigures]]] = {
        "pgbouncer": (settings.pooler_admin_url, _of_pgbouncer),
        "rds_proxy": (settings.db_proxy_name, _of_rds_proxy),
        "direct": (None, _of_pgbouncer),
    }
    is_configured, look = looks[settings.db_mode]
    if not is_configured:
        return unknown("not_configured")
    answers = ask_all({"pooler_figures": lambda: look(settings)}, PATIENCE_SECONDS)
    return answers.get("pooler_figures") or unknown("away")


def unknown(reason: PoolerReason) -> PoolerFigures:
    """Return figures of which nothing is known, and why."""
    return PoolerFigures(kind=get_settings().db_mode, reason=reason)


def _of_pgbouncer(settings: Settings) -> PoolerFigures:
    console = urlsplit(settings.require("pooler_admin_url"))
    address = (console.hostname or "", console.port or _PGBOUNCERS_PORT)
    # With a socket of its own, since pg8000 leaves one open whose sign-in fails.
    with socket.create_connection(address, PATIENCE_SECONDS) as sock:
        connection = pg8000.native.Connection(
            unquote(console.username or ""),
            sock=sock,
            database=console.path.lstrip("/"),
            password=unquote(console.password or ""),
        )
        with closing(connection):
            pools = _shown(connection, "POOLS", "database", settings.db_name)
            databases = _shown(connection, "DATABASES", "name", settings.db_name)
    return PoolerFigures(
        kind="pgbouncer",
        clients_active=sum(pool["cl_active"] for pool in pools),
        clients_waiting=sum(pool["cl_waiting"] for pool in pools),
        servers_used=sum(pool["sv_active"] for pool in pools),
        # Those that are tested or sign in are neither free nor of use to anybody yet.
        servers_idle=sum(pool["sv_idle"] + pool["sv_used"] for pool in pools),
        servers_max=sum(_most_servers(database) for database in databases),
        longest_wait_seconds=max((_wait_of(pool) for pool in pools), default=0.0),
    )


def _shown(
    connection: pg8000.native.Connection, what: str, column: str, value: str
) -> list[dict[str, Any]]:
    # The console knows the simple protocol only: no parameters.
    rows = connection.run(f"SHOW {what}")
    names = [described["name"] for described in connection.columns]
    entries = (dict(zip(names, row, strict=True)) for row in rows)
    return [entry for entry in entries if entry[column] == value]


def _most_servers(database: Mapping[str, Any]) -> int:
    pool: int = database["pool_size"] + database["reserve_pool"]
    most: int = database["max_connections"]
    return min(pool, most) if most else pool


def _wait_of(pool: Mapping[str, Any]) -> float:
    seconds: float = pool["maxwait"] + pool.get("maxwait_us", 0) / 1_000_000
    return round(seconds, 6)


def _of_rds_proxy(settings: Settings) -> PoolerFigures:
    proxy = {"ProxyName": settings.require("db_proxy_name")}
    asked = {
        key: Metric("AWS/RDS", name, proxy, statistic)
        for key, (name, statistic) in _PROXY_METRICS.items()
    }
    found = cloudwatch.latest(asked, utc_now())
    servers, borrowed = found.get("servers"), found.get("borrowed")
    idle = None if servers is None or borrowed is None else max(0, int(servers - borrowed))
    wait = found.get("wait")
    return PoolerFigures(
        kind="rds_proxy",
        clients_active=_whole(found.get("clients")),
        servers_used=_whole(borrowed),
        servers_idle=idle,
        servers_max=_whole(found.get("most")),
        longest_wait_seconds=None if wait is None else wait / 1_000_000,
        pinned=_whole(found.get("pinned")),
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


_remembered = {mode: Remembered(_found, seconds) for mode, seconds in _REMEMBERED_SECONDS.items()}

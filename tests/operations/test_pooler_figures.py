"""PgBouncer's console and RDS Proxy's metrics, in one shape."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import text

from chalicelib.core import database
from chalicelib.core.settings import reset_settings
from chalicelib.integrations import aws
from chalicelib.operations import pooler
from chalicelib.operations.schemas import PoolerFigures

pytestmark = pytest.mark.usefixtures("clean_database")

Configure = Callable[..., PoolerFigures]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Return what is found with these settings."""

    def found(**settings: str) -> PoolerFigures:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        reset_settings()
        pooler.forget_figures()
        return pooler.get_figures()

    yield found
    database.close()
    monkeypatch.undo()
    reset_settings()
    pooler.forget_figures()


def test_pgbouncer_tells_who_has_a_server(found: Configure) -> None:
    database.close()
    found(DB_POOL_SIZE="3")
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(database.transaction()).execute(text("SELECT 1"))
        figures = found()
    assert figures.kind == "pgbouncer"
    assert figures.reason is None
    assert figures.servers_used == 3
    assert figures.clients_active is not None
    assert figures.clients_active >= 3
    assert (figures.clients_waiting, figures.longest_wait_seconds) == (0, 0.0)
    assert figures.servers_idle is not None
    assert figures.servers_max == 30
    assert figures.pinned is None


def test_what_was_found_is_good_for_some_seconds(
    found: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = found()
    monkeypatch.setenv("POOLER_ADMIN_URL", "postgresql://a:b@127.0.0.1:1/c")
    reset_settings()
    assert pooler.get_figures() is first
    pooler.forget_figures()
    assert pooler.get_figures().reason == "away"


def test_a_console_that_is_not_known_or_says_nothing_is_a_reason(found: Configure) -> None:
    assert found(POOLER_ADMIN_URL="").reason == "not_configured"
    assert found(DB_MODE="rds_proxy").reason == "not_configured"
    assert found(DB_MODE="direct").reason == "not_configured"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()
        figures = found(
            DB_MODE="pgbouncer", POOLER_ADMIN_URL=f"postgresql://a:b@127.0.0.1:{port}/pgbouncer"
        )
    assert time.monotonic() - started < pooler.PATIENCE_SECONDS + 1
    assert figures == PoolerFigures(kind="pgbouncer", reason="away")


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, float]], None]]:
    """Put values under the name of a proxy, as RDS does each minute."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL")

    def put(values: dict[str, float]) -> None:
        at = datetime.now(UTC) - timedelta(minutes=2)
        boto3.client("cloudwatch").put_metric_data(
            Namespace="AWS/RDS",
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": "ProxyName", "Value": "rollcall-test"}],
                    "Timestamp": at,
                    "Value": value,
                }
                for name, value in values.items()
            ],
        )

    with mock_aws():
        aws._session.cache_clear()
        aws.reset_clients()
        yield put
    aws._session.cache_clear()
    aws.reset_clients()


def test_rds_proxy_tells_by_cloudwatch(
    found: Configure, cloudwatch: Callable[[dict[str, float]], None]
) -> None:
    cloudwatch(
        {
            "ClientConnections": 140,
            "DatabaseConnections": 22,
            "DatabaseConnectionsCurrentlyBorrowed": 9,
            "DatabaseConnectionsCurrentlySessionPinned": 2,
            "MaxDatabaseConnectionsAllowed": 120,
            "DatabaseConnectionsBorrowLatency": 1_500_000,
        }
    )
    assert found(DB_MODE="rds_proxy", DB_PROXY_NAME="rollcall-test") == PoolerFigures(
        kind="rds_proxy",
        clients_active=140,
        servers_used=9,
        servers_idle=13,
        servers_max=120,
        longest_wait_seconds=1.5,
        pinned=2,
    )


def test_a_proxy_of_which_nothing_was_measured_yet_is_all_null(
    found: Configure, cloudwatch: object
) -> None:
    assert found(DB_MODE="rds_proxy", DB_PROXY_NAME="young") == PoolerFigures(kind="rds_proxy")


def test_a_cloudwatch_that_is_away_is_a_reason(found: Configure) -> None:
    aws.reset_clients()
    figures = found(
        DB_MODE="rds_proxy", DB_PROXY_NAME="rollcall-test", AWS_ENDPOINT_URL="http://127.0.0.1:9"
    )
    aws.reset_clients()
    assert figures == PoolerFigures(kind="rds_proxy", reason="away")

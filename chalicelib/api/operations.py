"""What operators and their tools look at: figures of the pool, the pooler and the queues."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import MANAGERS
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.core.errors import DatabaseAway, PoolExhausted
from chalicelib.operations.exposition import MEDIA_TYPE, metrics_text
from chalicelib.operations.overview import get_overview
from chalicelib.operations.schemas import OperationsHealthOut

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/ops/health",
    roles=MANAGERS,
    answer=OperationsHealthOut,
    personal=True,
    work="nothing",
    errors=(PoolExhausted, DatabaseAway),
)
def get_operations_health(_request: Request) -> Answer:
    """Show how the answering process, the pooler and the queues are doing."""
    return Answer.of(get_overview())


@endpoint(
    blueprint,
    "GET",
    "/metrics",
    roles=MANAGERS,
    key_setting="metrics_token",
    answer="text/plain",
    personal=True,
    work="nothing",
    errors=(PoolExhausted, DatabaseAway),
)
def get_metrics(_request: Request) -> Answer:
    """Show every figure in Prometheus's text format.

    For a manager, or for who sends METRICS_TOKEN as the bearer token: that needs no database.
    """
    return Answer(metrics_text(), media_type=MEDIA_TYPE)

"""Whether the installation works, for load balancers and people."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.operations.health import check_health
from chalicelib.operations.schemas import HealthChecks, HealthOut

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/health",
    roles=None,
    answer=HealthOut,
    other_answers={503: HealthOut},
    personal=True,
    work="nothing",
)
def get_health(_request: Request) -> Answer:
    """Say whether database, pooler, queues and storage work."""
    found = check_health()
    health = HealthOut(
        status="healthy" if found.healthy else "unhealthy",
        checks=HealthChecks.model_validate(found.checks),
    )
    return Answer.of(health, status=200 if found.healthy else 503)

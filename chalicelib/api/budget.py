"""The connection budget, for those who run the installation."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import MANAGERS
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.core.settings import get_settings
from chalicelib.operations.budget import plan_for
from chalicelib.operations.budget_schemas import BudgetOut, ConnectionsNow
from chalicelib.operations.overview import get_process
from chalicelib.operations.pooler import get_figures
from chalicelib.operations.queries import count_connections

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/ops/budget",
    roles=MANAGERS,
    answer=BudgetOut,
    personal=True,
    work="units",
)
def get_budget(request: Request) -> Answer:
    """Show who may connect to the database, whether that fits, and what is connected now."""
    settings = get_settings()
    plan = plan_for(settings.stage, settings.db_mode)
    process, pooler = get_process(), get_figures()
    with request.transaction() as connection:
        now = ConnectionsNow(process=process, pooler=pooler, postgres=count_connections(connection))
    return Answer.of(BudgetOut.of(plan, now))

"""Figures: how many sections there are and how full, what is announced and acknowledged."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import TEACHING
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.statistics import queries
from chalicelib.statistics.schemas import OverviewOut, OverviewQuery

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/stats/overview",
    roles=TEACHING,
    query=OverviewQuery,
    answer=OverviewOut,
    personal=True,
)
def get_overview(request: Request) -> Answer:
    """Count sections, seats and announcements of a term or of all; a teacher's are the own ones."""
    overview = queries.get_overview_for(request.connection, request.caller, request.query.term)
    return Answer(overview)

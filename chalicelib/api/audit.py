"""The audit log: who did what; managers read it, and nobody changes it."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import MANAGERS
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.api.paging import page_answer
from chalicelib.audit import queries
from chalicelib.audit.schemas import AuditPage, AuditQuery
from chalicelib.core.pagination import InvalidCursor

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/audit",
    roles=MANAGERS,
    query=AuditQuery,
    answer=AuditPage,
    personal=True,
    errors=(InvalidCursor,),
)
def list_audit_events(request: Request) -> Answer:
    """List what was done, newest first."""
    return page_answer(request, queries.list_events(request.connection, request.query))

"""Terms: read by all, kept by registrars and managers."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import SIGNED_IN, STAFF
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.api.paging import page_answer
from chalicelib.core.pagination import InvalidCursor
from chalicelib.scheduling import queries
from chalicelib.scheduling import terms as service
from chalicelib.scheduling.errors import TermCodeTaken, TermInUse
from chalicelib.scheduling.term_schemas import TermChanges, TermIn, TermOut, TermPage, TermQuery

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/terms",
    roles=SIGNED_IN,
    query=TermQuery,
    answer=TermPage,
    errors=(InvalidCursor,),
)
def list_terms(request: Request) -> Answer:
    """List terms, the latest first."""
    return page_answer(request, queries.list_terms(request.connection, request.query))


@endpoint(
    blueprint,
    "POST",
    "/api/terms",
    roles=STAFF,
    body=TermIn,
    answer=TermOut,
    status=201,
    creates=True,
    errors=(TermCodeTaken,),
)
def create_term(request: Request) -> Answer:
    """Add a term."""
    term = service.create_term(request.connection, request.caller, request.body)
    return Answer(term.json, etag=term.etag, location=f"/api/terms/{term.id}")


@endpoint(blueprint, "GET", "/api/terms/{id}", roles=SIGNED_IN, answer=TermOut, conditional=True)
def get_term(request: Request) -> Answer:
    """Read a term."""
    term = service.get_term_for(request.connection, request.caller, request.path["id"])
    return Answer(term.json, etag=term.etag)


@endpoint(
    blueprint,
    "PATCH",
    "/api/terms/{id}",
    roles=STAFF,
    body=TermChanges,
    answer=TermOut,
    conditional=True,
    errors=(TermCodeTaken, TermInUse),
)
def change_term(request: Request) -> Answer:
    """Change a term."""
    term = service.lock_term_for(request.connection, request.caller, request.path["id"])
    request.check_version(term.etag)
    term = service.change_term(request.connection, request.caller, term, request.body)
    return Answer(term.json, etag=term.etag)


@endpoint(
    blueprint,
    "DELETE",
    "/api/terms/{id}",
    roles=STAFF,
    status=204,
    conditional=True,
    errors=(TermInUse,),
)
def delete_term(request: Request) -> Answer:
    """Remove a term."""
    term = service.lock_term_for(request.connection, request.caller, request.path["id"])
    request.check_version(term.etag)
    service.delete_term(request.connection, request.caller, term)
    return Answer()

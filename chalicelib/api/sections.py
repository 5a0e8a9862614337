"""Sections: kept by registrars and managers, edited by who teaches them, read by all."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import SIGNED_IN, STAFF, TEACHING
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.api.paging import page_answer
from chalicelib.core.pagination import InvalidCursor
from chalicelib.scheduling import sections as service
from chalicelib.scheduling.errors import (
    InvalidTransition,
    ScheduleConflict,
    SectionCodeTaken,
    SectionInUse,
)
from chalicelib.scheduling.schemas import (
    ConflictsOut,
    SectionChanges,
    SectionIn,
    SectionOut,
    SectionPage,
    SectionQuery,
    SectionSaveQuery,
)

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/sections",
    roles=SIGNED_IN,
    query=SectionQuery,
    answer=SectionPage,
    errors=(InvalidCursor,),
)
def list_sections(request: Request) -> Answer:
    """List the sections that the caller may see."""
    page = service.list_sections_for(request.connection, request.caller, request.query)
    return page_answer(request, page)


@endpoint(
    blueprint,
    "POST",
    "/api/sections",
    roles=STAFF,
    body=SectionIn,
    query=SectionSaveQuery,
    answer=SectionOut,
    status=201,
    creates=True,
    errors=(SectionCodeTaken, ScheduleConflict),
)
def create_section(request: Request) -> Answer:
    """Add a section of a course in a term."""
    section = service.create_section(
        request.connection,
        request.caller,
        request.body,
        allow_conflicts=request.query.allow_conflicts,
    )
    return Answer(section.json, etag=section.etag, location=f"/api/sections/{section.id}")


@endpoint(
    blueprint, "GET", "/api/sections/{id}", roles=SIGNED_IN, answer=SectionOut, conditional=True
)
def get_section(request: Request) -> Answer:
    """Read a section."""
    section = service.get_section_for(request.connection, request.caller, request.path["id"])
    return Answer(section.json, etag=section.etag)


@endpoint(
    blueprint,
    "PATCH",
    "/api/sections/{id}",
    roles=TEACHING,
    body=SectionChanges,
    query=SectionSaveQuery,
    answer=SectionOut,
    conditional=True,
    errors=(SectionCodeTaken, InvalidTransition, ScheduleConflict),
)
def change_section(request: Request) -> Answer:
    """Change a section; who teaches it may, but for course, term and teacher."""
    section = service.lock_section_for(request.connection, request.caller, request.path["id"])
    request.check_version(section.etag)
    section = service.change_section(
        request.connection,
        request.caller,
        section,
        request.body,
        allow_conflicts=request.query.allow_conflicts,
    )
    return Answer(section.json, etag=section.etag)


@endpoint(
    blueprint,
    "DELETE",
    "/api/sections/{id}",
    roles=STAFF,
    status=204,
    conditional=True,
    errors=(SectionInUse,),
)
def delete_section(request: Request) -> Answer:
    """Remove a section."""
    section = service.lock_section_for(request.connection, request.caller, request.path["id"])
    request.check_version(section.etag)
    service.delete_section(request.connection, request.caller, section)
    return Answer()


@endpoint(blueprint, "GET", "/api/sections/{id}/conflicts", roles=TEACHING, answer=ConflictsOut)
def get_conflicts(request: Request) -> Answer:
    """Say where the teacher or a room of a section is taken by another at the same time.

    Students who have another section at that time are warnings.
    """
    conflicts = service.get_conflicts_for(request.connection, request.caller, request.path["id"])
    return Answer(conflicts)

"""Figures as they go out."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from chalicelib.scheduling.schemas import CourseRef


class OverviewQuery(BaseModel):
    """What is counted."""

    term: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=200),
        Field(description="The whole code of a term, in any case; all terms if left out."),
    ] = ""


class SectionCounts(BaseModel):
    """Sections by status."""

    draft: int
    published: int
    archived: int
    total: int


class CourseFigures(BaseModel):
    """The sections of a course together."""

    course: CourseRef
    sections: int
    capacity: int
    enrolled: int
    waitlisted: int
    fill_rate: float = Field(description="Enrolled by capacity; 0 without any capacity.")


class AnnouncementFigures(BaseModel):
    """Announcements that are out, together."""

    published: int
    audience: int = Field(description="Whom they address; who got several counts for each.")
    acknowledged: int
    ack_rate: float = Field(description="Acknowledged by audience, 0 to 1.")


class OverviewOut(BaseModel):
    """Sections, seats and announcements, of a teacher the own ones."""

    term: str | None = Field(description="Code of the term; null for all.")
    sections: SectionCounts
    capacity: int
    enrolled: int
    waitlisted: int
    fill_rate: float = Field(description="Enrolled by capacity; 0 without any capacity.")
    courses: list[CourseFigures] = Field(description="By code, the first 5,000.")
    announcements: AnnouncementFigures

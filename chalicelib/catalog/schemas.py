"""Courses as they come in and go out."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from chalicelib.core.pagination import PageQuery

_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"


def _number(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    raise PydanticCustomError("decimal_type", "Input should be a number")


Code = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=32, pattern=_NO_CONTROLS),
    Field(description="Unique whatever the case.", examples=["CS101"]),
]
Title = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=_NO_CONTROLS),
    Field(examples=["Introduction to Computing"]),
]
Description = Annotated[str, StringConstraints(max_length=10_000)]
Credits = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(ge=0, le=Decimal("999.9"), decimal_places=1, allow_inf_nan=False),
    WithJsonSchema(
        {"type": "number", "minimum": 0, "maximum": 999.9, "description": "One decimal at most."}
    ),
]


class CourseIn(BaseModel):
    """A new course."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    title: Title
    description: Description = ""
    credits: Credits = Field(Decimal("3.0"), json_schema_extra={"default": 3.0})


_UNCHANGED: Any = None


class CourseChanges(BaseModel):
    """What is to change in a course; what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    code: Code = _UNCHANGED
    title: Title = _UNCHANGED
    description: Description = _UNCHANGED
    credits: Credits = _UNCHANGED


class CourseOut(BaseModel):
    """A course."""

    id: int
    code: str
    title: str
    description: str
    credits: float = Field(description="One decimal.")
    updated_at: datetime


class CoursePage(BaseModel):
    """One page of courses."""

    items: list[CourseOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


CourseSort = Literal[
    "code", "-code", "title", "-title", "credits", "-credits", "updated_at", "-updated_at"
]


class CourseQuery(PageQuery):
    """Filters of the list of courses."""

    q: Annotated[
        str,
        StringConstraints(max_length=200),
        Field(description="Any part of code, title or description, in any case."),
    ] = ""
    code: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=200),
        Field(description="The whole code, in any case."),
    ] = ""
    sort: CourseSort = "code"

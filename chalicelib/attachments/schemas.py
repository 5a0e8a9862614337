"""Attachments as they come in and go out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from chalicelib.attachments.rules import MAX_BYTES, PART_BYTES, part_sizes
from chalicelib.core.pagination import PageQuery

State = Literal["uploading", "ready"]

_LARGEST_ID = 2**63 - 1
_MOST_NUMBERS = 100
# Besides controls: what turns the direction of text, and so can hide how a name ends.
_SHOWN = r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]*$"
_PLAIN_NAME = _SHOWN.replace(r"[^", r"[^/\\")
_TOKEN = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*"  # noqa: S105

CourseId = Annotated[int, Field(ge=1, le=_LARGEST_ID, description="Id of a course.")]


def _each_once(numbers: list[int]) -> list[int]:
    if len(set(numbers)) < len(numbers):
        raise PydanticCustomError("invalid_value", "Each number once.")
    return numbers


class FileIn(BaseModel):
    """A file that is about to be uploaded."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[
        str | None,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=_SHOWN),
        Field(description="The file's name, where there is none."),
    ] = None
    filename: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=_PLAIN_NAME),
        Field(description="What it is saved as when it is downloaded.", examples=["讲义.pdf"]),
    ]
    content_type: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, to_lower=True, max_length=255, pattern=f"^{_TOKEN}/{_TOKEN}$"
        ),
        Field(
            description="A type that ATTACHMENT_TYPES lists, without parameters.",
            examples=["application/pdf"],
        ),
    ]
    size: Annotated[int, Field(ge=1, le=MAX_BYTES, description="Bytes, exactly.")]
    checksum_sha256: Annotated[
        str | None,
        StringConstraints(pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$"),
        Field(description="SHA-256 of the file, base64; what arrives must have it."),
    ] = None


class AttachmentIn(FileIn):
    """A file of a course that is about to be uploaded."""

    course: CourseId


class Uploader(BaseModel):
    """Who uploaded a file."""

    id: int
    username: str
    full_name: str


class AttachmentOut(BaseModel):
    """A file of a course, or of announcements."""

    id: int
    course: int | None = Field(description="Null: of announcements.")
    title: str
    filename: str
    content_type: str
    size: int = Field(description="Bytes.")
    checksum_sha256: str | None = Field(description="Base64; null where nobody knows it.")
    state: State = Field(description="Readers see what is `ready` only.")
    uploaded_by: Uploader | None
    created_at: datetime


class AttachmentForm(BaseModel):
    """A form to post as multipart/form-data: all fields first, the file as `file` last."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class AttachmentCreated(BaseModel):
    """An attachment that waits for its file."""

    attachment: AttachmentOut
    upload: AttachmentForm


class PartsIn(BaseModel):
    """The parts that are to be uploaded next."""

    model_config = ConfigDict(extra="forbid")

    numbers: Annotated[
        list[Annotated[int, Field(ge=1, le=len(part_sizes(MAX_BYTES)))]],
        Field(min_length=1, max_length=_MOST_NUMBERS, description="From 1 on, each once."),
        AfterValidator(_each_once),
    ]


class PartOut(BaseModel):
    """Where to PUT one part, which must have exactly this size."""

    number: int
    size: int = Field(description="Bytes.")
    url: str


class PartsOut(BaseModel):
    """Links for parts of a file, and how it is divided."""

    part_size: int = Field(description="Bytes of each part but the last.", examples=[PART_BYTES])
    count: int = Field(description="Parts of the whole file.")
    parts: list[PartOut]
    expires_at: datetime


class AttachmentPage(BaseModel):
    """One page of attachments, newest first."""

    items: list[AttachmentOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class AttachmentQuery(PageQuery):
    """Whose attachments."""

    course: CourseId

"""Tasks, imports, exports and plans as they come in and go out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib.accounts.rules import Role
from chalicelib.core.pagination import PageQuery
from chalicelib.scheduling.rules import Status
from chalicelib.scheduling.schemas import EnrollmentStatus

_LARGEST_ID = 2**63 - 1

Mode = Literal["apply", "plan"]
Outcome = Literal["created", "updated", "unchanged", "failed"]

Filename = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f/\\]*$"
    ),
    Field(description="For people: shown in lists, and part of the name of the error report."),
]


class ImportIn(BaseModel):
    """A file that is about to be uploaded."""

    model_config = ConfigDict(extra="forbid")

    filename: Filename
    mode: Mode = Field("apply", description="`plan` changes nothing and can be applied later.")
    invite: bool = Field(
        False, description="Of `users` only: new ones get a mail with the link to set a password."
    )


class ImportQuery(BaseModel):
    """What a JSON body would say, for a file that is the body itself."""

    filename: Filename = "import.csv"
    mode: Mode = "apply"
    invite: bool = False


class UploadForm(BaseModel):
    """A form to post as multipart/form-data: all fields first, the file as `file` last."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class ImportOut(BaseModel):
    """An import that waits for its file."""

    task_id: UUID
    upload: UploadForm


class TaskStarted(BaseModel):
    """Work that was accepted."""

    task_id: UUID


class ExportIn(BaseModel):
    """The filters of the list; the export holds what the list would show."""

    model_config = ConfigDict(extra="forbid")

    q: str | None = Field(None, max_length=200)
    code: str | None = Field(None, max_length=200, description="Of courses.")
    course: int | None = Field(
        None, ge=1, le=_LARGEST_ID, description="Of sections, enrollments and timetable: an id."
    )
    term: str | None = Field(
        None, max_length=200, description="Of sections, enrollments and timetable: a whole code."
    )
    teacher: int | None = Field(
        None, ge=1, le=_LARGEST_ID, description="Of sections, enrollments and timetable: an id."
    )
    status: Literal[Status, EnrollmentStatus] | None = Field(
        None, description="Of sections and timetable the section's, of enrollments theirs."
    )
    role: Role | None = Field(None, description="Of users.")
    active: bool | None = Field(None, description="Of users.")
    announcement: int | None = Field(
        None, ge=1, le=_LARGEST_ID, description="Of unacknowledged, which needs it: an id."
    )


class ApplyIn(BaseModel):
    """The plan that is meant."""

    model_config = ConfigDict(extra="forbid")

    plan_hash: str = Field(max_length=200, description="`result.plan_hash` of the plan's task.")


class Progress(BaseModel):
    """Rows; `total` is null until the whole file is read."""

    done: int
    total: int | None


class Failure(BaseModel):
    """Why a task failed."""

    code: str
    detail: str


class TaskOut(BaseModel):
    """A task. `result` of an import: status, total, created, updated, unchanged, failed, warnings,
    error_report, waitlisted of enrollments, and plan_hash of a plan; of an export: status, count.
    """

    id: UUID
    kind: str
    job: Literal["import", "export"]
    mode: Mode
    filename: str | None
    state: Literal["PENDING", "PROGRESS", "SUCCESS", "FAILURE"]
    progress: Progress
    result: dict[str, Any] | None
    error: Failure | None
    plan_of: UUID | None
    created_by: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class TaskPage(BaseModel):
    """One page of tasks, newest first."""

    items: list[TaskOut]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class TaskQuery(PageQuery):
    """What the list of tasks understands."""


class Change(BaseModel):
    """A field before and after; `from` is null for a new row."""

    model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)

    before: Any = Field(alias="from")
    to: Any


class RowFinding(BaseModel):
    """Something that is wrong with a row, or worth a look; `field` is null for the whole row."""

    field: str | None
    code: str
    message: str
    severity: Literal["error", "warning"]


class PlanRow(BaseModel):
    """What an import would do with one row."""

    line: int
    key: str
    outcome: Outcome
    changes: dict[str, Change]
    errors: list[RowFinding]


class PlanPage(BaseModel):
    """One page of a plan, in the order of the file."""

    items: list[PlanRow]
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class PlanQuery(PageQuery):
    """Filters of a plan."""

    outcome: Outcome | None = None

"""A registrar's desk for the tests of bulk work: put a file in, run the function, look at the end.

The functions are called with events as AWS sends them, on the real database and the emulator.
"""

from __future__ import annotations

import csv
import io
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from localstack_client.session import Session
from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller, Role
from chalicelib.bulk import service
from chalicelib.bulk.schemas import Mode
from chalicelib.core import database
from chalicelib.core.settings import reset_settings
from chalicelib.integrations import s3
from functions.export_rows.handler import handler as export_handler
from functions.import_rows.handler import handler as import_handler
from tests.functions.events import Context, failed_ids, s3_created, sqs_event
from tests.outbox.queues import Queues, temporary_queues

HEADER = ("code", "title", "description", "credits")


def csv_file(
    rows: Iterable[Sequence[object]],
    header: Sequence[str] = HEADER,
    *,
    separator: str = ",",
    line_end: str = "\n",
    encoding: str = "utf-8",
) -> bytes:
    """Return a CSV file."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator=line_end)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def parsed(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV file that we wrote."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@dataclass
class Ended:
    """A task as its owner sees it."""

    id: uuid.UUID
    state: str
    result: dict[str, Any]
    error: dict[str, str] | None
    done: int
    total: int | None
    attempt: int

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Created, updated, unchanged, failed; always the whole file."""
        counts = tuple(self.result[n] for n in ("created", "updated", "unchanged", "failed"))
        assert sum(counts) == self.result["total"]
        return counts  # type: ignore[return-value]

    @property
    def code(self) -> str:
        assert self.state == "FAILURE", self
        assert self.error is not None
        return self.error["code"]


class Desk:
    """Whom the tasks belong to, and the ways to work on them."""

    def __init__(
        self,
        owner: Connection,
        queues: Queues,
        name: str = "rosa",
        role: Role = "registrar",
        kind: str = "courses",
    ) -> None:
        self.owner = owner
        self.queues = queues
        self.kind = kind
        with database.transaction() as connection:
            self.caller = Caller(_add_user(connection, name, role), name, role)

    def upload(
        self, content: bytes, mode: Mode = "apply", kind: str = "", **options: bool
    ) -> uuid.UUID:
        """Start an import and put the file where its form would."""
        with database.transaction() as connection:
            task_id, _ = service.start_import(
                connection, self.caller, kind or self.kind, "file.csv", mode, **options
            )
        s3.put(f"imports/{task_id}/source.csv", content, "text/csv")
        return task_id

    def import_(self, content: bytes, mode: Mode = "apply", **options: bool) -> Ended:
        """Upload a file, deliver the notification, and return the task."""
        task_id = self.upload(content, mode, **options)
        assert self.deliver(uploaded(task_id)) == []
        return self.task(task_id)

    def export(self, **filters: str | bool | int) -> bytes:
        """Export what the desk works with and return the file."""
        with database.transaction() as connection:
            task_id = service.start_export(connection, self.caller, self.kind, filters)
        assert self.deliver({"task_id": str(task_id)}, function="export") == []
        ended = self.task(task_id)
        assert ended.state == "SUCCESS", ended
        content = self.object(f"results/{task_id}/{self.kind}.csv")
        assert ended.result == {"status": "success", "count": len(parsed(content))}
        return content

    def apply(self, plan: Ended) -> Ended:
        """Apply a plan."""
        with database.transaction() as connection:
            task_id = service.apply_plan(connection, self.caller, plan.id, plan.result["plan_hash"])
        assert self.deliver({"task_id": str(task_id)}) == []
        return self.task(task_id)

    def deliver(self, *bodies: dict[str, Any] | str, function: str = "import") -> list[str]:
        """Call the function with these messages, and return the ids of those that failed."""
        handler = import_handler if function == "import" else export_handler
        return failed_ids(handler(sqs_event(bodies), Context()))

    def task(self, task_id: uuid.UUID) -> Ended:
        row = self.read(
            "SELECT id, state, CASE WHEN state = 'SUCCESS' THEN result ELSE '{}' END,"
            " error, done, total, attempt FROM tasks WHERE id = :id",
            id=task_id,
        )[0]
        return Ended(*row)

    def report(self, task: Ended) -> list[dict[str, str]]:
        """Return the rows of the error report."""
        assert task.result["error_report"]
        return parsed(self.object(f"results/{task.id}/errors.csv"))

    def problems(self, task: Ended) -> list[tuple[int, str]]:
        """Return line and code of what the error report says."""
        return [(int(row["line"]), row["error_code"]) for row in self.report(task)]

    def object(self, key: str) -> bytes:
        with s3.open_object(key) as stream:
            return stream.read()

    def courses(self) -> list[tuple[str, str, str, str]]:
        """Return what the catalogue holds, by code."""
        rows = self.read(
            "SELECT code, title, description, credits::text FROM courses ORDER BY lower(code)"
        )
        return [tuple(row) for row in rows]

    def versions(self) -> dict[str, int]:
        return dict(self.read("SELECT code, version FROM courses"))

    def read(self, sql: str, **binds: Any) -> list[Any]:
        rows = self.owner.execute(text(sql), binds).all()
        self.owner.rollback()
        return rows

    def write(self, sql: str, **binds: Any) -> None:
        self.owner.execute(text(sql), binds)
        self.owner.commit()


def uploaded(task_id: uuid.UUID) -> dict[str, Any]:
    """Return the message that S3 sends when the form of a task was used."""
    return s3_created(f"imports/{task_id}/source.csv")


@contextmanager
def bucket_and_queues() -> Iterator[Queues]:
    """Make a bucket and queues of a test's own, and let the settings name them."""
    client = Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",
        aws_session_token=None,
        region_name=os.environ["AWS_DEFAULT_REGION"],
    ).client("s3")
    bucket = f"rollcall-test-{uuid.uuid4().hex[:12]}"
    client.create_bucket(
        Bucket=bucket,
        CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_DEFAULT_REGION"]},
    )
    before = os.environ.get("BUCKET")
    os.environ["BUCKET"] = bucket
    try:
        with temporary_queues() as queues:
            yield queues
    finally:
        if before is None:
            del os.environ["BUCKET"]
        else:
            os.environ["BUCKET"] = before
        reset_settings()
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for item in page.get("Contents", []):
                client.delete_object(Bucket=bucket, Key=item["Key"])
        client.delete_bucket(Bucket=bucket)


def _add_user(connection: Connection, name: str, role: Role) -> int:
    statement = text(
        "INSERT INTO users (username, email, role) VALUES (:name, :email, :role) RETURNING id"
    )
    binds = {"name": name, "email": f"{name}@rollcall.example", "role": role}
    user_id: int = connection.execute(statement, binds).scalar_one()
    return user_id

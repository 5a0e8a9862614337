"""A shelf of files for the tests of attachments: announce a file, send it as a browser would, look
at what lies in the bucket, past our own code."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import requests
from sqlalchemy import Connection, text

from tests.attachments.files import PDF

from .conftest import API, Answer


def sha256_of(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


class Shelf:
    """One course's files, kept by rosa; or with None those of announcements."""

    def __init__(self, api: API, course: int | None, owner: Connection, bucket: Any) -> None:
        self.api = api
        self.course = course
        self._owner = owner
        self._bucket = bucket

    def announce(self, content: bytes = PDF, as_: str = "rosa", **rest: Any) -> Answer:
        """Say what is to come; what `rest` does not say fits the content."""
        body: dict[str, Any] = {
            "filename": "讲义 1.pdf",
            "content_type": "application/pdf",
            "size": len(content),
        }
        if self.course is None:
            return self.api.post("/api/announcement_attachments", as_=as_, body=body | rest)
        body["course"] = self.course
        return self.api.post("/api/course_attachments", as_=as_, body=body | rest)

    def announced(self, content: bytes = PDF, **rest: Any) -> tuple[str, dict[str, Any]]:
        """Return path and form of an attachment that waits for its file."""
        answer = self.announce(content, **rest)
        assert answer.status == 201, answer.body
        return answer.headers["Location"], answer.json["upload"]

    def ready(self, content: bytes = PDF, as_: str = "rosa", **rest: Any) -> str:
        """Return the path of an attachment that has its file."""
        path, form = self.announced(content, as_=as_, **rest)
        assert send(form, content).status_code == 204
        answer = self.complete(path, as_=as_)
        assert (answer.status, answer.json["state"]) == (200, "ready")
        return path

    def complete(self, path: str, as_: str = "rosa") -> Answer:
        return self.api.post(f"{path}/complete", as_=as_)

    def download(self, path: str, as_: str = "dai") -> bytes:
        answer = self.api.get(f"{path}/download", as_=as_)
        assert answer.status == 302
        file = requests.get(answer.headers["Location"], timeout=10)
        assert file.status_code == 200
        return file.content

    def files(self) -> list[str]:
        """Return the key of every object, those that wait for their check first."""
        return sorted((item.key for item in self._bucket.objects.all()), reverse=True)

    def objects(self) -> dict[str, bytes]:
        return {item.key: item.get()["Body"].read() for item in self._bucket.objects.all()}

    def unfinished_parts(self) -> int:
        return len(list(self._bucket.multipart_uploads.all()))

    def read(self, sql: str) -> list[Any]:
        rows = self._owner.execute(text(sql)).all()
        self._owner.rollback()
        return rows

    def write(self, sql: str) -> None:
        self._owner.execute(text(sql))
        self._owner.commit()

    def actions(self) -> list[tuple[str, str]]:
        """Return what the audit log says, in order."""
        rows = self.read("SELECT action, object_kind FROM audit_events ORDER BY id")
        return [tuple(row) for row in rows]


def send(form: dict[str, Any], content: bytes, **fields: str) -> requests.Response:
    """Post a file by its form; `fields` replace or add to those of the form."""
    return requests.post(
        form["url"],
        data=form["fields"] | fields,
        files={"file": ("讲义 1.pdf", content, "application/octet-stream")},
        timeout=30,
    )

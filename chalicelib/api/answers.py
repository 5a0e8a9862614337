"""What a route hands back, and how it looks to Chalice. Headers that every answer carries are added
by application.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chalice.app import Response
from pydantic import BaseModel

JSON = "application/json"


@dataclass(slots=True)
class Answer:
    """A body that is already text (JSON built by Postgres passes through untouched).

    `status` None means the one that the endpoint declares. `etag` is the opaque part, without
    quotes. `location` is a path of this API such as `/api/courses/7`, or a whole URL.
    """

    body: str = ""
    status: int | None = None
    etag: str | None = None
    location: str | None = None
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, model: BaseModel, **rest: Any) -> Answer:
        """Answer with a model as JSON."""
        return cls(model.model_dump_json(), **rest)

    def to_chalice(self, default_status: int) -> Response:
        """Return Chalice's form of it."""
        status = self.status or default_status
        headers: dict[str, str | list[str]] = dict(self.headers)
        if self.body:
            headers["Content-Type"] = self.media_type
        if self.etag is not None:
            headers["ETag"] = f'"{self.etag}"'
        if self.location is not None:
            headers["Location"] = self.location
        return Response(body=self.body, headers=headers, status_code=status)

"""The errors that a caller can be told about: facts with an HTTP status and a stable code.

    RollcallError
    ├── BadRequest            400  the request cannot be read
    ├── Unauthenticated       401  no token, or one that does not hold
    ├── Forbidden             403  the role may not
    ├── NotFound              404  absent, or not the caller's to see
    ├── MethodNotAllowed      405  the path exists, the method does not
    ├── Conflict              409  the state forbids it
    ├── PreconditionFailed    412  If-Match names an older version
    ├── PayloadTooLarge       413
    ├── UnsupportedMediaType  415
    ├── Invalid               422  readable, but fields are wrong
    ├── TooManyRequests       429  with Retry-After
    └── Unavailable           503  with Retry-After

An area derives its own (`class CourseCodeTaken(Conflict)`) in its errors.py. How they look on the
wire (RFC 9457) is known to api/ only. `detail` is shown to users: it never holds the text of
another exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar

_Row = TypeVar("_Row")


class FieldError(NamedTuple):
    """What is wrong with one field; `field` is a dotted path such as `periods.0.number`."""

    field: str
    code: str
    message: str


class RollcallError(Exception):
    """An outcome that the caller can be told about.

    `members` are what the problem says beyond RFC 9457's own: lists, by name, of the models that
    the class declares in `member_models`.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"
    detail: ClassVar[str] = "Something went wrong on our side."
    member_models: ClassVar[Mapping[str, type[Any]]] = {}

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: list[FieldError] | None = None,
        retry_after_seconds: int | None = None,
        keeps_work: bool = False,
        members: Mapping[str, list[Any]] | None = None,
    ) -> None:
        self.shown_detail = detail or self.detail
        self.members = members or {}
        self.errors = errors or []
        self.retry_after_seconds = retry_after_seconds
        # The transaction is committed all the same: a refusal that is itself worth a row.
        self.keeps_work = keeps_work
        super().__init__(self.shown_detail)


class BadRequest(RollcallError):
    status = 400
    code = "bad_request"
    title = "Bad request"
    detail = "The request could not be read."


class MalformedJSON(BadRequest):
    code = "malformed_json"
    detail = "The body is not valid JSON."


class Unauthenticated(RollcallError):
    status = 401
    code = "unauthenticated"
    title = "Not signed in"
    detail = "Sign in and send the access token."


class Forbidden(RollcallError):
    status = 403
    code = "forbidden"
    title = "Not allowed"
    detail = "Your role does not allow this."


class NotFound(RollcallError):
    status = 404
    code = "not_found"
    title = "Not found"
    detail = "There is nothing here, or nothing that you may see."


def found(row: _Row | None) -> _Row:
    """Return what was looked for.

    Raises:
        NotFound: it is None.
    """
    if row is None:
        raise NotFound
    return row


class MethodNotAllowed(RollcallError):
    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"
    detail = "This path does not know that method."


class Conflict(RollcallError):
    status = 409
    code = "conflict"
    title = "Conflict"
    detail = "The present state does not allow this."


class PreconditionFailed(RollcallError):
    status = 412
    code = "precondition_failed"
    title = "Changed meanwhile"
    detail = "The resource was changed since it was read; read it again."


class PayloadTooLarge(RollcallError):
    status = 413
    code = "payload_too_large"
    title = "Too large"
    detail = "The body is larger than this route accepts."


class UnsupportedMediaType(RollcallError):
    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"
    detail = "This route does not accept that Content-Type."


class Invalid(RollcallError):
    status = 422
    code = "invalid"
    title = "Invalid fields"
    detail = "Some fields are not valid."


class TooManyRequests(RollcallError):
    status = 429
    code = "too_many_requests"
    title = "Too many requests"
    detail = "Too many requests; wait a moment."


class Unavailable(RollcallError):
    status = 503
    code = "unavailable"
    title = "Unavailable"
    detail = "The service is away for a moment; try again."

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds)


class PoolExhausted(Unavailable):
    code = "pool_exhausted"
    detail = "All database connections are in use; try again."


class DatabaseAway(Unavailable):
    code = "database_away"
    detail = "The database is away for a moment; try again."


class Busy(Unavailable):
    code = "busy"
    detail = "Somebody else is at work on the same thing; try again."

"""Errors as they look on the wire: problem+json of RFC 9457, with a stable code."""

from __future__ import annotations

import json
import logging

from sqlalchemy.exc import DBAPIError

from chalicelib.api.answers import Answer
from chalicelib.core import logs
from chalicelib.core.dialect import sqlstate
from chalicelib.core.errors import Busy, MethodNotAllowed, RollcallError, Unauthenticated

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
_MOST_ERRORS = 50
# serialization_failure, deadlock_detected, lock_not_available, query_canceled (statement_timeout)
_WAITED_IN_VAIN = frozenset({"40001", "40P01", "55P03", "57014"})


def problem(error: RollcallError) -> Answer:
    """Return the answer for an error. One of status 500 keeps its text to itself."""
    hidden = error.status == RollcallError.status
    shown = RollcallError if hidden else type(error)
    body = {
        "type": f"/docs#error-{shown.code}",
        "title": shown.title,
        "status": shown.status,
        "detail": shown.detail if hidden else error.shown_detail,
        "code": shown.code,
        "request_id": logs.correlation_id(),
        "errors": [] if hidden else [e._asdict() for e in error.errors[:_MOST_ERRORS]],
        **({} if hidden else error.members),
    }
    headers = {"Cache-Control": "no-store"}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="rollcall"'
    return Answer(json.dumps(body), status=shown.status, media_type=PROBLEM, headers=headers)


def as_told(failure: Exception) -> RollcallError:
    """Return what the caller is told of whatever a route raised; what is our fault is logged."""
    if isinstance(failure, DBAPIError) and sqlstate(failure) in _WAITED_IN_VAIN:
        log.warning("waited_in_vain", extra={"sqlstate": sqlstate(failure)})
        return Busy()
    told = failure if isinstance(failure, RollcallError) else RollcallError()
    if told.status == RollcallError.status:
        log.error("request_failed", exc_info=failure)
    return told


def method_not_allowed(allowed: list[str]) -> Answer:
    """Return the 405 that names the methods that the path knows."""
    answer = problem(MethodNotAllowed())
    answer.headers["Allow"] = ", ".join(allowed)
    return answer

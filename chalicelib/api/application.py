"""The Chalice application: what every answer carries, Chalice's own refusals in our shape, and one
line in the log for each request."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Any

from chalice.app import Chalice

from chalicelib.api.answers import Answer
from chalicelib.api.problems import method_not_allowed, problem
from chalicelib.core import figures, logs
from chalicelib.core.errors import NotFound, RollcallError
from chalicelib.core.settings import get_settings

log = logging.getLogger(__name__)

_REQUESTS = figures.Counter(
    "http_requests_total",
    "Requests by the template of their path and the status of their answer.",
    ("method", "route", "status"),
    dimensions=("status",),
)
_SECONDS = figures.Histogram(
    "http_request_duration_seconds", "Requests from event to answer.", ("method", "route")
)
_FUNCTION = "api"
# Paths that no template knows are many; they have this one between them.
_NO_ROUTE = "unmatched"

_EXPOSED = "ETag, Idempotency-Replayed, Link, Location, Retry-After, X-Request-Id"


class Application(Chalice):
    """Chalice, called with an API Gateway REST event (version 1)."""

    def __init__(self) -> None:
        super().__init__(app_name="rollcall", configure_logs=False)
        self.api.binary_types = ["text/csv"]

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        started = perf_counter()
        about: dict[str, Any] = event.get("requestContext") or {}
        route, method = about.get("resourcePath", ""), about.get("httpMethod", "")
        with logs.correlated(about.get("requestId")) as request_id:
            answered = self._answered(event, context, route, method)
            headers = answered["headers"]
            headers["X-Content-Type-Options"] = "nosniff"
            headers["X-Request-Id"] = request_id
            headers["Vary"] = "Origin"
            sent = event.get("headers") or {}
            origin = sent.get("Origin") or sent.get("origin")
            if origin and origin in get_settings().allowed_origins:
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Expose-Headers"] = _EXPOSED
            status, seconds = answered["statusCode"], perf_counter() - started
            log.info(
                "request",
                extra={
                    "method": method,
                    "route": route,
                    "status": status,
                    "ms": round(seconds * 1000, 1),
                },
            )
            counted = route if route in self.routes else _NO_ROUTE
            _REQUESTS.add((method, counted, str(status)))
            _SECONDS.observe(seconds, (method, counted))
            figures.flush(_FUNCTION)
        return answered

    def _answered(
        self, event: dict[str, Any], context: Any, route: str, method: str
    ) -> dict[str, Any]:
        known = self.routes.get(route)
        if known is None:
            return self._as_gateway_wants(problem(NotFound()))
        if method not in known:
            return self._as_gateway_wants(method_not_allowed(sorted(known)))
        try:
            answered: dict[str, Any] = super().__call__(event, context)
        except Exception:
            log.exception("request_failed")
            return self._as_gateway_wants(problem(RollcallError()))
        return answered

    def _as_gateway_wants(self, answer: Answer) -> dict[str, Any]:
        whole: dict[str, Any] = answer.to_chalice(RollcallError.status).to_dict(
            self.api.binary_types
        )
        return whole

"""The OPTIONS route of every path: what a browser asks before it calls from another origin.

API Gateway's mock answer knows one origin only, so the function answers itself.
"""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib.api import registry

_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"


def register(blueprint: Blueprint, path: str) -> None:
    """Give a path its OPTIONS route; the methods are those declared by the time it is asked."""

    def preflight(**_parameters: str) -> Response:
        methods = ", ".join([*registry.methods_of(path), "OPTIONS"])
        return Response(
            body="",
            status_code=204,
            headers={
                "Allow": methods,
                "Access-Control-Allow-Methods": methods,
                "Access-Control-Allow-Headers": _HEADERS,
                "Access-Control-Max-Age": "600",
            },
        )

    blueprint.route(path, methods=["OPTIONS"], name="preflight", content_types=[])(preflight)

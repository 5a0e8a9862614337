"""The API's description of itself, for programs and for people."""

from __future__ import annotations

import hashlib
import json
from functools import cache

from chalice.app import Blueprint

from chalicelib.api import docs_page, openapi
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/openapi.json",
    roles=None,
    answer="application/json",
    conditional=True,
    work="nothing",
)
def get_openapi(_request: Request) -> Answer:
    """Describe every route, model and error code (OpenAPI 3.1)."""
    text, etag = _openapi()
    return Answer(text, etag=etag)


@endpoint(
    blueprint, "GET", "/docs", roles=None, answer="text/html", conditional=True, work="nothing"
)
def get_docs(request: Request) -> Answer:
    """Show the description as a page."""
    text, etag = _page(request.stage_path)
    headers = {"Content-Security-Policy": docs_page.CONTENT_SECURITY_POLICY}
    return Answer(text, etag=etag, media_type="text/html; charset=utf-8", headers=headers)


@cache
def _openapi() -> tuple[str, str]:
    return _tagged(json.dumps(openapi.describe(), ensure_ascii=False))


@cache
def _page(stage_path: str) -> tuple[str, str]:
    return _tagged(docs_page.render(openapi.describe(), f"{stage_path}/openapi.json"))


def _tagged(text: str) -> tuple[str, str]:
    return text, hashlib.sha256(text.encode()).hexdigest()[:20]

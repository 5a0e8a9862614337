"""A page of a list as an answer, with the link to the next one (RFC 8288)."""

from __future__ import annotations

from urllib.parse import urlencode

from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request
from chalicelib.core.pagination import Page


def page_answer(request: Request, page: Page) -> Answer:
    """Answer with a page; the link keeps whatever else the query said."""
    answer = Answer(page.json)
    if page.next:
        query = {name: values for name, values in request.parameters.items() if name != "cursor"}
        query["cursor"] = [page.next]
        path = request.stage_path + request.url_path
        answer.headers["Link"] = f'<{path}?{urlencode(query, doseq=True)}>; rel="next"'
    return answer

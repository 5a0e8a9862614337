"""The description is valid, complete, up to date, and shown."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import app
from chalicelib.api import openapi, registry

from .conftest import API

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def description() -> dict:
    return openapi.describe()


def test_it_is_valid(description: dict) -> None:
    OpenAPIV31SpecValidator(description).validate()


def test_the_committed_file_is_up_to_date(description: dict) -> None:
    committed = json.loads((ROOT / "docs/openapi.json").read_text("utf-8"))
    assert committed == description, "run `make openapi`"


def test_the_committed_file_is_what_make_openapi_writes() -> None:
    assert (ROOT / "docs/openapi.json").read_text("utf-8") == openapi.committed() + "\n"


def test_it_has_every_route_of_the_app(description: dict) -> None:
    served = {(p, m) for p, methods in app.routes.items() for m in methods if m != "OPTIONS"}
    described = {(p, m.upper()) for p, methods in description["paths"].items() for m in methods}
    assert described == served == {(e.path, e.method) for e in registry.endpoints()}


def test_every_operation_says_what_it_is_and_what_can_go_wrong(description: dict) -> None:
    ids = []
    for path, methods in description["paths"].items():
        for operation in methods.values():
            ids.append(operation["operationId"])
            assert operation["summary"], path
            assert any(int(status) < 400 for status in operation["responses"]), path
            refusals = [s for s in operation["responses"] if int(s) >= 400]
            for status in refusals:
                content = operation["responses"][status]["content"]
                assert "application/problem+json" in content or status == "503"
    assert len(ids) == len(set(ids))


def test_what_needs_a_token_says_so(description: dict) -> None:
    for endpoint in registry.endpoints():
        operation = description["paths"][endpoint.path][endpoint.method.lower()]
        assert ("security" in operation) == (endpoint.roles is not None)
        assert ("401" in operation["responses"]) or endpoint.roles is None


def test_create_course_is_described_in_full(description: dict) -> None:
    operation = description["paths"]["/api/courses"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/CourseIn"
    }
    assert set(operation["responses"]) == {
        "201", "400", "401", "403", "409", "413", "415", "422", "500", "503",
    }  # fmt: skip
    assert [p["name"] for p in operation["parameters"]] == ["Idempotency-Key"]
    schemas = description["components"]["schemas"]
    assert schemas["CourseIn"]["required"] == ["code", "title"]
    assert schemas["CourseIn"]["additionalProperties"] is False
    assert schemas["CourseIn"]["properties"]["credits"]["default"] == 3.0
    assert "required" not in schemas["CourseChanges"]


def test_it_is_served_and_known_by_its_tag(api: API, description: dict) -> None:
    answer = api.get("/openapi.json")
    assert answer.json == description
    again = api.get("/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append(tag)
        self.ids.add(attributes.get("id") or "")
        self.links.add(attributes.get("href") or "")
        assert not any(name.startswith("on") or name in ("style", "src") for name in attributes)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_shows_every_route_model_and_error(api: API, description: dict) -> None:
    answer = api.get("/docs")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    html = answer.body.decode()
    page = _Page(html)
    assert page.open == []
    operations = [o for methods in description["paths"].values() for o in methods.values()]
    assert {operation["operationId"] for operation in operations} <= page.ids
    assert {f"model-{name}" for name in description["components"]["schemas"]} <= page.ids
    codes = {error.code for e in registry.endpoints() for error in openapi.errors_of(e)}
    assert {f"error-{code}" for code in codes} <= page.ids
    anchors = {link[1:] for link in page.links if link.startswith("#")}
    assert anchors <= page.ids


def test_a_problem_points_at_its_explanation(api: API) -> None:
    page, anchor = api.get("/auth/me").json["type"].split("#")
    assert f'id="{anchor}"' in api.get(page).body.decode()


def test_the_page_needs_nothing_that_its_policy_forbids(api: API) -> None:
    answer = api.get("/docs")
    policy = answer.headers["Content-Security-Policy"]
    html = answer.body.decode()
    page = _Page(html)
    assert not {"script", "link", "img", "iframe", "form"} & set(page.tags)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none';")
    assert f"style-src 'sha256-{digest}'" in policy
    assert not re.search(r"https?://", html.replace("http://127.0.0.1", ""))

"""Every error that a caller can meet is on the page, and no two mean different things."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import chalicelib
from chalicelib.core.errors import RollcallError

PAGE = Path(__file__).parents[2] / "docs/errors.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| (\d{3}) \| (.+) \|$", re.MULTILINE)

for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    if "migrations" not in module.name:
        importlib.import_module(module.name)


def errors() -> list[type[RollcallError]]:
    found: list[type[RollcallError]] = []
    unseen = [RollcallError]
    while unseen:
        error = unseen.pop()
        found.append(error)
        unseen.extend(error.__subclasses__())
    ours = [error for error in found if error.__module__.startswith("chalicelib.")]
    return sorted(ours, key=lambda error: (error.status, error.code, error.__name__))


def told() -> list[type[RollcallError]]:
    """Those that a caller meets by their own code; the others look like `internal_error`."""
    return [e for e in errors() if e.status != RollcallError.status or e is RollcallError]


def test_the_page_lists_exactly_the_errors_that_there_are() -> None:
    listed = {(code, int(status)) for code, status, _ in ROW.findall(PAGE.read_text("utf-8"))}
    gateways_own = {("bad_gateway", 502), ("gateway_timeout", 504)}
    assert listed == {(error.code, error.status) for error in told()} | gateways_own


@pytest.mark.parametrize("error", told(), ids=lambda error: error.__name__)
def test_the_page_says_what_the_error_says(error: type[RollcallError]) -> None:
    rows = ROW.findall(PAGE.read_text("utf-8"))
    said = {(code, int(status)): text for code, status, text in rows}
    assert said[error.code, error.status] == error.detail


def test_a_code_means_one_thing_under_its_status() -> None:
    by_code: dict[tuple[str, int], type[RollcallError]] = {}
    for error in told():
        assert by_code.setdefault((error.code, error.status), error) is error, error.code


@pytest.mark.parametrize("error", errors(), ids=lambda error: error.__name__)
def test_a_code_is_a_stable_word(error: type[RollcallError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert error.title
    assert error.detail.endswith(".")

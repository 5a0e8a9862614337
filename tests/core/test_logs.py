"""Logs: one JSON object a line, with the id of the work under way."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.core import logs

log = logging.getLogger("tests.logs")


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def lines(root: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> Any:
    out = io.StringIO()
    root.handlers[:] = []
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        logs.configure()
    return lambda: [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_one_object_with_its_facts(lines: Any) -> None:
    log.info("import_finished", extra={"task_id": "t", "rows": 3, "title": "课\n程"})
    (line,) = lines()
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "tests.logs",
        "event": "import_finished",
        "task_id": "t",
        "rows": 3,
        "title": "课\n程",
    }


def test_an_exception_stays_on_its_line(lines: Any) -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.exception("work_failed")
    (line,) = lines()
    assert "ValueError: two\nlines" in line["exception"]
    assert line["level"] == "error"


@pytest.mark.parametrize(
    "fields",
    [
        {"D": "Key (lower(email))=(hush@school.example) already exists."},
        {"D": "Failing row contains (1, it's hush)."},
        {"M": 'invalid input syntax for type bigint: "hush"'},
        {"W": "COPY import_rows, line 1, column c1: hush"},
    ],
)
def test_data_that_postgres_quotes_is_left_out(lines: Any, fields: dict[str, str]) -> None:
    try:
        raise RuntimeError({"S": "ERROR", "C": "23505", "M": "duplicate", "n": "k", **fields})
    except RuntimeError:
        log.exception("refused")
    (line,) = lines()
    assert "hush" not in line["exception"]
    assert "'C': '23505'" in line["exception"]
    assert "'n': 'k'" in line["exception"]


def test_what_json_does_not_know_is_written_as_text(lines: Any) -> None:
    log.info(
        "odd",
        extra={
            "what": {
                1,
            },
            "kind": ValueError,
        },
    )
    (line,) = lines()
    assert line["what"] == "{1}"


def test_configuring_twice_writes_once(lines: Any) -> None:
    logs.configure("WARNING")
    log.info("not_worth_it")
    log.warning("worth_it")
    assert [line["event"] for line in lines()] == ["worth_it"]


def test_the_id_is_on_every_line_of_the_work_and_on_no_other(lines: Any) -> None:
    log.info("before")
    with logs.correlated("outer-12345"):
        log.info("outer")
        with logs.correlated("inner-12345"):
            log.info("inner")
        log.info("outer")
    log.info("after")
    ids = [line.get("correlation_id") for line in lines()]
    assert ids == [None, "outer-12345", "inner-12345", "outer-12345", None]


@pytest.mark.parametrize(
    "unsafe", [None, "", "short", "x" * 65, "with space", 'quo"te1234', "a\nb\nc\nd\ne"]
)
def test_an_unsafe_id_is_replaced(unsafe: str | None) -> None:
    with logs.correlated(unsafe) as chosen:
        assert chosen != unsafe
        assert len(chosen) == 36
        assert logs.correlation_id() == chosen
    assert logs.correlation_id() == ""


def test_the_id_ends_with_the_work_that_fails() -> None:
    with pytest.raises(ValueError, match="x"), logs.correlated("failing-1234"):
        raise ValueError("x")
    assert logs.correlation_id() == ""


def test_another_thread_has_no_part_in_it() -> None:
    seen: list[str] = []
    with logs.correlated("mine-12345"):
        thread = threading.Thread(target=lambda: seen.append(logs.correlation_id()))
        thread.start()
        thread.join()
    assert seen == [""]

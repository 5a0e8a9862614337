"""Lines of CloudWatch's embedded metric format, held against its specification."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from chalicelib.core import database, figures, logs
from chalicelib.core.batches import work_through
from chalicelib.core.jobs import scheduled
from chalicelib.core.settings import reset_settings
from tests.functions.events import Context, sqs_event

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": {"type": "string", "minLength": 1, "maxLength": 1024},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "maxItems": 30,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "properties": {
                                        "Name": {"type": "string"},
                                        "Unit": {"enum": ["Seconds", "Count"]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the log says of figures, with CloudWatch's namespace set."""
    monkeypatch.setenv("METRICS_NAMESPACE", "Rollcall")
    reset_settings()
    database.close()
    figures.reset()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs._JSONFormatter())
    logger = logging.getLogger(figures.__name__)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(level)
    monkeypatch.undo()
    reset_settings()
    figures.reset()


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    for line in lines:
        jsonschema.validate(line, SCHEMA)
        assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for name in [n for names in directive["Dimensions"] for n in names]:
                assert isinstance(line[name], str)
            for metric in directive["Metrics"]:
                values = line[metric["Name"]]
                assert all(
                    isinstance(value, int | float)
                    for value in (values if isinstance(values, list) else [values])
                )
    return lines


def named(line: dict[str, Any]) -> dict[tuple[str, ...], set[str]]:
    return {
        tuple(directive["Dimensions"][0]): {metric["Name"] for metric in directive["Metrics"]}
        for directive in line["_aws"]["CloudWatchMetrics"]
    }


def test_a_batch_is_one_line_with_what_became_of_its_messages(written: io.StringIO) -> None:
    work_through(sqs_event([{"n": 1}, {"n": 2}]), lambda *_: None)
    (line,) = lines_of(written)
    assert named(line) == {
        ("function", "state"): {"jobs_total"},
        ("function",): {"job_duration_seconds"},
    }
    assert (line["function"], line["state"], line["jobs_total"]) == ("test_emf", "success", 2)
    assert len(line["job_duration_seconds"]) == 2


def test_two_values_of_a_label_take_two_lines(written: io.StringIO) -> None:
    def work(body: dict[str, Any], _delivery: object) -> None:
        if body["n"] == 2:
            raise RuntimeError("no luck")

    work_through(sqs_event([{"n": 1}, {"n": 2}, {"n": 3}]), work)
    lines = lines_of(written)
    assert {line["state"]: line["jobs_total"] for line in lines} == {"success": 2, "failure": 1}
    assert [len(line.get("job_duration_seconds", [])) for line in lines] == [3, 0]


def test_each_invocation_tells_of_itself_only(written: io.StringIO) -> None:
    @scheduled
    def handler(_event: dict[str, Any], _context: Any) -> str:
        return "done"

    assert handler({}, Context()) == "done"
    assert handler({}, Context()) == "done"
    assert [line["jobs_total"] for line in lines_of(written)] == [1, 1]
    figures.flush("test_emf")
    assert len(lines_of(written)) == 2


def test_a_run_that_fails_is_told_too(written: io.StringIO) -> None:
    @scheduled
    def handler(_event: dict[str, Any], _context: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        handler({}, Context())
    assert [line["state"] for line in lines_of(written)] == ["failure"]


def test_a_histogram_gives_no_more_values_than_cloudwatch_takes(written: io.StringIO) -> None:
    probe = figures.Histogram("probe_emf_seconds", "Of a test.")
    try:
        for n in range(150):
            probe.observe(n / 1000)
        figures.flush("api")
    finally:
        figures._figures.remove(probe)
    (line,) = lines_of(written)
    assert line["probe_emf_seconds"] == [n / 1000 for n in range(100)]


def test_without_a_namespace_nothing_is_written(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_NAMESPACE", "")
    reset_settings()
    figures.reset()
    work_through(sqs_event([{}]), lambda *_: None)
    assert written.getvalue() == ""

"""The alarms: each rings and is silent where it should, and both files are what the source says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pg8000.native
import pytest
import yaml
from samples import Series, expanded, expected, rings_for
from sqlalchemy import Connection

import app
from chalicelib.core.figures import all_figures
from chalicelib.operations import exposition
from infra.alarm_files import CLOUDWATCH_FILE, PROMETHEUS_FILE, files
from infra.alarms import ALARMS, Alarm, Query
from infra.fragments import FOLDER, read_fragment, read_template

TEMPLATE = read_template()
BY_NAME = {alarm.name: alarm for alarm in ALARMS}
SERIES_FILE = Path(__file__).with_name("alarm_series.yml")
CASES: list[dict[str, Any]] = yaml.safe_load(SERIES_FILE.read_text())["tests"]
RUNBOOK = (FOLDER.parent / "docs" / "operations.md").read_text()
CLOUDWATCH: dict[str, Any] = read_fragment(CLOUDWATCH_FILE)["Resources"]


@pytest.mark.parametrize("path", [PROMETHEUS_FILE, CLOUDWATCH_FILE], ids=lambda path: path.name)
def test_what_is_committed_is_what_the_source_says(path: Path) -> None:
    assert path.read_text() == dict(files(TEMPLATE))[path], "run make contracts"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_it_rings_where_it_should_by_our_own_sums(case: dict[str, Any]) -> None:
    series = [Series.read(given) for given in case["input_series"]]
    for name, minute, ringing in expected(case):
        assert rings_for(BY_NAME[name], series, minute) == ringing


def test_it_rings_where_it_should_by_promtool() -> None:
    beside = Path(sys.executable).parent / "promtool"
    promtool = str(beside) if beside.exists() else shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here: it is a part of Debian's package prometheus")
    for command in (["check", "rules", str(PROMETHEUS_FILE)], ["test", "rules", str(SERIES_FILE)]):
        done = subprocess.run([promtool, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_what_it_measures_is_exported(alarm: Alarm) -> None:
    assert app.RESOURCES
    assert exposition.MEDIA_TYPE
    exported = {
        figure.name + suffix
        for figure in all_figures()
        for suffix in (("_count", "_bucket") if figure.kind == "histogram" else ("",))
    }
    measured = set(re.findall(r"\b\w+_(?:\w+)\b", re.sub(r"{.*?}", "", alarm.measure.promql)))
    assert measured
    assert measured <= exported


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_each_has_a_series_for_ringing_and_one_for_silence(alarm: Alarm) -> None:
    verdicts = {
        bool(ringing) for case in CASES for name, _, ringing in expected(case) if name == alarm.name
    }
    assert verdicts == {True, False}


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_each_has_a_place_in_the_runbook(alarm: Alarm) -> None:
    (section,) = re.findall(
        rf"^### {alarm.name}\n\n(.+?)(?=^##)", RUNBOOK, re.MULTILINE | re.DOTALL
    )
    assert "**Look:**" in section
    assert "**Do:**" in section


@pytest.mark.parametrize("statement", sorted(set(re.findall(r'DATABASE_URL" -c "(.+)"', RUNBOOK))))
def test_what_the_runbook_asks_postgres_is_answered(owner: Connection, statement: str) -> None:
    assert owner.exec_driver_sql(statement).keys()


@pytest.mark.parametrize("command", sorted(set(re.findall(r'ADMIN_URL" -c "(.+)"', RUNBOOK))))
def test_what_the_runbook_asks_the_pooler_is_answered(command: str) -> None:
    console = urlsplit(os.environ["POOLER_ADMIN_URL"])
    with closing(
        pg8000.native.Connection(
            str(console.username),
            host=str(console.hostname),
            port=console.port or 0,
            database="pgbouncer",
            password=console.password,
        )
    ) as connection:
        assert connection.run(command)


@pytest.mark.parametrize(
    ("notation", "values"),
    [("1+2x3 7", [1, 3, 5, 7, 7]), ("5x2", [5, 5, 5]), ("3-1x3", [3, 2, 1, 0]), ("4", [4])],
)
def test_the_notation_of_series_is_read(notation: str, values: list[float]) -> None:
    assert expanded(notation) == values


class TestCloudWatch:
    def of(self, alarm: Alarm) -> list[dict[str, Any]]:
        return [
            resource["Properties"]
            for name, resource in CLOUDWATCH.items()
            if name.endswith(f"{alarm.name}Alarm")
        ]

    @pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
    def test_each_alarm_is_there_and_tells_whom_it_should(self, alarm: Alarm) -> None:
        told = {"notice": None, "page": "HasPageTopic"}.get(alarm.severity, "HasWarningTopic")
        found = self.of(alarm)
        assert found
        for properties in found:
            actions = properties.get("AlarmActions")
            assert (actions["Fn::If"][0] if actions else None) == told

    def test_it_holds_the_same_thresholds(self) -> None:
        thresholds = {
            alarm.name: {properties["Threshold"] for properties in self.of(alarm)}
            for alarm in ALARMS
        }
        assert thresholds == {
            "PoolUseHigh": {80},
            "PoolUseCritical": {90},
            "PoolWaitLong": {5},
            "PoolTimeoutsMany": {100},
            "StatementSlow": {0},
            "StatementsSlowMany": {10},
            # API Gateway says 0.01 for one percent.
            "ErrorsSome": {0.01},
            "ErrorsMany": {0.05},
            "DeadLetters": {0},
            "QueueOld": {1800},
            "OutboxOld": {300},
        }

    def test_every_queue_and_its_dead_letters_are_watched(self) -> None:
        watched = {
            dimension["Value"]["Fn::Sub"]
            for resource in CLOUDWATCH.values()
            for dimension in resource["Properties"].get("Dimensions", [])
            if dimension["Name"] == "QueueName"
        }
        assert watched == {
            resource["Properties"]["QueueName"]["Fn::Sub"]
            for resource in TEMPLATE["Resources"].values()
            if resource["Type"] == "AWS::SQS::Queue"
        }

    @pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
    def test_a_query_asks_for_the_metric_that_prometheus_knows(self, alarm: Alarm) -> None:
        if not isinstance(alarm.cloudwatch, Query):
            assert "SELECT" not in str(self.of(alarm))
            return
        (properties,) = self.of(alarm)
        (query,) = properties["Metrics"]
        assert alarm.cloudwatch.metric in query["Expression"]
        assert alarm.cloudwatch.metric in alarm.measure.promql
        assert query["Period"] == 60 * alarm.period_minutes

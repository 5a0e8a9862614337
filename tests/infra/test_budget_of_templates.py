"""The budget of the templates: everything in them is counted, it fits, and too much is named."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.operations.budget import CONSUMERS_FILE, PERCENT_OF_SERVER, Consumer, make_plans
from infra.budget import committed, read_consumers, table
from infra.fragments import FOLDER, read_template
from infra.intrinsics import TemplateError

TEMPLATE = read_template()
FUNCTIONS: dict[str, dict[str, Any]] = {
    name: resource["Properties"]
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}
JOBS = {name: given["Handler"].split(".")[1] for name, given in FUNCTIONS.items()}
BY_QUEUE = [name for name, given in FUNCTIONS.items() if "Queue" in given.get("Events", {})]
BY_CLOCK = [name for name, given in FUNCTIONS.items() if "Schedule" in given.get("Events", {})]


@pytest.fixture
def template() -> dict[str, Any]:
    return copy.deepcopy(TEMPLATE)


def function(template: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][name]["Properties"]
    return found


def scaling(template: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = function(template, name)["Events"]["Queue"]["Properties"]
    return found


def broken_by(template: dict[str, Any]) -> set[str]:
    plans = make_plans(read_consumers(template))
    return {name for plan in plans for check in plan.checks for name in check.breaking}


def counted(template: dict[str, Any], job: str) -> Consumer:
    (found,) = [c for c in read_consumers(template)["production"] if c.name == job]
    return found


def test_every_worst_case_fits() -> None:
    assert broken_by(TEMPLATE) == set()


@pytest.mark.parametrize("environment", PERCENT_OF_SERVER)
def test_every_function_and_every_queue_is_in_it(environment: str) -> None:
    consumers = {c.name: c for c in read_consumers(TEMPLATE)[environment]}
    assert set(consumers) == {"api", *JOBS.values()}
    triggers = {trigger for c in consumers.values() for trigger in c.trigger.split(", ")}
    assert {trigger for trigger in triggers if trigger.startswith("queue ")} == {
        "queue " + resource["Properties"]["QueueName"]["Fn::Sub"].removeprefix("rollcall-${Stage}-")
        for resource in TEMPLATE["Resources"].values()
        if resource["Type"] == "AWS::SQS::Queue" and "RedrivePolicy" in resource["Properties"]
    }


def test_what_the_functions_know_of_it_is_what_the_templates_say() -> None:
    assert CONSUMERS_FILE.read_text() == committed(read_consumers(TEMPLATE)), "run make contracts"


@pytest.mark.parametrize("name", BY_QUEUE)
def test_fifty_times_a_queues_concurrency_is_too_much(template: dict[str, Any], name: str) -> None:
    scaling(template, name)["ScalingConfig"]["MaximumConcurrency"] *= 50
    assert broken_by(template) == {JOBS[name]}


@pytest.mark.parametrize("name", BY_CLOCK)
def test_fifty_of_a_schedule_at_once_are_too_many(template: dict[str, Any], name: str) -> None:
    function(template, name)["ReservedConcurrentExecutions"] = 50
    assert broken_by(template) == {JOBS[name]}


def test_fifty_times_the_api_is_too_much(template: dict[str, Any]) -> None:
    template["Parameters"]["ApiConcurrency"]["MaxValue"] *= 50
    assert broken_by(template) == {"api"}


def test_a_larger_pool_counts_as_often_as_there_are_processes(template: dict[str, Any]) -> None:
    variables = {"DB_POOL_SIZE": "10", "DB_MAX_OVERFLOW": 5}
    function(template, "SendMailFunction")["Environment"]["Variables"] |= variables
    mail = counted(template, "send_mail")
    assert (mail.processes, mail.connections_each, mail.worst_case) == (4, 15, 60)
    assert broken_by(template) == {"send_mail"}


def test_a_reservation_is_all_that_a_function_gets(template: dict[str, Any]) -> None:
    function(template, "SendMailFunction")["ReservedConcurrentExecutions"] = 3
    assert counted(template, "send_mail").processes == 3


def test_migrations_go_past_the_pooler_and_nobody_else_does() -> None:
    direct = [c.name for c in read_consumers(TEMPLATE)["production"] if c.direct]
    assert direct == ["migrate"]


def test_a_queue_without_a_limit_cannot_be_counted(template: dict[str, Any]) -> None:
    del scaling(template, "FanOutFunction")["ScalingConfig"]
    with pytest.raises(TemplateError, match=r"FanOutFunction\.Events\.Queue"):
        read_consumers(template)


def test_a_queue_that_nobody_reads_cannot_be_counted(template: dict[str, Any]) -> None:
    template["Resources"]["OrphanQueue"] = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": "orphan"},
    }
    with pytest.raises(TemplateError, match="OrphanQueue"):
        read_consumers(template)


def test_what_runs_otherwise_cannot_be_counted(template: dict[str, Any]) -> None:
    template["Resources"]["Server"] = {"Type": "AWS::EC2::Instance", "Properties": {}}
    with pytest.raises(TemplateError, match="Server"):
        read_consumers(template)


def test_no_deployment_may_give_the_api_more_than_was_counted() -> None:
    given = TEMPLATE["Parameters"]["ApiConcurrency"]
    assert given["Default"] <= given["MaxValue"] == counted(TEMPLATE, "api").processes


def test_the_table_names_each_component_and_says_what_is_assumed() -> None:
    lines = table(make_plans(read_consumers(TEMPLATE))).splitlines()
    first_words = [line.split()[0] for line in lines if line.strip()]
    assert set(JOBS.values()) | {"api", "psql", "backup"} <= set(first_words)
    assert all("assumed" in line for line in lines if "worst case" in line)


def printed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import pathlib, sys, infra.fragments as f, infra.budget as b;"
        f"b.read_template = lambda: f.read_template(pathlib.Path({str(folder)!r}));"
        "sys.exit(b.main())"
    )
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=False)


def test_the_command_fails_and_says_which(tmp_path: Path) -> None:
    for path in FOLDER.glob("*.yaml"):
        text = path.read_text()
        if path.name == "exports.yaml":
            text = text.replace("MaximumConcurrency: 2", "MaximumConcurrency: 100")
        (tmp_path / path.name).write_text(text)
    done = printed(tmp_path, "--quiet")
    assert done.returncode == 1
    assert "DOES NOT FIT: export_rows" in done.stdout


def test_the_command_is_silent_where_all_is_well() -> None:
    done = printed(FOLDER, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

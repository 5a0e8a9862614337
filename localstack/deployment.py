"""What is deployed on this machine: the functions with their whole environment, the queues' names.

Written by the stack at each start and read by the front and the workers, so that all of them speak
of the same thing. It holds passwords: only its owner reads it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from places import write_private

from infra.templates import Function, QueueSource, Schedule


@dataclass(frozen=True)
class Deployment:
    """Functions, the dead-letter queue (or None) of each queue, and where mails are kept.

    `mails` is None where another AWS endpoint keeps them.
    """

    endpoint: str
    credentials: dict[str, str]
    functions: tuple[Function, ...]
    queues: dict[str, str | None]
    logs: Path
    mails: Path | None = None

    def function(self, job: str) -> Function | None:
        """Return the function of this job, if there is one."""
        return next((f for f in self.functions if f.job == job), None)


def write(deployment: Deployment, path: Path) -> None:
    """Keep a deployment in a file."""
    write_private(path, json.dumps(asdict(deployment), indent=1, default=os.fspath))


def read(path: Path) -> Deployment:
    """Return the deployment that a file holds."""
    content: dict[str, Any] = json.loads(path.read_text())
    functions = tuple(
        Function(
            **{
                **given,
                "queues": tuple(QueueSource(**source) for source in given["queues"]),
                "schedules": tuple(Schedule(**schedule) for schedule in given["schedules"]),
            }
        )
        for given in content["functions"]
    )
    return Deployment(
        **{
            **content,
            "functions": functions,
            "logs": Path(content["logs"]),
            "mails": Path(content["mails"]) if content["mails"] else None,
        },
    )

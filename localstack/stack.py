"""What the local cloud consists of, in which order it starts, and what each part is told.

The only place that knows all parts. `Stack` is one of them: in `.local/` for a person, or a
private one on free ports for tests.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import deployment
import emulator
import letterbox
import pooler
import postgres
import resources
from places import CHECKOUT, Place, read_json, write_private
from ports import HOST, Ports, answers, require_free
from supervisor import Program, StartFailed, Supervisor, end_leftovers, tail

from chalicelib.core.settings import Settings
from infra.templates import Declared, declared_in

_HERE = CHECKOUT / "localstack"
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Of the caller's own account or of another stack: nothing here may reach the real AWS.
_NOT_INHERITED = ("AWS_", "DB_", "QUEUE_", "MAIL_", "CHANNEL_", "BOTO_", "PG")
_MAIL_ADDRESS = "no-reply@rollcall.example"


@dataclass
class Stack:
    """One local cloud; `stage` is `local`, or `test` for a private one."""

    place: Place
    ports: Ports
    stage: str
    note: Callable[[str], None]
    serves: bool = True

    def up(self) -> Supervisor:
        """Start every part, each when what it needs is there, and return what keeps them up.

        Raises:
            StartFailed, PortError, ResourceError: a part does not come up; nothing is left behind.
        """
        self.place.prepare()
        for name in end_leftovers(self.place.status_file):
            self.note(f"ended {name}, left over from a stack that was killed")
        supervisor = Supervisor(
            self.place.status_file,
            self.note,
            ports=self.ports.as_dict(),
            stage=self.stage,
            emulator_is_ours=self.emulator_is_ours,
        )
        supervisor.handle_signals(*_ENDING)
        try:
            self._start_parts(supervisor)
        except BaseException:
            supervisor.stop()
            raise
        return supervisor

    def _start_parts(self, supervisor: Supervisor) -> None:
        self._check_ports()
        if self.emulator_is_ours:
            self.note("starting the AWS emulator, Postgres and PgBouncer")
            supervisor.launch(letterbox.program(self.place, self.ports.letterbox))
            emulated = emulator.program(self.place, self.ports.aws_endpoint, self.ports.letterbox)
            emulated.on_ready = self._make_resources
            supervisor.launch(emulated)
        else:
            self.note(f"using the AWS endpoint at {self.ports.aws_endpoint}; starting Postgres")
        supervisor.start(postgres.program(self.place, self.ports.postgres))
        self._prepare_database("migrate")
        supervisor.start(pooler.program(self.place, self.ports.pooler, self.ports.postgres_reached))
        if self.emulator_is_ours:
            supervisor.wait_for("letterbox")
            supervisor.wait_for("emulator")
        else:
            self._make_resources()
        write_private(self.place.env_file, self._env_file_text())
        if self.serves:
            self.place.renew_figures()
            self._prepare_database("demo-school", self.environment())
            self._deploy()
            self.note("starting the web front and the workers")
            supervisor.launch(self._front())
            supervisor.launch(self._workers(supervisor))
            supervisor.wait_for("front")
            supervisor.wait_for("workers")

    def _check_ports(self) -> None:
        require_free(self.ports.postgres, "POSTGRES_PORT", "Postgres")
        require_free(self.ports.pooler, "POOLER_PORT", "PgBouncer")
        if self.serves:
            require_free(self.ports.web, "ROLLCALL_PORT", "web and API")
        if self.emulator_is_ours:
            # Something that accepts connections but speaks no HTTP.
            port = urlsplit(self.ports.aws_endpoint).port or 0
            require_free(port, "AWS_ENDPOINT_URL", "AWS endpoint")

    @cached_property
    def emulator_is_ours(self) -> bool:
        """Whether the AWS endpoint is started and ended with this stack."""
        return not emulator.answers(self.ports.aws_endpoint)

    @cached_property
    def cloud(self) -> resources.Cloud:
        """The AWS endpoint."""
        return resources.Cloud(self.ports.aws_endpoint, emulator.credentials(self.emulator_is_ours))

    @cached_property
    def declared(self) -> Declared:
        """What the templates declare, for this stack."""
        from infra.fragments import read_template

        return declared_in(
            read_template(),
            self._parameters(),
            account=self.cloud.account(),
            region=emulator.REGION,
            endpoint=self.ports.endpoint_reached,
        )

    def _parameters(self) -> dict[str, Any]:
        return {
            "Stage": self.stage,
            "CorsOrigins": self._origins(),
            "DatabaseHost": HOST,
            "DatabasePort": self.ports.pooler_reached,
            "DatabaseName": postgres.DATABASE,
            "DatabaseMode": "pgbouncer",
            "DatabaseSecretArn": f"rollcall-{self.stage}-database",
            "DatabaseOwnerHost": HOST,
            "DatabaseOwnerPort": self.ports.postgres,
            "DatabaseOwnerSecretArn": f"rollcall-{self.stage}-database-owner",
            "WebOrigin": self._web_origin(),
            "MailAddress": _MAIL_ADDRESS,
            "ChannelPrivateHosts": self._letterbox(),
        }

    def _make_resources(self) -> None:
        secrets = self.place.secrets
        resources.make(
            self.cloud,
            self.declared,
            {
                f"rollcall-{self.stage}-database": json.dumps(
                    {"username": postgres.APPLICATION, "password": secrets["app"]}
                ),
                f"rollcall-{self.stage}-database-owner": json.dumps(
                    {"username": postgres.OWNER, "password": secrets["owner"]}
                ),
                f"rollcall-{self.stage}-jwt": secrets["jwt"],
                f"rollcall-{self.stage}-channels": secrets["channels"],
            },
            senders=[_MAIL_ADDRESS],
        )

    def _letterbox(self) -> str:
        """Where a channel of the kind smtp may reach this machine."""
        return f"{HOST}:{self.ports.letterbox}" if self.emulator_is_ours else ""

    def _web_origin(self) -> str:
        return f"http://{HOST}:{self.ports.web}"

    def _origins(self) -> list[str]:
        own = [f"http://{host}:{self.ports.web}" for host in (HOST, "localhost")]
        development = [f"http://{host}:5173" for host in (HOST, "localhost")]
        return [*own, *development]

    def environment(self) -> dict[str, str]:
        """Return what every process of Rollcall is told: the settings of this stack."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)
        }
        origins = {
            "WEB_ORIGIN": self._web_origin(),
            "CORS_ORIGINS": ",".join(self._origins()),
        }
        return {
            **({"SELF_ENROLMENT": "true"} if self.serves else {}),
            **inherited,
            **(self._figures_go() if self.serves else {}),
            **self.connection_values(),
            **emulator.credentials(self.emulator_is_ours),
            **(origins if self.serves else {}),
            "STAGE": self.stage,
            "DB_HOST": HOST,
            "DB_PORT": str(self.ports.pooler_reached),
            "DB_NAME": postgres.DATABASE,
            "DB_USER": postgres.APPLICATION,
            "DB_PASSWORD": self.place.secrets["app"],
            "DB_MODE": "pgbouncer",
            "DB_SSLMODE": "disable",
            "JWT_SECRET_ARN": f"rollcall-{self.stage}-jwt",
            "CHANNEL_KEY_ARN": f"rollcall-{self.stage}-channels",
            "CHANNEL_PRIVATE_HOSTS": self._letterbox(),
            "ROLLCALL_STATE": str(self.place.state),
            "PYTHONUNBUFFERED": "1",
        }

    def _figures_go(self) -> dict[str, str]:
        """Return what has every process count into one folder, and none of them for CloudWatch."""
        return {"PROMETHEUS_MULTIPROC_DIR": str(self.place.figures), "METRICS_NAMESPACE": ""}

    def connection_values(self) -> dict[str, str]:
        """Return what a tool or a test needs to look at this stack: the content of `env`."""
        values = {
            "DATABASE_URL": postgres.url(self.place, self.ports.postgres),
            "POOLER_URL": pooler.url(self.place, self.ports.pooler),
            "POOLER_ADMIN_URL": pooler.admin_url(self.place, self.ports.pooler),
            "AWS_ENDPOINT_URL": self.ports.endpoint_reached,
            "METRICS_TOKEN": self.place.secrets["metrics"],
        }
        if self.declared.buckets:
            values["BUCKET"] = self.declared.buckets[0].name
        for queue in self.declared.queues:
            if queue.dead_letter_of is None:
                short = queue.name.removeprefix(f"rollcall-{self.stage}-").replace("-", "_")
                values[f"QUEUE_{short.upper()}_URL"] = self.cloud.queue_url(queue.name)
        return values

    def _env_file_text(self) -> str:
        values = {
            **self.connection_values(),
            "ROLLCALL_URL": self._web_origin(),
            "CHANNEL_PRIVATE_HOSTS": self._letterbox(),
            **emulator.credentials(self.emulator_is_ours),
        }
        lines = (f"{name}={shlex.quote(value)}" for name, value in values.items())
        return "\n".join(lines) + "\n"

    def _prepare_database(self, what: str, environment: Mapping[str, str] = os.environ) -> None:
        """Migrate, or load the demo school: in a process of its own, which imports the product."""
        log = self.place.logs / "prepare.log"
        with log.open("ab") as output:
            done = subprocess.run(
                [sys.executable, str(_HERE / "prepare.py"), what],
                env={
                    **environment,
                    "DATABASE_URL": postgres.url(self.place, self.ports.postgres),
                    "PYTHONPATH": str(CHECKOUT),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=CHECKOUT,
                check=False,
            )
        if done.returncode != 0:
            raise StartFailed(f"{what} failed:\n{tail(log, 25)}")

    def _deploy(self) -> None:
        """Write down the functions, each with the environment that its template gives it."""
        settings = {*map(str.upper, Settings.model_fields), *self.connection_values()}
        shared = {k: v for k, v in self.environment().items() if k not in settings}
        functions = []
        for function in self.declared.functions:
            # As on AWS a function has what its template names; a setting that is missing there
            # has to be missing here.
            given = {
                **shared,
                "AWS_ENDPOINT_URL": self.ports.endpoint_reached,
                "DB_SSLMODE": "disable",
                **function.environment,
                **self._figures_go(),
                "AWS_LAMBDA_FUNCTION_NAME": function.name,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "TZ": "UTC",
            }
            functions.append(replace(function, environment=given))
        dead_letters = {q.dead_letter_of: q.name for q in self.declared.queues if q.dead_letter_of}
        deployment.write(
            deployment.Deployment(
                endpoint=self.ports.endpoint_reached,
                credentials=emulator.credentials(self.emulator_is_ours),
                functions=tuple(functions),
                queues={
                    q.name: dead_letters.get(q.name)
                    for q in self.declared.queues
                    if q.dead_letter_of is None
                },
                logs=self.place.logs,
                mails=self.place.mails if self.emulator_is_ours else None,
            ),
            self.place.state / "deployment.json",
        )

    def _front(self) -> Program:
        return Program(
            name="front",
            command=[sys.executable, str(_HERE / "front.py"), str(self.ports.web)],
            environment=self.environment(),
            log=self.place.logs / "front.log",
            port=self.ports.web,
            directory=CHECKOUT,
            stop_seconds=8.0,
            is_ready=lambda: answers(self.ports.web),
        )

    def _workers(self, supervisor: Supervisor) -> Program:
        state = self.place.state / "runtimes.json"

        def is_ready() -> bool:
            pid = supervisor.pid_of("workers")
            return pid is not None and read_json(state).get("pid") == pid

        return Program(
            name="workers",
            command=[sys.executable, str(_HERE / "workers.py")],
            environment=self.environment(),
            log=self.place.logs / "workers.log",
            directory=CHECKOUT,
            # Gives what is under way some seconds, then hands its messages back.
            stop_seconds=15.0,
            is_ready=is_ready,
        )

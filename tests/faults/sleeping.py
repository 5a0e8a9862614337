"""A local cloud whose functions can be put to sleep in the midst of their work, past the moment at
which their message comes again, and woken when another process has done it.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import boto3
import pg8000.native
import psutil
import requests

from tests.faults.gates import Gate, Place, gate_at
from tests.localstack.cloud import Cloud, wait_for

VISIBILITY_SECONDS = 3
# What the server gives a transaction whose client is silent, 120 s else: less than a message is
# hidden for, as in the templates.
_SILENCE = "ALTER ROLE rollcall_app SET idle_in_transaction_session_timeout = '1500ms'"
_NEW_SERVERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE usename = 'rollcall_app' AND state = 'idle'"
)


class Dormitory:
    """Knows the processes of the functions of a cloud, their queues and their logs."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        settings = cloud.settings()
        self._sqs = boto3.client("sqs", endpoint_url=settings["AWS_ENDPOINT_URL"])
        for queue in ("imports", "exports", "fanout", "mail"):
            self._sqs.set_queue_attributes(
                QueueUrl=settings[f"QUEUE_{queue.upper()}_URL"],
                Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)},
            )
        self.cloud.write(_SILENCE)
        self.cloud.write(_NEW_SERVERS)

    @contextmanager
    def gate_at(self, place: Place) -> Iterator[Gate]:
        """Keep a gate shut for a block that begins when nothing is left from before."""
        wait_for(self.has_nothing_left, "no message is left from before")
        with gate_at(self.cloud.owner, place) as gate:
            yield gate

    def put_to_sleep(self, job: str, server_pid: int) -> int:
        """Stop the process of a function for which that one of the server waits; return its pid."""
        port = self._port_of(server_pid)
        pid = next(pid for pid in self._pids(job) if port in _ports(pid))
        # All that it had to send before its wait is sent then.
        wait_for(lambda: _status(pid) == psutil.STATUS_SLEEPING, f"{job} waits")
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: _status(pid) == psutil.STATUS_STOPPED, f"{job} sleeps")
        return pid

    def _pids(self, job: str) -> list[int]:
        kept = json.loads((self.cloud.state / "runtimes.json").read_text())["runtimes"]
        return [runtime["pid"] for runtime in kept if runtime["job"] == job]

    def _port_of(self, server_pid: int) -> int:
        """Return from where the client comes that the pooler gave this server process to."""
        console = urlsplit(self.cloud.settings()["POOLER_ADMIN_URL"])
        with closing(
            pg8000.native.Connection(
                console.username or "",
                host=console.hostname or "",
                port=console.port or 0,
                password=console.password,
                database=console.path.lstrip("/"),
            )
        ) as pooler:
            servers, clients = (_shown(pooler, what) for what in ("SERVERS", "CLIENTS"))
        (link,) = (server["link"] for server in servers if server["remote_pid"] == server_pid)
        (port,) = (client["port"] for client in clients if client["ptr"] == link)
        return int(port)

    def wake(self, pid: int, job: str) -> None:
        """Let a process go on, and wait until it is done with its message."""
        assert _status(pid) == psutil.STATUS_STOPPED
        ended = len(self._ends_of_first_deliveries(job))
        os.kill(pid, signal.SIGCONT)
        wait_for(
            lambda: len(self._ends_of_first_deliveries(job)) > ended, f"{job} ends its message"
        )

    def tell_of_delivery(self, mail_id: int) -> None:
        """Send the event with which SES says that a mail arrived."""
        mail = {"messageId": "ses-1", "tags": {"mail_id": [str(mail_id)]}}
        self._sqs.send_message(
            QueueUrl=self.cloud.settings()["QUEUE_MAIL_EVENTS_URL"],
            MessageBody=json.dumps({"eventType": "Delivery", "mail": mail}),
        )

    def has_nothing_left(self) -> bool:
        """Tell whether no queue holds a message, not even a dead one."""
        answer = requests.get(f"{self.cloud.url}/_local/queues", timeout=10)
        queues = answer.json()["items"]
        dead = sum(queue["dead_letters"]["visible"] for queue in queues)
        assert dead == 0, queues
        # Those are collected for some seconds, and change nothing that has ended.
        waiting = [queue for queue in queues if not queue["name"].endswith("mail-events")]
        return not any(queue["visible"] + queue["in_flight"] for queue in waiting)

    def _ends_of_first_deliveries(self, job: str) -> list[Mapping[str, Any]]:
        """Return how messages ended for who got them first; who got them again is another."""
        ends = ("message_done", "message_failed")
        lines = self.cloud.lines(job)
        return [line for line in lines if line["event"] in ends and line["receives"] == 1]


def _shown(pooler: pg8000.native.Connection, what: str) -> list[dict[str, Any]]:
    rows = pooler.run(f"SHOW {what}")
    names = [column["name"] for column in pooler.columns]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _ports(pid: int) -> set[int]:
    try:
        return {socket.laddr.port for socket in psutil.Process(pid).net_connections("tcp")}
    except psutil.NoSuchProcess:
        return set()


def _status(pid: int) -> str | None:
    try:
        return str(psutil.Process(pid).status())
    except psutil.NoSuchProcess:
        return None

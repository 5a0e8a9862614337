"""Lines that break and parts that die while people write: a 503 with Retry-After or a late answer,
well again within ten seconds, and nothing that was acknowledged is lost or there twice.

One full local cloud behind bad lines: from the application to the pooler, from the pooler to
Postgres, from the application to AWS. What the drills leave behind is worked off, and looked at,
when all of them are over.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pg8000.native
import pytest
import requests
from ports import free_port
from sqlalchemy import text

from tests.faults.bad_line import BadLine
from tests.faults.history import History
from tests.localstack.cloud import PASSWORD, Cloud, wait_for

RECOVERED_SECONDS = 10.0
SETTLED_SECONDS = 120.0
_BEFORE_SECONDS = 1.0
_AGAIN_SECONDS = 0.2
# Messages that a worker asked for and never got come again; not as late as in production.
_VISIBILITY_SECONDS = 15
# What PgBouncer opens for one user at most: default_pool_size and reserve_pool_size.
_SERVERS = 30


@dataclass
class Ground:
    """A local cloud, and the lines between its parts."""

    cloud: Cloud
    pooler: BadLine
    postgres: BadLine
    aws: BadLine
    histories: dict[str, History] = field(default_factory=dict)
    held: list[pg8000.native.Connection] = field(default_factory=list)

    def order(self, *statements: str) -> None:
        """Run statements as the owner, each by itself."""
        with self.cloud.owner.connect() as owner:
            for statement in statements:
                owner.execute(text(statement))
                owner.commit()

    def kill(self, part: str, how: signal.Signals) -> None:
        """Send a signal to a part of the cloud, which is started again when it ends."""
        os.kill(self.cloud.part(part)["pid"], how)

    def take_every_server(self) -> None:
        """Open transactions until the pooler has no server left."""
        url = urlsplit(self.cloud.settings()["POOLER_URL"])
        for _ in range(_SERVERS):
            client = pg8000.native.Connection(
                str(url.username),
                host=str(url.hostname),
                port=url.port,
                database=url.path.lstrip("/"),
                password=url.password,
                timeout=10,
            )
            client.run("BEGIN")
            client.run("SELECT 1")
            self.held.append(client)

    def give_servers_back(self) -> None:
        """End what `take_every_server` opened."""
        while self.held:
            self.held.pop().close()

    def failures(self) -> list[dict[str, Any]]:
        """Return which messages functions gave back to their queues, and why."""
        jobs = ("fan_out", "import_rows", "send_mail")
        lines = (line for job in jobs for line in self.cloud.lines(job))
        return [line for line in lines if line["event"] == "message_failed"]

    def mend(self) -> None:
        """Have good lines again."""
        for line in (self.pooler, self.postgres, self.aws):
            line.mend()


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    taken: set[int] = set()
    pooler, postgres, aws = (free_port(taken) for _ in range(3))
    lines = [BadLine(port) for port in (pooler, postgres, aws)]
    environment = {
        "POOLER_PORT": str(pooler),
        "POSTGRES_PORT": str(postgres),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws}",
        "POOLER_VIA_PORT": str(lines[0].port),
        "POSTGRES_VIA_PORT": str(lines[1].port),
        "AWS_VIA_PORT": str(lines[2].port),
    }
    state: Path = tmp_path_factory.mktemp("lines") / "state"
    with Cloud.started(state, **environment) as cloud:
        sqs = boto3.client("sqs", endpoint_url=f"http://127.0.0.1:{aws}")
        attributes = {"VisibilityTimeout": str(_VISIBILITY_SECONDS)}
        for url in sqs.list_queues()["QueueUrls"]:
            # A claim on a mail has to end before its message comes again.
            if "-mail" not in url:
                sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        yield Ground(cloud, *lines)
    for line in lines:
        line.end()


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong for some seconds, and what sets it right."""

    begin: Callable[[Ground], object]
    end: Callable[[Ground], object] = field(default=lambda _: None)
    seconds: float = 3.0
    again: Callable[[Ground], object] = field(default=lambda _: None)


BECOME_A_REPLICA = (
    "ALTER ROLE rollcall_app SET default_transaction_read_only = on",
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'rollcall_app'",
)
BECOME_THE_WRITER = (
    "ALTER ROLE rollcall_app RESET default_transaction_read_only",
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'rollcall_app'",
)

FAULTS = {
    "every server is taken": Fault(Ground.take_every_server, Ground.give_servers_back, 6),
    "the pooler is killed": Fault(lambda on: on.kill("pooler", signal.SIGKILL), seconds=0),
    "Postgres is restarted": Fault(lambda on: on.kill("postgres", signal.SIGINT), seconds=0),
    "Postgres is killed": Fault(lambda on: on.kill("postgres", signal.SIGKILL), seconds=0),
    "a failover leaves a replica for a while": Fault(
        lambda on: on.order(*BECOME_A_REPLICA), lambda on: on.order(*BECOME_THE_WRITER)
    ),
    "the line to the pooler is slow": Fault(lambda on: on.pooler.slow_down(0.2), Ground.mend),
    "the line to the pooler is reset": Fault(
        lambda on: on.pooler.reset(), again=lambda on: on.pooler.reset()
    ),
    "the line to the pooler is half closed": Fault(
        lambda on: on.pooler.half_close(), again=lambda on: on.pooler.half_close()
    ),
    "the line to the pooler is silent": Fault(lambda on: on.pooler.silence(), Ground.mend, 6),
    "the line to Postgres is slow": Fault(lambda on: on.postgres.slow_down(0.2), Ground.mend),
    "the line to Postgres is reset": Fault(
        lambda on: on.postgres.reset(), again=lambda on: on.postgres.reset()
    ),
    "the line to Postgres is silent": Fault(lambda on: on.postgres.silence(), Ground.mend, 6),
    "the line to AWS is slow": Fault(lambda on: on.aws.slow_down(0.5), Ground.mend),
    "the line to AWS is cut": Fault(lambda on: on.aws.cut(), Ground.mend),
    "the line to AWS is reset": Fault(lambda on: on.aws.reset(), again=lambda on: on.aws.reset()),
    "the line to AWS is half closed": Fault(
        lambda on: on.aws.half_close(), again=lambda on: on.aws.half_close()
    ),
    "the line to AWS is silent": Fault(lambda on: on.aws.silence(), Ground.mend, 6),
}


# What docs/operations.md says that people see; the last two are a client's own impatience.
REFUSALS = {"database_away", "pool_exhausted", "storage_away", "ConnectionError", "ReadTimeout"}


@pytest.mark.parametrize("name", FAULTS)
def test_people_write_again_soon_after(ground: Ground, name: str) -> None:
    fault = FAULTS[name]
    history = History(ground.cloud, f"drill{list(FAULTS).index(name)}")
    with history:
        began = time.monotonic()
        wait_for(lambda: history.all_write_since(began), "everybody writes")
        time.sleep(_BEFORE_SECONDS)
        fault.begin(ground)
        over = time.monotonic() + fault.seconds
        while time.monotonic() < over:
            time.sleep(_AGAIN_SECONDS)
            fault.again(ground)
        fault.end(ground)
        ended = time.monotonic()
        wait_for(lambda: history.all_write_since(ended), "well again", RECOVERED_SECONDS)
        wait_for(ground.cloud.is_healthy, "healthy", RECOVERED_SECONDS)
    assert history.wrong == []
    assert history.refusals.keys() <= REFUSALS
    ground.histories[name] = history


@pytest.mark.parametrize("name", FAULTS)
def test_what_was_acknowledged_is_there_once_after(ground: Ground, name: str) -> None:
    history = ground.histories.get(name)
    if history is None:
        pytest.skip("the drill did not end well, or was not run")
    # Where SES's yes was lost a mail goes out again (docs/decisions/0011), and not soon.
    mails_come_soon = "AWS" not in name
    over = time.monotonic() + SETTLED_SECONDS
    with ground.cloud.owner.connect() as owner:
        while (left := history.left(owner, mails_come_soon)) and time.monotonic() < over:
            ground.cloud.run_schedule("relay_outbox")
        assert left == {}, ground.failures()
        history.check(owner, mails_come_soon)


def test_no_message_was_given_up(ground: Ground) -> None:
    queues = requests.get(f"{ground.cloud.url}/_local/queues", timeout=30).json()["items"]
    assert {queue["name"]: queue["dead_letters"]["visible"] for queue in queues} == {
        queue["name"]: 0 for queue in queues
    }


def timeouts(ground: Ground) -> float:
    key = {"Authorization": f"Bearer {ground.cloud.settings()['METRICS_TOKEN']}"}
    told = requests.get(f"{ground.cloud.url}/metrics", headers=key, timeout=30).text
    name = "db_pool_connection_timeouts_total "
    (line,) = (line for line in told.splitlines() if line.startswith(name))
    return float(line.removeprefix(name))


def test_who_gets_no_server_is_told_within_five_seconds(ground: Ground) -> None:
    before = timeouts(ground)
    course = {"code": "NOSERVER", "title": "x"}
    with ground.cloud.signed_in("rosa") as rosa:
        ground.take_every_server()
        try:
            for method, path, body in (
                ("GET", "/api/courses", None),
                ("POST", "/api/courses", course),
                ("POST", "/auth/login", {"username": "dai", "password": PASSWORD}),
            ):
                began = time.monotonic()
                answer = rosa.request(method, ground.cloud.url + path, json=body, timeout=30)
                assert time.monotonic() - began < 5, path
                assert (answer.status_code, answer.json()["code"]) == (503, "pool_exhausted")
                assert int(answer.headers["Retry-After"]) >= 1
            assert timeouts(ground) >= before + 3
        finally:
            ground.give_servers_back()
        made = rosa.post(f"{ground.cloud.url}/api/courses", json=course, timeout=30)
    assert made.status_code == 201

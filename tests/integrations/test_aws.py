"""When clients are made, kept and dropped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import Any

import pytest
from urllib3.util import connection

from chalicelib.core.settings import reset_settings
from chalicelib.integrations import aws, s3, secrets
from chalicelib.integrations.aws import (
    CLIENTS,
    reset_clients,
    s3_client,
    secrets_client,
    ses_client,
    sqs_client,
)


def test_a_cold_start_does_not_import_boto3() -> None:
    program = (
        "import sys\n"
        "from chalicelib.integrations import aws, database_login, s3, secrets, ses, sqs\n"
        "from chalicelib.outbox import service\n"
        "print([m for m in ('boto3', 'botocore', 'urllib3') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_a_client_is_made_once() -> None:
    assert s3_client() is s3_client()


def test_a_forked_child_makes_its_own() -> None:
    sqs_client()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(sqs_client.cache_info().currsize).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"0"
    assert sqs_client.cache_info().currsize == 1
    os.close(reading)
    os.close(writing)


def test_a_send_that_hangs_ends_while_the_message_is_still_its_writers() -> None:
    config = sqs_client().meta.config
    attempts = config.retries["total_max_attempts"]
    assert attempts * (config.connect_timeout + config.read_timeout) < 15


def test_a_mail_is_attempted_once() -> None:
    assert ses_client().meta.config.retries["total_max_attempts"] == 1


@pytest.mark.parametrize(("endpoint", "style"), [("http://127.0.0.1:9", "path"), ("", "virtual")])
def test_an_emulator_is_addressed_by_path(
    endpoint: str, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    reset_settings()
    reset_clients()
    try:
        assert s3_client().meta.config.s3["addressing_style"] == style
    finally:
        monkeypatch.undo()
        reset_settings()
        reset_clients()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_each_client_gives_up_in_time_and_retries_at_one_layer(client: Any) -> None:
    config = client().meta.config
    assert config.connect_timeout == 2
    assert 2 <= config.read_timeout <= 30
    assert config.retries["mode"] == "standard"
    assert 1 <= config.retries["total_max_attempts"] <= 4
    assert config.max_pool_connections <= 10
    assert config.tcp_keepalive
    # urllib3 beneath has no retries of its own, and keeps connections open.
    session = client()._endpoint.http_session
    assert session._get_pool_manager_kwargs()["maxsize"] == config.max_pool_connections


def test_every_client_of_the_module_is_among_them_and_of_one_session() -> None:
    made = {name for name in vars(aws) if name.endswith("_client") and name != "_client"}
    assert made == {client.__name__ for client in CLIENTS}
    loaders = {id(client()._loader) for client in CLIENTS}
    assert len(loaders) == 1


def test_a_connection_is_kept_for_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[socket.socket] = []
    create = connection.create_connection

    def noted(*args: Any, **kwargs: Any) -> socket.socket:
        connections.append(create(*args, **kwargs))
        return connections[-1]

    reset_clients()
    monkeypatch.setattr(connection, "create_connection", noted)
    for _ in range(3):
        sqs_client().list_queues(MaxResults=1)
    assert len(connections) == 1


def test_a_part_is_as_large_as_s3_wants_it() -> None:
    assert s3.PART_BYTES >= 5 * 1024 * 1024


def test_secrets_are_looked_up_once_in_a_while_and_not_each_time() -> None:
    assert 30 <= secrets._REMEMBERED_SECONDS <= 300
    assert secrets_client().meta.config.read_timeout == 5

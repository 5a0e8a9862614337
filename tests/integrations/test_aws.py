"""When clients are made, kept and dropped."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from chalicelib.core.settings import reset_settings
from chalicelib.integrations.aws import reset_clients, s3_client, ses_client, sqs_client


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

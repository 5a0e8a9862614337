"""Queues of a test's own, looked at past our own code."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from localstack_client.session import Session

from chalicelib.core.settings import reset_settings
from chalicelib.integrations.aws import reset_clients

NAMES = ("imports", "exports", "fanout", "mail", "channels")


class Queues:
    """What arrived in the queues of this test."""

    def __init__(self, names: Collection[str] = NAMES) -> None:
        session = Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",
            aws_session_token=None,
            region_name=os.environ["AWS_DEFAULT_REGION"],
        )
        self._client = session.client("sqs")
        suffix = uuid.uuid4().hex[:12]
        self.urls: dict[str, str] = {
            name: self._client.create_queue(QueueName=f"rollcall-test-{name}-{suffix}")["QueueUrl"]
            for name in names
        }

    def receive(self, name: str = "imports") -> list[dict[str, Any]]:
        """Take every message that waits, in no order."""
        bodies = []
        while messages := self._client.receive_message(
            QueueUrl=self.urls[name], MaxNumberOfMessages=10
        ).get("Messages"):
            bodies += [json.loads(message["Body"]) for message in messages]
        return bodies

    def delete(self, name: str) -> None:
        """Take a queue away, so that sending to it fails."""
        self._client.delete_queue(QueueUrl=self.urls[name])

    def create_again(self, name: str) -> None:
        """Bring a deleted queue back under its old URL."""
        self._client.create_queue(QueueName=self.urls[name].rpartition("/")[2])

    def clean_up(self) -> None:
        for url in self.urls.values():
            try:
                self._client.delete_queue(QueueUrl=url)
            except self._client.exceptions.QueueDoesNotExist:
                continue


@contextmanager
def temporary_queues(*names: str) -> Iterator[Queues]:
    """Make queues, all or those named, and let the settings of this process name them."""
    queues = Queues(names or NAMES)
    before = dict(os.environ)
    os.environ.update({f"QUEUE_{name.upper()}_URL": url for name, url in queues.urls.items()})
    reset_settings()
    reset_clients()
    try:
        yield queues
    finally:
        for name in queues.urls:
            variable = f"QUEUE_{name.upper()}_URL"
            os.environ.pop(variable)
            if variable in before:
                os.environ[variable] = before[variable]
        reset_settings()
        queues.clean_up()

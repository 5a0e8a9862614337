"""The same contract tests on moto, in process, and on whatever answers at the emulator's port."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from localstack_client.session import Session as EmulatorSession
from moto import mock_aws

from chalicelib.core.settings import reset_settings
from chalicelib.integrations import aws, secrets, webhooks
from chalicelib.integrations.aws import reset_clients
from tests.channels.hosts import Authority, WebHost, trust_host, web_host

REGION = "eu-central-1"


class Cloud:
    """A view past our own code: clients that only prepare, look and clean up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.unique = uuid.uuid4().hex[:12]

    def client(self, service: str) -> Any:
        if self.name == "moto":
            return boto3.client(service, region_name=REGION)
        session = EmulatorSession(
            aws_access_key_id="test",
            aws_secret_access_key="test",
            aws_session_token=None,
            region_name=REGION,
        )
        return session.client(service)


@pytest.fixture(params=["moto", "emulator"])
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    if request.param == "emulator":
        reset_settings()
        reset_clients()
        yield Cloud("emulator")
    else:
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        with mock_aws():
            _forget_session()
            yield Cloud("moto")
        _forget_session()
    secrets._remembered.clear()
    # It keeps moto's credentials, which the emulator does not know.
    aws._session.cache_clear()
    monkeypatch.undo()
    reset_settings()
    reset_clients()


def _forget_session() -> None:
    """Drop the session too: it would keep the keys that moto puts into the environment."""
    aws._session.cache_clear()
    reset_settings()
    reset_clients()


@pytest.fixture
def only_emulator(cloud: Cloud) -> Cloud:
    """For limits of presigned forms and links, and for conditions: moto lets everything pass."""
    if cloud.name == "moto":
        pytest.skip("moto does not enforce what is presigned, nor conditions")
    return cloud


@pytest.fixture
def bucket(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = f"rollcall-test-{cloud.unique}"
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    monkeypatch.setenv("BUCKET", name)
    reset_settings()
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for item in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=item["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def queue_url(cloud: Cloud) -> Iterator[str]:
    sqs = cloud.client("sqs")
    url: str = sqs.create_queue(QueueName=f"rollcall-test-{cloud.unique}")["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates of hosts outside."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def web(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebHost]:
    """A host that posts go to."""
    with web_host(authority.context_for("localhost")) as host:
        trust_host(monkeypatch, authority, host.place)
        yield host
        webhooks._pool().stop()
        webhooks._pool.cache_clear()
    monkeypatch.undo()
    reset_settings()

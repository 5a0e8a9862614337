"""One botocore session for the process and the clients made from it, on first use.

boto3 costs a cold start some 230 ms, so it is imported when the first client is asked for, never
at the top of a module. Sockets are not shared with a forked child: it makes its own clients.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.core.settings import get_settings

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ses import SESClient
    from mypy_boto3_sqs import SQSClient

_CONNECT_TIMEOUT_SECONDS = 2


@cache
def _session() -> Any:
    import boto3

    return boto3.session.Session()


def _client(service: str, *, read_timeout_seconds: int, attempts: int) -> Any:
    from botocore.config import Config

    endpoint = get_settings().aws_endpoint_url
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=10,
        tcp_keepalive=True,
        signature_version="s3v4" if service == "s3" else None,
        # Said outright: with "auto" a presigned URL names S3's global host, which redirects the
        # upload of a young bucket, and an emulator's host gets the bucket's name in front.
        s3={"addressing_style": "path" if endpoint else "virtual"},
    )
    return _session().client(service, endpoint_url=endpoint, config=config)


@cache
def s3_client() -> S3Client:
    """Return the client of S3; a part of 8 MiB may take its time."""
    client: S3Client = _client("s3", read_timeout_seconds=30, attempts=4)
    return client


@cache
def sqs_client() -> SQSClient:
    """Return the client of SQS.

    A request waits for it after its commit: the worst case stays well below the 30 seconds for
    which the outbox keeps a message for its writer.
    """
    client: SQSClient = _client("sqs", read_timeout_seconds=3, attempts=2)
    return client


@cache
def ses_client() -> SESClient:
    """Return the client of SES; one attempt, since a mail sent twice cannot be taken back."""
    client: SESClient = _client("ses", read_timeout_seconds=10, attempts=1)
    return client


@cache
def secrets_client() -> SecretsManagerClient:
    """Return the client of Secrets Manager."""
    client: SecretsManagerClient = _client("secretsmanager", read_timeout_seconds=5, attempts=3)
    return client


@cache
def rds_client() -> RDSClient:
    """Return the client of RDS, which only signs tokens here and calls nobody."""
    client: RDSClient = _client("rds", read_timeout_seconds=5, attempts=1)
    return client


@cache
def cloudwatch_client() -> CloudWatchClient:
    """Return the client of CloudWatch, which somebody looks at and nothing waits for."""
    client: CloudWatchClient = _client("cloudwatch", read_timeout_seconds=2, attempts=1)
    return client


CLIENTS = (s3_client, sqs_client, ses_client, secrets_client, rds_client, cloudwatch_client)


def reset_clients() -> None:
    """Drop the clients with their sockets, so that the next call reads the settings again."""
    for made in CLIENTS:
        made.cache_clear()


os.register_at_fork(after_in_child=reset_clients)

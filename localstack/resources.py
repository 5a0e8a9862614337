"""Makes at the AWS endpoint what the templates declare: queues, topics, bucket, notifications.

With them come secrets and who may send mail. Safe to repeat: what is there keeps its messages and
objects, and only a difference is changed. Run again whenever the emulator comes back, since one
that was killed has forgotten its queues.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.templates import Bucket, Declared, Queue, Topic


class ResourceError(Exception):
    """The AWS endpoint refused a resource; the text names it."""


class Cloud:
    """Clients of one AWS endpoint, made when they are first asked for."""

    def __init__(self, endpoint: str, credentials: dict[str, str]) -> None:
        self.endpoint = endpoint
        self._session = boto3.session.Session(
            credentials["AWS_ACCESS_KEY_ID"],
            credentials["AWS_SECRET_ACCESS_KEY"],
            region_name=credentials["AWS_DEFAULT_REGION"],
        )
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return the client of a service; safe to share between threads."""
        made: BaseClient | None = self._clients.get(service)
        if made is None:
            made = self._session.client(
                service,
                endpoint_url=self.endpoint,
                config=Config(
                    connect_timeout=2,
                    read_timeout=30,
                    max_pool_connections=32,
                    retries={"mode": "standard", "total_max_attempts": 2},
                    s3={"addressing_style": "path"},
                ),
            )
            self._clients[service] = made
        return made

    def account(self) -> str:
        """Return the account that the endpoint puts these credentials in."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def queue_url(self, name: str) -> str:
        """Return the address of a queue as the endpoint gives it."""
        return str(self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def make(
    cloud: Cloud,
    declared: Declared,
    secrets: dict[str, str],
    senders: Iterable[str] = (),
) -> None:
    """Make or bring up to date everything that is declared, these secrets, and who may send mail.

    Raises:
        ResourceError: the endpoint refused something.
    """
    what = "queues"
    try:
        for queue in declared.queues:
            what = f"the queue {queue.name}"
            _make_queue(cloud, queue)
        what = "the topics"
        topics = {topic: _make_topic(cloud, topic) for topic in declared.topics}
        for bucket in declared.buckets:
            what = f"the bucket {bucket.name}"
            _make_bucket(cloud, bucket)
        for name, value in secrets.items():
            what = f"the secret {name}"
            _make_secret(cloud, name, value)
        for address in senders:
            what = f"the sender {address}"
            _make_sender(cloud, address, topics)
    except (ClientError, BotoCoreError) as error:
        raise ResourceError(f"{cloud.endpoint} did not make {what}: {error}") from error


def _make_queue(cloud: Cloud, queue: Queue) -> None:
    sqs = cloud.client("sqs")
    try:
        url = sqs.get_queue_url(QueueName=queue.name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        sqs.create_queue(QueueName=queue.name, Attributes=queue.attributes)
        return
    # Attributes that somebody changed on the running queue are theirs; the policy is ours.
    if (policy := queue.attributes.get("Policy")) is not None:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def _make_topic(cloud: Cloud, topic: Topic) -> str:
    sns = cloud.client("sns")
    arn: str = sns.create_topic(Name=topic.name)["TopicArn"]
    for queue_arn in topic.queue_arns:
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)
    return arn


def _make_sender(cloud: Cloud, address: str, topics: Mapping[Topic, str]) -> None:
    """Let SES send for an address, and tell of its mails as the configuration set does on AWS."""
    ses = cloud.client("ses")
    ses.verify_email_identity(EmailAddress=address)
    for topic, arn in topics.items():
        for event in topic.mail_events:
            ses.set_identity_notification_topic(
                Identity=address, NotificationType=event, SnsTopic=arn
            )


def _make_bucket(cloud: Cloud, bucket: Bucket) -> None:
    s3 = cloud.client("s3")
    try:
        s3.head_bucket(Bucket=bucket.name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
        location: Any = {"LocationConstraint": s3.meta.region_name}
        s3.create_bucket(Bucket=bucket.name, CreateBucketConfiguration=location)
    if bucket.cors_rules:
        s3.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": bucket.cors_rules})
    wanted = [
        {
            "QueueArn": notification.queue_arn,
            "Events": list(notification.events),
            "Filter": {
                "Key": {
                    "FilterRules": [
                        {"Name": name, "Value": value} for name, value in notification.rules
                    ]
                }
            },
        }
        for notification in bucket.notifications
    ]
    present = s3.get_bucket_notification_configuration(Bucket=bucket.name)
    known = [
        {key: value for key, value in entry.items() if key != "Id"}
        for entry in present.get("QueueConfigurations", [])
    ]
    # Each time it is set, S3 sends the queue a test message.
    if _comparable(known) != _comparable(wanted):
        s3.put_bucket_notification_configuration(
            Bucket=bucket.name, NotificationConfiguration={"QueueConfigurations": wanted}
        )


def _comparable(configurations: list[dict[str, Any]]) -> str:
    """Return notification rules as text; S3 gives the names of rules back capitalised."""
    return json.dumps(configurations, sort_keys=True).lower()


def _make_secret(cloud: Cloud, name: str, value: str) -> None:
    client = cloud.client("secretsmanager")
    try:
        if client.get_secret_value(SecretId=name)["SecretString"] != value:
            client.put_secret_value(SecretId=name, SecretString=value)
    except client.exceptions.ResourceNotFoundException:
        client.create_secret(Name=name, SecretString=value)

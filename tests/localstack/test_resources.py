"""Resources are made once, brought up to date without loss, and made again after they are gone."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from resources import Cloud, ResourceError, make

from infra.templates import Bucket, Declared, Notification, Queue, Topic


@pytest.fixture
def cloud() -> Cloud:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
    return Cloud(os.environ["AWS_ENDPOINT_URL"], {name: os.environ[name] for name in names})


@pytest.fixture
def declared(cloud: Cloud) -> Iterator[Declared]:
    name = f"made-{uuid.uuid4()}"
    arn = f"arn:aws:sqs:{os.environ['AWS_DEFAULT_REGION']}:{cloud.account()}:{name}"
    from_s3 = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [from_s3]})
    queue = Queue("Made", name, arn, {"VisibilityTimeout": "60", "Policy": policy})
    notification = Notification(arn, ("s3:ObjectCreated:*",), (("prefix", "in/"),))
    cors = {"AllowedOrigins": ["http://a.example"], "AllowedMethods": ["GET"]}
    yield Declared((Bucket("Files", name, [cors], (notification,)),), (queue,), ())
    cloud.client("sqs").delete_queue(QueueUrl=cloud.queue_url(name))


def received(cloud: Cloud, name: str) -> list[str]:
    answer = cloud.client("sqs").receive_message(
        QueueUrl=cloud.queue_url(name), MaxNumberOfMessages=10, WaitTimeSeconds=1
    )
    return [message["Body"] for message in answer.get("Messages", [])]


def test_made_twice_they_keep_messages_objects_and_what_was_changed(
    cloud: Cloud, declared: Declared
) -> None:
    name = declared.queues[0].name
    sqs, s3 = cloud.client("sqs"), cloud.client("s3")
    make(cloud, declared, {name: "one"})
    received(cloud, name)
    url = cloud.queue_url(name)
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    s3.put_object(Bucket=name, Key="kept", Body=b"kept")

    make(cloud, declared, {name: "two"})

    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert found["Attributes"] == {"VisibilityTimeout": "7"}
    # Nothing but the message: setting the notification anew would have sent a test event.
    assert received(cloud, name) == ["kept"]
    assert s3.get_object(Bucket=name, Key="kept")["Body"].read() == b"kept"
    secret = cloud.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    assert secret == "two"


def test_an_object_below_the_prefix_and_no_other_reaches_the_queue(
    cloud: Cloud, declared: Declared
) -> None:
    name = declared.queues[0].name
    make(cloud, declared, {})
    received(cloud, name)
    for key in ("out/b", "in/a"):
        cloud.client("s3").put_object(Bucket=name, Key=key, Body=b"x")
    (body,) = received(cloud, name)
    assert '"in/a"' in body


def test_what_ses_tells_of_a_sender_reaches_the_queue_once(
    cloud: Cloud, declared: Declared
) -> None:
    queue = declared.queues[0]
    from_topics = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue.arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [from_topics]})
    told = replace(
        declared,
        buckets=(),
        queues=(replace(queue, attributes={"Policy": policy}),),
        topics=(Topic(queue.name, (queue.arn,), ("Bounce",)),),
    )
    sender = f"{queue.name}@rollcall.example"
    for _ in range(2):
        make(cloud, told, {}, senders=[sender])
    for to in ("success", "bounce", "complaint"):
        cloud.client("ses").send_raw_email(
            Source=sender,
            Destinations=[f"{to}@simulator.amazonses.com"],
            RawMessage={"Data": b"Subject: x\r\n\r\nx"},
        )
    (body,) = received(cloud, queue.name)
    envelope = json.loads(body)
    assert envelope["Type"] == "Notification"
    assert json.loads(envelope["Message"])["notificationType"] == "Bounce"


def test_a_refusal_names_what_was_refused(cloud: Cloud, declared: Declared) -> None:
    make(cloud, declared, {})
    wrong = Queue("Wrong", "impatient", "arn", {"VisibilityTimeout": "-1"})
    with pytest.raises(ResourceError, match="did not make the queue impatient"):
        make(cloud, Declared((), (wrong,), ()), {})

"""An upload tells the queue by itself, on moto and on the emulator."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_plus

import pytest
import requests

from chalicelib.integrations import s3

KEY = "imports/8c0f 数学/source.csv"


@pytest.fixture
def told(cloud: Any, bucket: str, queue_url: str) -> Any:
    """Tell the queue of objects under imports/, and return a look at what it was told."""
    sqs = cloud.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": json.dumps(policy)})
    cloud.client("s3").put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": arn,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "imports/"}]}},
                }
            ]
        },
    )

    def look() -> list[dict[str, Any]]:
        records = []
        while messages := sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages"):
            for message in messages:
                records += json.loads(message["Body"]).get("Records", [])
        return records

    return look


def test_an_upload_through_the_form_is_told_once(bucket: str, told: Any) -> None:
    form = s3.presigned_upload(KEY, "text/csv", 1, 10, 60)
    requests.post(
        form.url, data=form.fields, files={"file": ("a.csv", b"code", "text/csv")}, timeout=10
    ).raise_for_status()
    stored = s3.head(KEY)
    assert stored is not None
    (record,) = told()
    assert record["eventSource"] == "aws:s3"
    assert record["eventName"].startswith("ObjectCreated:")
    assert record["s3"]["bucket"]["name"] == bucket
    assert unquote_plus(record["s3"]["object"]["key"]) == KEY
    assert record["s3"]["object"]["size"] == 4
    assert record["s3"]["object"]["eTag"] == stored.etag


def test_other_folders_are_not_told_of(told: Any) -> None:
    s3.put("bodies/8c0f/source.csv", b"code", "text/csv")
    with s3.upload_stream("results/8c0f/courses.csv", "text/csv") as writer:
        writer.write(b"code")
    s3.put("imports/8c0f/source.csv", b"code", "text/csv")
    s3.delete("imports/8c0f/source.csv")
    keys = [unquote_plus(record["s3"]["object"]["key"]) for record in told()]
    assert keys == ["imports/8c0f/source.csv"]

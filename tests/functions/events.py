"""Events as AWS sends them, and the context that comes along.

Chalice's own `generate_sqs_event` gives all records one messageId; with partial failures each
needs its own.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

REGION = "eu-central-1"
ACCOUNT = "000000000000"


@dataclass
class Context:
    """Lambda's context; its clock runs from when it is made."""

    timeout_seconds: float = 300
    function_name: str = "rollcall-test"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    _started: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left before Lambda kills the function."""
        left = self.timeout_seconds - (time.monotonic() - self._started)
        return max(0, int(left * 1000))


def sqs_event(
    bodies: Iterable[Mapping[str, Any] | str], *, queue: str = "imports", receives: int = 1
) -> dict[str, Any]:
    """Return a batch, one record for each body; a str is sent as it is, readable or not."""
    now_ms = str(int(time.time() * 1000))
    return {
        "Records": [
            {
                "messageId": str(uuid.uuid4()),
                "receiptHandle": uuid.uuid4().hex,
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": str(receives),
                    "SentTimestamp": now_ms,
                    "SenderId": "AIDAEXAMPLE",
                    "ApproximateFirstReceiveTimestamp": now_ms,
                },
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:rollcall-test-{queue}",
                "awsRegion": REGION,
            }
            for body in bodies
        ]
    }


def message_ids(event: Mapping[str, Any]) -> list[str]:
    """Return the ids of a batch's messages, in its order."""
    return [record["messageId"] for record in event["Records"]]


def failed_ids(answer: Mapping[str, Any]) -> list[str]:
    """Return the ids that a function gave back as failed."""
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def s3_created(
    key: str,
    *,
    bucket: str = "rollcall-test-files",
    size_bytes: int = 1,
    etag: str = "d41d8cd98f00b204e9800998ecf8427e",
    event_name: str = "ObjectCreated:Post",
) -> dict[str, Any]:
    """Return what S3 puts into a queue's message for a new object; the key is encoded as there."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": REGION,
                "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
                "eventName": event_name,
                "userIdentity": {"principalId": "AWS:AIDAEXAMPLE"},
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {"x-amz-request-id": uuid.uuid4().hex[:16].upper()},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "imports",
                    "bucket": {
                        "name": bucket,
                        "ownerIdentity": {"principalId": "EXAMPLE"},
                        "arn": f"arn:aws:s3:::{bucket}",
                    },
                    "object": {
                        "key": quote_plus(key, safe="/"),
                        "size": size_bytes,
                        "eTag": etag,
                        "sequencer": uuid.uuid4().hex[:16].upper(),
                    },
                },
            }
        ]
    }


def s3_test_event(bucket: str = "rollcall-test-files") -> dict[str, Any]:
    """Return what S3 sends once when a notification is set up: no record, nothing to do."""
    return {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket}


def schedule_event() -> dict[str, Any]:
    """Return what a ScheduleV2 without an own input sends."""
    return {}

"""A bucket of a test's own, looked at past our own code."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from localstack_client.session import Session

from chalicelib.core.settings import reset_settings
from chalicelib.integrations.aws import reset_clients


@contextmanager
def bucket_of_its_own() -> Iterator[Any]:
    """Make a bucket, and let the settings of this process name it."""
    region = os.environ["AWS_DEFAULT_REGION"]
    session: Any = Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",
        aws_session_token=None,
        region_name=region,
    )
    bucket = session.resource("s3").Bucket(f"rollcall-shelf-{uuid.uuid4().hex[:12]}")
    bucket.create(CreateBucketConfiguration={"LocationConstraint": region})
    before = os.environ.get("BUCKET")
    os.environ["BUCKET"] = bucket.name
    reset_settings()
    reset_clients()
    try:
        yield bucket
    finally:
        if before is None:
            del os.environ["BUCKET"]
        else:
            os.environ["BUCKET"] = before
        reset_settings()
        bucket.objects.all().delete()
        bucket.delete()

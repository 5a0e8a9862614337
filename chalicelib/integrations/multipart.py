"""Uploads in parts that a client sends by itself: links for the parts, and what joins them.

The parts come to light as an object only when they are joined, which no link allows. How our own
functions write large objects is in s3.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from chalicelib.integrations.aws import s3_client
from chalicelib.integrations.errors import (
    ObjectChanged,
    ObjectMissing,
    StorageAway,
    away_as,
    refusal_code,
)
from chalicelib.integrations.s3 import bucket, translated

_NOT_THESE_PARTS = frozenset(
    {"EntityTooSmall", "InvalidPart", "InvalidPartOrder", "InvalidRequest", "MalformedXML"}
)


class Part(NamedTuple):
    """A part that has arrived; the ETag is without quotes."""

    size_bytes: int
    etag: str


def start(key: str, content_type: str) -> str:
    """Start an upload in parts of exactly this key and content type, and return its id."""
    with translated(key):
        answer = s3_client().create_multipart_upload(
            Bucket=bucket(), Key=key, ContentType=content_type
        )
    return answer["UploadId"]


def presigned_part(
    key: str, upload_id: str, number: int, size_bytes: int, expires_seconds: int
) -> str:
    """Return a link to PUT one part of exactly this size."""
    return s3_client().generate_presigned_url(
        "upload_part",
        Params={
            "Bucket": bucket(),
            "Key": key,
            "UploadId": upload_id,
            "PartNumber": number,
            "ContentLength": size_bytes,
        },
        ExpiresIn=expires_seconds,
    )


def list_parts(key: str, upload_id: str) -> dict[int, Part]:
    """Return the parts that have arrived, by number.

    Raises:
        ObjectMissing: there is no such upload (any more).
        StorageAway: S3 does not answer.
    """
    parts: dict[int, Part] = {}
    with translated(key):
        pages = s3_client().get_paginator("list_parts")
        for page in pages.paginate(Bucket=bucket(), Key=key, UploadId=upload_id):
            for part in page.get("Parts", []):
                parts[part["PartNumber"]] = Part(part["Size"], part["ETag"].strip('"'))
    return parts


def join(key: str, upload_id: str, parts: Mapping[int, Part]) -> None:
    """Make the object of these parts.

    Raises:
        ObjectMissing: there is no such upload (any more).
        ObjectChanged: a part is not the one that was named.
        StorageAway: S3 does not answer.
    """
    from botocore.exceptions import ClientError

    try:
        with translated(key):
            s3_client().complete_multipart_upload(
                Bucket=bucket(),
                Key=key,
                UploadId=upload_id,
                MultipartUpload={
                    "Parts": [
                        {"PartNumber": number, "ETag": f'"{parts[number].etag}"'}
                        for number in sorted(parts)
                    ]
                },
                MpuObjectSize=sum(part.size_bytes for part in parts.values()),
            )
    except ClientError as refusal:
        if refusal_code(refusal) in _NOT_THESE_PARTS:
            raise ObjectChanged(key) from refusal
        raise


def abort(key: str, upload_id: str) -> None:
    """Drop an upload with its parts; one that is not there is as good as dropped."""
    try:
        with translated(key):
            s3_client().abort_multipart_upload(Bucket=bucket(), Key=key, UploadId=upload_id)
    except ObjectMissing:
        return


def list_unfinished(prefix: str, before: datetime) -> list[tuple[str, str]]:
    """Return key and id of each upload below a prefix that was started before then."""
    found: list[tuple[str, str]] = []
    with away_as(StorageAway):
        pages = s3_client().get_paginator("list_multipart_uploads")
        for page in pages.paginate(Bucket=bucket(), Prefix=prefix):
            found += [
                (upload["Key"], upload["UploadId"])
                for upload in page.get("Uploads", [])
                if upload["Initiated"] < before
            ]
    return found

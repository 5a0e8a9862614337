"""Objects in the bucket: presigned forms and links, streams in and out, in constant memory.

Keys are chosen by the areas; what is stored under them, and who may see it, is theirs to know.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from types import TracebackType
from typing import TYPE_CHECKING

from chalicelib.core.clock import utc_now
from chalicelib.core.settings import get_settings
from chalicelib.integrations.aws import s3_client
from chalicelib.integrations.disposition import attachment_disposition
from chalicelib.integrations.errors import (
    ObjectChanged,
    ObjectMissing,
    StorageAway,
    away_as,
    refusal_code,
)

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

log = logging.getLogger(__name__)

PART_BYTES = 8 * 1024 * 1024
_KEYS_A_CALL = 1000
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchUpload", "NotFound"})
_CHANGED = frozenset({"412", "PreconditionFailed"})


@dataclass(frozen=True)
class PresignedUpload:
    """A form that a browser posts as multipart/form-data: all `fields` first, then `file`."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class ObjectHead:
    """What is known of an object without reading it; the ETag is without quotes."""

    size_bytes: int
    etag: str
    content_type: str


@dataclass(frozen=True)
class ObjectCopy:
    """What S3 says of a copy that it made; not every twin of S3 works the checksum out (base64)."""

    etag: str
    checksum_sha256: str | None


def bucket() -> str:
    """Return the name of the bucket."""
    return get_settings().require("bucket")


@contextmanager
def translated(key: str) -> Iterator[None]:
    """Raise what S3 refuses about an object in the words of errors.py."""
    from botocore.exceptions import ClientError

    try:
        with away_as(StorageAway):
            yield
    except ClientError as refusal:
        if refusal_code(refusal) in _MISSING:
            raise ObjectMissing(key) from refusal
        if refusal_code(refusal) in _CHANGED:
            raise ObjectChanged(key) from refusal
        raise


def presigned_upload(
    key: str,
    content_type: str,
    min_bytes: int,
    max_bytes: int,
    expires_seconds: int,
    *,
    checksum_sha256: str | None = None,
) -> PresignedUpload:
    """Return a form for exactly this key and content type, and a size in this range.

    With a checksum (base64) S3 itself refuses other bytes.
    """
    expires_at = utc_now() + timedelta(seconds=expires_seconds)
    fields = {"Content-Type": content_type}
    if checksum_sha256 is not None:
        fields["x-amz-checksum-sha256"] = checksum_sha256
    form = s3_client().generate_presigned_post(
        Bucket=bucket(),
        Key=key,
        Fields=fields,
        Conditions=[
            *({name: value} for name, value in fields.items()),
            ["content-length-range", min_bytes, max_bytes],
        ],
        ExpiresIn=expires_seconds,
    )
    return PresignedUpload(form["url"], form["fields"], expires_at)


def presigned_download(
    key: str, filename: str, expires_seconds: int, *, content_type: str | None = None
) -> str:
    """Return a link that downloads the object under `filename`, as that type where one is given."""
    forced = {} if content_type is None else {"ResponseContentType": content_type}
    return s3_client().generate_presigned_url(
        "get_object",
        Params={
            "Bucket": bucket(),
            "Key": key,
            "ResponseContentDisposition": attachment_disposition(filename),
            **forced,
        },
        ExpiresIn=expires_seconds,
    )


def head(key: str) -> ObjectHead | None:
    """Return size, ETag and type of the object, or None where there is none."""
    try:
        with translated(key):
            answer = s3_client().head_object(Bucket=bucket(), Key=key)
    except ObjectMissing:
        return None
    return ObjectHead(
        answer["ContentLength"],
        answer["ETag"].strip('"'),
        answer.get("ContentType", "binary/octet-stream"),
    )


class ObjectStream:
    """The bytes of an object as they arrive; close it, or use it in a `with`."""

    def __init__(self, key: str, body: StreamingBody, size_bytes: int, etag: str) -> None:
        self._key = key
        self._body = body
        self.size_bytes = size_bytes
        self.etag = etag

    def read(self, size_bytes: int | None = None) -> bytes:
        """Return up to `size_bytes`, fewer only near the end, and b"" at the end.

        Raises:
            StorageAway: the stream broke off.
        """
        with away_as(StorageAway):
            return self._body.read(size_bytes)

    def close(self) -> None:
        """Give the connection up, read to the end or not."""
        self._body.close()

    def __enter__(self) -> ObjectStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_object(key: str, etag: str | None = None) -> ObjectStream:
    """Open an object for reading; with `etag`, only if it is still that one.

    Raises:
        ObjectMissing: there is none.
        ObjectChanged: another one was stored under the key meanwhile.
        StorageAway: S3 does not answer.
    """
    with translated(key):
        if etag is None:
            answer = s3_client().get_object(Bucket=bucket(), Key=key)
        else:
            answer = s3_client().get_object(Bucket=bucket(), Key=key, IfMatch=f'"{etag}"')
    return ObjectStream(key, answer["Body"], answer["ContentLength"], answer["ETag"].strip('"'))


def read_start(key: str, etag: str, size_bytes: int) -> bytes:
    """Return the first bytes of an object that is not empty, if it is still the one of that ETag.

    Raises:
        ObjectMissing, ObjectChanged, StorageAway: as `open_object`.
    """
    with translated(key):
        answer = s3_client().get_object(
            Bucket=bucket(), Key=key, IfMatch=f'"{etag}"', Range=f"bytes=0-{size_bytes - 1}"
        )
        return answer["Body"].read()


def copy(source: str, etag: str, target: str, content_type: str) -> ObjectCopy:
    """Copy within the bucket exactly the object of that ETag, of up to 5 GB, and nothing of it but
    its bytes.

    Raises:
        ObjectMissing, ObjectChanged, StorageAway: as `open_object`.
    """
    with translated(source):
        answer = s3_client().copy_object(
            Bucket=bucket(),
            Key=target,
            CopySource={"Bucket": bucket(), "Key": source},
            CopySourceIfMatch=f'"{etag}"',
            MetadataDirective="REPLACE",
            ContentType=content_type,
            ChecksumAlgorithm="SHA256",
        )["CopyObjectResult"]
    return ObjectCopy(answer["ETag"].strip('"'), answer.get("ChecksumSHA256"))


def put(key: str, body: bytes, content_type: str) -> ObjectHead:
    """Store a small object at once."""
    with translated(key):
        answer = s3_client().put_object(
            Bucket=bucket(), Key=key, Body=body, ContentType=content_type
        )
    return ObjectHead(len(body), answer["ETag"].strip('"'), content_type)


class ObjectWriter:
    """Collects what is written into parts of 8 MiB; at most one part is in memory."""

    def __init__(self, key: str, content_type: str) -> None:
        self._key = key
        self._content_type = content_type
        self._buffer = BytesIO()
        self._upload_id: str | None = None
        self._parts: list[CompletedPartTypeDef] = []
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        """Take `data` in, and send each part that becomes full."""
        rest = memoryview(data)
        while rest:
            taken = self._buffer.write(rest[: PART_BYTES - self._buffer.tell()])
            rest = rest[taken:]
            if self._buffer.tell() == PART_BYTES:
                self._send_part()
        self.size_bytes += len(data)
        return len(data)

    def _send_part(self) -> None:
        self._buffer.seek(0)
        with translated(self._key):
            if self._upload_id is None:
                self._upload_id = s3_client().create_multipart_upload(
                    Bucket=bucket(), Key=self._key, ContentType=self._content_type
                )["UploadId"]
            number = len(self._parts) + 1
            answer = s3_client().upload_part(
                Bucket=bucket(),
                Key=self._key,
                UploadId=self._upload_id,
                PartNumber=number,
                Body=self._buffer,
            )
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self._buffer = BytesIO()

    def finish(self) -> None:
        """Make the object appear, whole."""
        if self._upload_id is None:
            put(self._key, self._buffer.getvalue(), self._content_type)
            return
        if self._buffer.tell():
            self._send_part()
        with translated(self._key):
            s3_client().complete_multipart_upload(
                Bucket=bucket(),
                Key=self._key,
                UploadId=self._upload_id,
                MultipartUpload={"Parts": self._parts},
            )

    def abort(self) -> None:
        """Drop what was sent; where even that fails, the bucket's lifecycle rule does it."""
        if self._upload_id is None:
            return
        try:
            s3_client().abort_multipart_upload(
                Bucket=bucket(), Key=self._key, UploadId=self._upload_id
            )
        except Exception:
            log.exception("upload_abort_failed", extra={"key": self._key})


@contextmanager
def upload_stream(key: str, content_type: str) -> Iterator[ObjectWriter]:
    """Write an object of any size; it appears at the end of the `with`, or not at all."""
    writer = ObjectWriter(key, content_type)
    try:
        yield writer
        writer.finish()
    except BaseException:
        writer.abort()
        raise


def delete(key: str) -> None:
    """Remove an object; one that is not there is as good as removed."""
    with translated(key):
        s3_client().delete_object(Bucket=bucket(), Key=key)


def delete_many(keys: Sequence[str]) -> list[str]:
    """Remove objects and return the keys that S3 refused to remove."""
    refused: list[str] = []
    for start in range(0, len(keys), _KEYS_A_CALL):
        some = keys[start : start + _KEYS_A_CALL]
        with away_as(StorageAway):
            answer = s3_client().delete_objects(
                Bucket=bucket(),
                Delete={"Objects": [{"Key": key} for key in some], "Quiet": True},
            )
        refused += [error["Key"] for error in answer.get("Errors", []) if "Key" in error]
    return refused


def check() -> None:
    """Ask S3 for the bucket.

    Raises:
        StorageAway: it does not answer, or there is no such bucket.
    """
    from botocore.exceptions import ClientError

    try:
        with away_as(StorageAway):
            s3_client().head_bucket(Bucket=bucket())
    except ClientError as refusal:
        raise StorageAway from refusal

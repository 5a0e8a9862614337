"""Uploads in parts by links, on moto and on the emulator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests

from chalicelib.core.clock import utc_now
from chalicelib.core.settings import reset_settings
from chalicelib.integrations import multipart, s3
from chalicelib.integrations.aws import reset_clients
from chalicelib.integrations.errors import ObjectChanged, ObjectMissing, StorageAway

MIB = 1024 * 1024
KEY = "uploads/8c0f/file"
SOON = timedelta(minutes=1)


def send(upload_id: str, number: int, data: bytes) -> requests.Response:
    url = multipart.presigned_part(KEY, upload_id, number, len(data), 60)
    return requests.put(url, data=data, timeout=10)


@pytest.mark.usefixtures("bucket")
class TestParts:
    def test_they_become_one_object_of_the_type_that_was_said(self, cloud: Any) -> None:
        upload_id = multipart.start(KEY, "application/pdf")
        for number, data in ((2, b"end"), (1, b"a" * (5 * MIB))):
            assert send(upload_id, number, data).headers["ETag"]
        parts = multipart.list_parts(KEY, upload_id)
        assert {number: part.size_bytes for number, part in parts.items()} == {1: 5 * MIB, 2: 3}
        multipart.join(KEY, upload_id, parts)
        stored = s3.head(KEY)
        assert stored is not None
        assert (stored.size_bytes, stored.content_type) == (5 * MIB + 3, "application/pdf")
        assert multipart.list_unfinished("uploads/", utc_now() + SOON) == []

    @pytest.mark.usefixtures("only_emulator")
    def test_one_that_is_not_the_named_one_is_found_out(self, cloud: Any) -> None:
        upload_id = multipart.start(KEY, "application/pdf")
        send(upload_id, 1, b"one")
        parts = multipart.list_parts(KEY, upload_id)
        send(upload_id, 1, b"two")
        with pytest.raises(ObjectChanged):
            multipart.join(KEY, upload_id, parts)
        with pytest.raises(ObjectChanged):
            multipart.join(KEY, upload_id, parts | {2: parts[1]})
        assert s3.head(KEY) is None

    @pytest.mark.usefixtures("only_emulator")
    def test_those_of_a_dropped_upload_are_gone(self, cloud: Any) -> None:
        upload_id = multipart.start(KEY, "application/pdf")
        send(upload_id, 1, b"one")
        parts = multipart.list_parts(KEY, upload_id)
        for _ in range(2):
            multipart.abort(KEY, upload_id)
        with pytest.raises(ObjectMissing):
            multipart.list_parts(KEY, upload_id)
        with pytest.raises(ObjectMissing):
            multipart.join(KEY, upload_id, parts)
        assert send(upload_id, 1, b"one").status_code == 404

    @pytest.mark.usefixtures("only_emulator")
    def test_the_unfinished_are_found_by_prefix_and_age(self, cloud: Any) -> None:
        ids = [multipart.start(key, "text/plain") for key in (KEY, "uploads/other", "results/x")]
        found = multipart.list_unfinished("uploads/", utc_now() + SOON)
        assert sorted(found) == [(KEY, ids[0]), ("uploads/other", ids[1])]
        assert multipart.list_unfinished("uploads/", utc_now() - SOON) == []
        for key, upload_id in [*found, ("results/x", ids[2])]:
            multipart.abort(key, upload_id)


def test_the_size_of_a_part_is_in_its_signature(bucket: str) -> None:
    url = multipart.presigned_part(KEY, "id", 1, 5, 60)
    assert "X-Amz-SignedHeaders=content-length%3Bhost" in url


def test_an_unreachable_storage_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("BUCKET", "files")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    reset_settings()
    reset_clients()
    try:
        for call in (
            lambda: multipart.start(KEY, "text/plain"),
            lambda: multipart.list_parts(KEY, "id"),
            lambda: multipart.join(KEY, "id", {1: multipart.Part(1, "e")}),
            lambda: multipart.abort(KEY, "id"),
            lambda: multipart.list_unfinished("uploads/", utc_now()),
        ):
            with pytest.raises(StorageAway):
                call()
    finally:
        monkeypatch.undo()
        reset_settings()
        reset_clients()

"""Objects in the bucket, on moto and on the emulator."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from chalicelib.core.clock import utc_now
from chalicelib.core.settings import reset_settings
from chalicelib.integrations import s3
from chalicelib.integrations.aws import reset_clients
from chalicelib.integrations.errors import ObjectChanged, ObjectMissing, StorageAway

MIB = 1024 * 1024


@pytest.mark.usefixtures("bucket")
class TestObjects:
    def test_head_of_what_is_not_there_is_none(self, cloud: Any) -> None:
        assert s3.head("imports/nothing.csv") is None

    def test_what_is_put_can_be_read_in_pieces(self, cloud: Any) -> None:
        stored = s3.put("bodies/a.csv", "code\n数学\n".encode(), "text/csv")
        assert s3.head("bodies/a.csv") == stored
        assert (stored.size_bytes, stored.content_type) == (12, "text/csv")
        with s3.open_object("bodies/a.csv", stored.etag) as stream:
            assert stream.size_bytes == 12
            assert stream.etag == stored.etag
            assert stream.read(4) == b"code"
            assert stream.read(100) == "\n数学\n".encode()
            assert stream.read(1) == b""

    def test_reading_a_missing_object_says_so(self, cloud: Any) -> None:
        with pytest.raises(ObjectMissing):
            s3.open_object("imports/nothing.csv")

    def test_reading_a_replaced_object_says_so(self, cloud: Any) -> None:
        first = s3.put("imports/a.csv", b"one", "text/csv")
        s3.put("imports/a.csv", b"two", "text/csv")
        with pytest.raises(ObjectChanged):
            s3.open_object("imports/a.csv", first.etag)

    def test_the_start_of_an_object_is_read_without_the_rest(self, cloud: Any) -> None:
        stored = s3.put("uploads/a", b"0123456789", "text/plain")
        assert s3.read_start("uploads/a", stored.etag, 4) == b"0123"
        assert s3.read_start("uploads/a", stored.etag, 4096) == b"0123456789"

    def test_the_start_of_another_object_is_not(self, cloud: Any) -> None:
        first = s3.put("uploads/a", b"one", "text/plain")
        with pytest.raises(ObjectMissing):
            s3.read_start("uploads/b", first.etag, 4)
        s3.put("uploads/a", b"two", "text/plain")
        with pytest.raises(ObjectChanged):
            s3.read_start("uploads/a", first.etag, 4)

    def test_a_copy_is_of_the_named_object_and_has_the_named_type(self, cloud: Any) -> None:
        stored = s3.put("uploads/a", b"one", "text/html")
        copied = s3.copy("uploads/a", stored.etag, "attachments/b", "text/plain")
        assert copied.etag == stored.etag
        assert s3.head("attachments/b") == s3.ObjectHead(3, stored.etag, "text/plain")

    @pytest.mark.usefixtures("only_emulator")
    def test_another_object_is_not_copied(self, cloud: Any) -> None:
        first = s3.put("uploads/a", b"one", "text/plain")
        s3.put("uploads/a", b"two", "text/plain")
        with pytest.raises(ObjectChanged):
            s3.copy("uploads/a", first.etag, "attachments/b", "text/plain")
        with pytest.raises(ObjectMissing):
            s3.copy("uploads/c", first.etag, "attachments/b", "text/plain")
        assert s3.head("attachments/b") is None

    def test_delete_of_a_missing_object_is_no_error(self, cloud: Any) -> None:
        s3.put("results/a.csv", b"x", "text/csv")
        s3.delete("results/a.csv")
        s3.delete("results/a.csv")
        assert s3.head("results/a.csv") is None

    def test_delete_many_takes_more_than_one_call_holds(
        self, cloud: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(s3, "_KEYS_A_CALL", 2)
        keys = [f"results/{n}.csv" for n in range(5)]
        for key in keys:
            s3.put(key, b"x", "text/csv")
        assert s3.delete_many([*keys, "results/never.csv"]) == []
        assert [s3.head(key) for key in keys] == [None] * 5

    def test_check_passes_for_the_bucket_and_not_for_another(
        self, cloud: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        s3.check()
        monkeypatch.setenv("BUCKET", f"rollcall-none-{cloud.unique}")
        reset_settings()
        with pytest.raises(StorageAway):
            s3.check()


class TestUploadStream:
    @pytest.mark.parametrize(
        ("size_bytes", "etag_ends"),
        [
            (0, ""),
            (5, ""),
            (8 * MIB - 1, ""),
            (8 * MIB, "-1"),
            (8 * MIB + 1, "-2"),
            (17 * MIB, "-3"),
        ],
    )
    def test_any_size_arrives_whole(self, bucket: str, size_bytes: int, etag_ends: str) -> None:
        expected = os.urandom(997) * (size_bytes // 997 + 1)
        expected = expected[:size_bytes]
        with s3.upload_stream("results/big.csv", "text/csv") as writer:
            for start in range(0, size_bytes, 1_000_003):
                writer.write(expected[start : start + 1_000_003])
        stored = s3.head("results/big.csv")
        assert stored is not None
        assert stored.content_type == "text/csv"
        assert stored.size_bytes == writer.size_bytes == size_bytes
        assert "-" not in stored.etag if not etag_ends else stored.etag.endswith(etag_ends)
        with s3.open_object("results/big.csv") as stream:
            assert stream.read() == expected

    def test_one_write_may_be_larger_than_a_part(self, bucket: str) -> None:
        with s3.upload_stream("results/big.csv", "text/csv") as writer:
            writer.write(b"a" * (20 * MIB))
        stored = s3.head("results/big.csv")
        assert stored is not None
        assert stored.size_bytes == 20 * MIB

    @pytest.mark.parametrize("written_bytes", [10, 9 * MIB])
    def test_an_error_leaves_neither_object_nor_parts(
        self, cloud: Any, bucket: str, written_bytes: int
    ) -> None:
        def write_and_break() -> None:
            with s3.upload_stream("results/broken.csv", "text/csv") as writer:
                writer.write(b"a" * written_bytes)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            write_and_break()
        assert s3.head("results/broken.csv") is None
        assert "Uploads" not in cloud.client("s3").list_multipart_uploads(Bucket=bucket)

    def test_memory_holds_one_part_only(self, bucket: str) -> None:
        largest = 0
        with s3.upload_stream("results/big.csv", "text/csv") as writer:
            for _ in range(40):
                writer.write(b"a" * MIB)
                largest = max(largest, writer._buffer.getbuffer().nbytes)
        assert largest < s3.PART_BYTES


class TestPresigned:
    KEY = "imports/8c0f/source.csv"

    def _post(self, form: s3.PresignedUpload, data: bytes, **fields: str) -> requests.Response:
        return requests.post(
            form.url,
            data={**form.fields, **fields},
            files={"file": ("目录.csv", data, "text/csv")},
            timeout=10,
        )

    def test_form_names_its_limits_and_end(self, bucket: str) -> None:
        before = utc_now()
        form = s3.presigned_upload(self.KEY, "text/csv", 1, 10, 600)
        assert form.fields["key"] == self.KEY
        assert form.fields["Content-Type"] == "text/csv"
        assert before <= form.expires_at - timedelta(seconds=600) <= utc_now()

    @pytest.mark.parametrize("data", [b"1", b"1234567890"])
    def test_form_takes_what_it_was_made_for(self, bucket: str, data: bytes) -> None:
        form = s3.presigned_upload(self.KEY, "text/csv", 1, 10, 60)
        assert self._post(form, data).status_code == 204
        stored = s3.head(self.KEY)
        assert stored is not None
        assert (stored.size_bytes, stored.content_type) == (len(data), "text/csv")

    @pytest.mark.parametrize(
        ("data", "fields", "status"),
        [
            (b"", {}, 400),
            (b"12345678901", {}, 400),
            (b"1", {"key": "imports/another/source.csv"}, 403),
            (b"1", {"Content-Type": "text/html"}, 403),
            (b"1", {"x-amz-signature": "0" * 64}, 403),
            (b"1", {"acl": "public-read"}, 403),
        ],
        ids=["empty", "too large", "another key", "another type", "forged", "another field"],
    )
    @pytest.mark.usefixtures("only_emulator")
    def test_form_refuses_everything_else(
        self, bucket: str, data: bytes, fields: dict[str, str], status: int
    ) -> None:
        form = s3.presigned_upload(self.KEY, "text/csv", 1, 10, 60)
        assert self._post(form, data, **fields).status_code == status
        assert s3.head(self.KEY) is None
        assert s3.head("imports/another/source.csv") is None

    def test_a_checksum_is_one_more_limit_of_the_form(self, bucket: str) -> None:
        checksum = "A" * 43 + "="
        form = s3.presigned_upload(self.KEY, "text/csv", 1, 10, 60, checksum_sha256=checksum)
        assert form.fields["x-amz-checksum-sha256"] == checksum
        policy = json.loads(base64.b64decode(form.fields["policy"]))
        assert {"x-amz-checksum-sha256": checksum} in policy["conditions"]

    def test_a_link_may_say_the_type(self, bucket: str) -> None:
        s3.put("results/a.csv", b"code", "text/html")
        link = s3.presigned_download("results/a.csv", "a.csv", 60, content_type="text/csv")
        assert requests.get(link, timeout=10).headers["Content-Type"] == "text/csv"

    @pytest.mark.usefixtures("only_emulator")
    def test_form_and_link_end(self, bucket: str) -> None:
        s3.put("results/a.csv", b"x", "text/csv")
        form = s3.presigned_upload(self.KEY, "text/csv", 1, 10, 1)
        link = s3.presigned_download("results/a.csv", "a.csv", 1)
        time.sleep(2.1)
        assert self._post(form, b"1").status_code == 403
        assert requests.get(link, timeout=10).status_code == 403

    def test_link_downloads_under_its_name(self, bucket: str) -> None:
        s3.put("results/a.csv", b"code\n", "text/csv")
        answer = requests.get(s3.presigned_download("results/a.csv", "课程.csv", 60), timeout=10)
        assert answer.status_code == 200
        assert answer.content == b"code\n"
        assert answer.headers["Content-Disposition"] == (
            "attachment; filename=\"download.csv\"; filename*=UTF-8''%E8%AF%BE%E7%A8%8B.csv"
        )

    @pytest.mark.usefixtures("only_emulator")
    def test_link_opens_no_other_object(self, bucket: str) -> None:
        s3.put("results/a.csv", b"a", "text/csv")
        s3.put("results/b.csv", b"b", "text/csv")
        link = s3.presigned_download("results/a.csv", "a.csv", 60)
        stolen = link.replace("results/a.csv", "results/b.csv")
        assert requests.get(stolen, timeout=10).status_code == 403

    def test_on_aws_they_name_the_region_and_not_the_global_host(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        for name, value in {
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "key",
            "BUCKET": "files",
        }.items():
            monkeypatch.setenv(name, value)
        reset_settings()
        reset_clients()
        try:
            form = s3.presigned_upload(self.KEY, "text/csv", 1, 10, 60)
            link = s3.presigned_download("results/a.csv", "a.csv", 60)
        finally:
            monkeypatch.undo()
            reset_settings()
            reset_clients()
        assert form.url == "https://files.s3.eu-central-1.amazonaws.com/"
        assert link.startswith("https://files.s3.eu-central-1.amazonaws.com/results/a.csv?")


class _HalfAnAnswer(BaseHTTPRequestHandler):
    """Promises 100 bytes, sends 50 and is gone, as a storage that dies on the way."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.send_header("ETag", '"e"')
        self.end_headers()
        self.wfile.write(b"a" * 50)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize("size_bytes", [None, 7, 100, 1000])
def test_a_stream_that_breaks_off_never_looks_like_the_end(
    size_bytes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_all() -> None:
        with s3.open_object("imports/a.csv") as stream:
            while stream.read(size_bytes):
                pass

    with HTTPServer(("127.0.0.1", 0), _HalfAnAnswer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("BUCKET", "files")
        reset_settings()
        reset_clients()
        try:
            with pytest.raises(StorageAway):
                read_all()
        finally:
            server.shutdown()
            thread.join()
            monkeypatch.undo()
            reset_settings()
            reset_clients()


class TestAway:
    @pytest.fixture(autouse=True)
    def _nobody_listens(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("BUCKET", "files")
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
        reset_settings()
        reset_clients()
        yield
        monkeypatch.undo()
        reset_settings()
        reset_clients()

    def test_an_unreachable_storage_is_unavailable_not_a_crash(self) -> None:
        for call in (
            lambda: s3.head("a"),
            lambda: s3.open_object("a"),
            lambda: s3.put("a", b"", "text/csv"),
            lambda: s3.delete("a"),
            s3.check,
        ):
            with pytest.raises(StorageAway) as caught:
                call()
            assert caught.value.status == 503
            assert caught.value.retry_after_seconds
            assert "127.0.0.1" not in caught.value.shown_detail

    def test_forms_are_made_without_asking_the_storage(self) -> None:
        form = s3.presigned_upload("imports/a.csv", "text/csv", 1, 10, 60)
        assert form.url == "http://127.0.0.1:9/files"

"""The built web app, served as a CDN would: files by name, index.html for the pages within it."""

from __future__ import annotations

import gzip
import mimetypes
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from gateway import Answer, Headers

_COMPRESSED = ("text/", "application/javascript", "application/json", "image/svg+xml")
_LEAST_BYTES = 512
_WITHOUT_BUILD = (
    b"<!doctype html><title>Rollcall</title><p>The web app is not built: <code>make setup</code>."
)


class _File(NamedTuple):
    stamp: tuple[int, int]
    headers: Headers
    plain: bytes
    compressed: bytes | None


class Website:
    """Serves a directory; `connects_to` are other origins that its pages may call."""

    def __init__(self, directory: Path, connects_to: str = "") -> None:
        self._directory = directory.resolve()
        self._files: dict[str, _File] = {}
        self._policy = (
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            f"connect-src 'self' {connects_to}; frame-ancestors 'none'; base-uri 'none'; "
            f"form-action 'self' {connects_to}"
        )

    def answer(self, method: str, path: str, headers: dict[str, str]) -> Answer | None:
        """Return the file of a path, the start page for a page, None where there is nothing."""
        if method not in {"GET", "HEAD"}:
            return None
        name = unquote(path).lstrip("/") or "index.html"
        file = self._file(name)
        if file is None and "." not in name.rsplit("/", 1)[-1]:
            file = self._file("index.html")
            if file is None:
                return 503, [("Content-Type", "text/html; charset=utf-8")], _WITHOUT_BUILD
        if file is None:
            return None
        etag = f'"{file.stamp[0]:x}-{file.stamp[1]:x}"'
        answer_headers = [*file.headers, ("ETag", etag)]
        if headers.get("If-None-Match") == etag:
            return 304, answer_headers, b""
        body = file.plain
        if file.compressed is not None and "gzip" in headers.get("Accept-Encoding", ""):
            answer_headers.append(("Content-Encoding", "gzip"))
            body = file.compressed
        if method == "HEAD":
            return 200, answer_headers, b""
        return 200, answer_headers, body

    def _file(self, name: str) -> _File | None:
        path = (self._directory / name).resolve() if "\0" not in name else self._directory
        try:
            status = path.stat()
        except OSError:
            return None
        if not path.is_file() or not path.is_relative_to(self._directory):
            return None
        stamp = (status.st_mtime_ns, status.st_size)
        known = self._files.get(name)
        if known is None or known.stamp != stamp:
            known = self._read(path, name, stamp)
            self._files[name] = known
        return known

    def _read(self, path: Path, name: str, stamp: tuple[int, int]) -> _File:
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if media_type.startswith("text/"):
            media_type += "; charset=utf-8"
        # Names below assets/ carry a hash of their content.
        lasting = name.startswith("assets/")
        plain = path.read_bytes()
        compressed = None
        headers: Headers = [
            ("Content-Type", media_type),
            ("Cache-Control", "public, max-age=31536000, immutable" if lasting else "no-cache"),
            ("Content-Security-Policy", self._policy),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if media_type.startswith(_COMPRESSED) and len(plain) >= _LEAST_BYTES:
            compressed = gzip.compress(plain, 6, mtime=0)
            headers.append(("Vary", "Accept-Encoding"))
        return _File(stamp, headers, plain, compressed)

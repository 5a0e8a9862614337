"""The Content-Disposition of a download, as RFC 6266 and RFC 8187 write it."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\/%;]')
_RESERVED = re.compile(r"[\x00-\x1f\x7f\\/]")
_LONGEST = 150


def attachment_disposition(filename: str) -> str:
    """Return `attachment` with the name twice: for old readers in ASCII, for others in UTF-8."""
    # A lone surrogate has no UTF-8; it comes from names that were decoded wrongly.
    name = filename.encode("utf-8", "replace").decode()
    name = _RESERVED.sub("_", name).strip(" .")[-_LONGEST:] or "download"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = _UNSAFE.sub("_", plain).strip(" .")
    if not plain.rpartition(".")[0] and "." in name:
        plain = f"download{plain if plain.startswith('.') else '.' + plain}".rstrip(".")
    encoded = quote(name, safe="!#$&+-.^_`|~")
    return f"attachment; filename=\"{plain or 'download'}\"; filename*=UTF-8''{encoded}"

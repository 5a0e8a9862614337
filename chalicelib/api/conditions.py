"""ETags and the conditions that a request may set on them (RFC 9110, sections 8.8 and 13).

Pure: says whether a condition holds; what then happens is decided by endpoint.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|\Z)')


def allows_change(if_match: str | None, if_none_match: str | None, etag: str) -> bool:
    """Tell whether a resource with that tag may be changed.

    If-Match compares strongly, If-None-Match weakly; `*` means any version there is. A list that
    cannot be read matches nothing: the caller meant some version, and it is not known to be ours.
    What follows a dot in a tag is about what changes by itself: it keeps nobody from a change.
    """
    version = _version(etag)
    if if_match is not None and not _names(if_match, version, weak_counts=False, read=_version):
        return False
    return if_none_match is None or not _names(
        if_none_match, version, weak_counts=True, read=_version
    )


def is_known(if_none_match: str, etag: str) -> bool:
    """Tell whether the reader has that version already, so that 304 is enough."""
    return _names(if_none_match, etag, weak_counts=True)


def _version(etag: str) -> str:
    return etag.partition(".")[0]


def _names(
    condition: str, etag: str, *, weak_counts: bool, read: Callable[[str], str] = str
) -> bool:
    if condition.strip() == "*":
        return True
    named = False
    position = 0
    while position < len(condition):
        tag = _TAG.match(condition, position)
        if tag is None:
            return False
        named = named or (read(tag[2]) == etag and (weak_counts or not tag[1]))
        position = tag.end()
    return named

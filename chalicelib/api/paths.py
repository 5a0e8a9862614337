"""Path parameters as typed values; what is not one of that type names nothing, so it is 404."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, get_args
from uuid import UUID

from chalicelib.core.errors import NotFound

LARGEST_ID = 2**63 - 1
_NAMES = re.compile(r"{(\w+)}")
_ID = re.compile(r"[0-9]{1,19}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

Convert = Callable[[str], Any]


def names_in(path: str) -> list[str]:
    """Return the names of the parameters of a path such as `/api/courses/{id}`."""
    return _NAMES.findall(path)


def converters_of(path: str, types: Mapping[str, Any]) -> list[tuple[str, Convert]]:
    """Return what turns each parameter of the path into its value; one without a type is an id."""
    return [(name, _converter(types.get(name, int))) for name in names_in(path)]


def _converter(kind: Any) -> Convert:
    if kind is int:
        return _to_id
    if kind is UUID:
        return _to_uuid
    if kind is str:
        return str
    words = frozenset(get_args(kind))

    def to_word(given: str) -> str:
        if given not in words:
            raise NotFound
        return given

    return to_word


def _to_id(given: str) -> int:
    if not _ID.fullmatch(given) or not 0 < (number := int(given)) <= LARGEST_ID:
        raise NotFound
    return number


def _to_uuid(given: str) -> UUID:
    if not _UUID.fullmatch(given):
        raise NotFound
    return UUID(given)

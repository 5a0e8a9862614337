"""The kinds that can be imported and exported: the one place of bulk/ that names them."""

from __future__ import annotations

from chalicelib.accounts.csv import USERS
from chalicelib.bulk.errors import UnknownKind
from chalicelib.catalog.csv import COURSES
from chalicelib.core.kinds import Kind
from chalicelib.scheduling.csv import ENROLLMENTS, SECTIONS

_KINDS = {kind.name: kind for kind in (COURSES, ENROLLMENTS, SECTIONS, USERS)}


def get_kind(name: str) -> Kind:
    """Return a kind by its name.

    Raises:
        UnknownKind: there is none of that name.
    """
    if name not in _KINDS:
        raise UnknownKind
    return _KINDS[name]

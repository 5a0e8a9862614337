"""The kinds that can be imported and exported: the one place of bulk/ that names them."""

from __future__ import annotations

from chalicelib.accounts.csv import USERS
from chalicelib.announcements.csv import UNACKNOWLEDGED
from chalicelib.bulk.errors import UnknownKind
from chalicelib.catalog.csv import COURSES
from chalicelib.core.kinds import Export, Kind
from chalicelib.scheduling.csv import SECTIONS, TIMETABLE
from chalicelib.scheduling.enrollments_csv import ENROLLMENTS

_KINDS: dict[str, Export] = {
    kind.name: kind for kind in (COURSES, ENROLLMENTS, SECTIONS, TIMETABLE, UNACKNOWLEDGED, USERS)
}


def get_kind(name: str) -> Export:
    """Return a kind by its name.

    Raises:
        UnknownKind: there is none of that name.
    """
    if name not in _KINDS:
        raise UnknownKind
    return _KINDS[name]


def get_import_kind(name: str) -> Kind:
    """Return a kind that can be imported, too.

    Raises:
        UnknownKind: there is none of that name, or it only goes out.
    """
    kind = get_kind(name)
    if not isinstance(kind, Kind):
        raise UnknownKind
    return kind

"""Objects that no attachment needs: written down before they can be one, removed when nothing can
bring them back.

A key is chosen before S3 hears of it, and is at any moment that of an attachment or in
`attachment_leftovers`, so that none is lost, whatever breaks. Whoever leaves an object removes it
right after the commit; a form that still holds may store another one there, so the sweep removes it
once more when it is due.
"""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

from sqlalchemy import Connection, text

from chalicelib.core import database
from chalicelib.core.clock import utc_now
from chalicelib.integrations import multipart, s3

log = logging.getLogger(__name__)

UPLOADS = "uploads/attachments"
FILES = "attachments"
_RANDOM_BYTES = 24
_UNFINISHED = timedelta(days=1)

_EXPECT = text(
    "INSERT INTO attachment_leftovers (object_key, due_at) VALUES (:key, now() + interval '1 hour')"
)
_ADOPT = text("DELETE FROM attachment_leftovers WHERE object_key = :key")
_DUE = text(
    "SELECT object_key FROM attachment_leftovers WHERE due_at < now()"
    " ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED"
)
_FORGET = text("DELETE FROM attachment_leftovers WHERE object_key = ANY(CAST(:keys AS text[]))")
_POSTPONE = text(
    "UPDATE attachment_leftovers SET due_at = now() + interval '1 day'"
    " WHERE object_key = ANY(CAST(:keys AS text[]))"
)


def new_key(prefix: str, course_id: int | None) -> str:
    """Return a key that nobody can guess, of a file of a course or with None of announcements."""
    shelf = "announcements" if course_id is None else course_id
    return f"{prefix}/{shelf}/{secrets.token_urlsafe(_RANDOM_BYTES)}"


def expect(connection: Connection, key: str) -> None:
    """Write down a key that is about to be used, to be removed unless it is adopted."""
    connection.execute(_EXPECT, {"key": key})


def adopt(connection: Connection, key: str) -> bool:
    """Take a key off the list for an attachment; False where the sweep came first."""
    return connection.execute(_ADOPT, {"key": key}).rowcount == 1


def remove_after_commit(connection: Connection, *left: tuple[str, str | None]) -> None:
    """Remove objects, and uploads in parts, by key and upload id once the commit is through."""
    database.after_commit(connection, lambda: remove(*left))


def remove(*left: tuple[str, str | None]) -> None:
    """Remove objects, and uploads in parts, by key and upload id."""
    # In this order: parts that are joined at this moment become an object, which is then removed.
    for key, upload_id in left:
        if upload_id is not None:
            multipart.abort(key, upload_id)
    refused = s3.delete_many([key for key, _ in left])
    if refused:
        log.warning("objects_not_removed", extra={"count": len(refused)})


def sweep(connection: Connection, limit: int) -> int:
    """Remove up to `limit` leftovers that are due; return how many are gone.

    They stay locked meanwhile: an adoption comes before, or finds its key taken.
    """
    keys = list(connection.execute(_DUE, {"limit": limit}).scalars())
    refused = s3.delete_many(keys)
    if refused:
        connection.execute(_POSTPONE, {"keys": refused})
    gone = sorted(set(keys).difference(refused))
    if gone:
        connection.execute(_FORGET, {"keys": gone})
    return len(gone)


def sweep_parts() -> int:
    """Drop uploads in parts that were started more than a day ago; return how many.

    An upload id that its attachment never got to know is found here only.
    """
    unfinished = multipart.list_unfinished(f"{UPLOADS}/", utc_now() - _UNFINISHED)
    for key, upload_id in unfinished:
        multipart.abort(key, upload_id)
    return len(unfinished)

"""Once a day: forget what is past its time, in batches that no request has to wait for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from chalicelib.accounts import limits, recovery, sessions
from chalicelib.announcements import files
from chalicelib.attachments import leftovers
from chalicelib.attachments import service as attachments
from chalicelib.bulk import service as bulk
from chalicelib.channels import service as channels
from chalicelib.core import database, logs
from chalicelib.core.batches import in_turns
from chalicelib.core.jobs import scheduled
from chalicelib.core.settings import get_settings
from chalicelib.idempotency import service as idempotency
from chalicelib.integrations import s3
from chalicelib.integrations.database_login import database_login
from chalicelib.mail import service as mail
from chalicelib.scheduling import feeds

log = logging.getLogger(__name__)

BATCH = 1000
_RESERVE_MILLISECONDS = 30_000


@scheduled
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Sweep until nothing is left or the time is nearly over; answer with what was removed."""
    logs.configure(get_settings().log_level)
    database.set_credentials_provider(database_login)
    with logs.correlated(context.aws_request_id):
        removed = {
            "idempotency_keys": _in_batches(context, _idempotency_keys),
            "tasks": _in_batches(context, _tasks),
            "sessions": _in_batches(context, _sessions),
            "links": _in_batches(context, _links),
            "attempts": _in_batches(context, _attempts),
            "mails": _in_batches(context, _mails),
            "channel_posts": _in_batches(context, _channel_posts),
            "unfinished_attachments": _in_batches(context, _unfinished_attachments),
            "unused_files": _in_batches(context, _unused_files),
            "attachment_leftovers": _in_batches(context, _attachment_leftovers),
            "cancellations": _in_batches(context, _cancellations),
            "parts": _in_batches(context, leftovers.sweep_parts),
            # The only one that needs a secret, which may be away.
            "resealed": _in_batches(context, _resealed),
        }
        log.info("swept", extra=removed)
    return removed


def _in_batches(context: Any, remove: Callable[[], int]) -> int:
    return in_turns(context, _RESERVE_MILLISECONDS, remove)


def _idempotency_keys() -> int:
    with database.transaction() as connection:
        return idempotency.expire_keys(connection, BATCH)


def _sessions() -> int:
    with database.transaction() as connection:
        return sessions.expire_sessions(connection, BATCH)


def _links() -> int:
    with database.transaction() as connection:
        return recovery.expire_links(connection, BATCH)


def _attempts() -> int:
    with database.transaction() as connection:
        return limits.expire_attempts(connection, BATCH)


def _tasks() -> int:
    with database.transaction() as connection:
        tasks = bulk.delete_old_tasks(connection, BATCH)
    # After the commit: a file without a task is removed by the bucket's lifecycle rules at last,
    # a task without its file would be a broken link.
    s3.delete_many([key for task in tasks for key in task.object_keys])
    return len(tasks)


def _mails() -> int:
    with database.transaction() as connection:
        return mail.delete_old_mails(connection, BATCH)


def _channel_posts() -> int:
    with database.transaction() as connection:
        return channels.delete_old_posts(connection, BATCH)


def _resealed() -> int:
    with database.transaction() as connection:
        return channels.reseal(connection, BATCH)


def _cancellations() -> int:
    with database.transaction() as connection:
        return feeds.expire_cancellations(connection, BATCH)


def _unfinished_attachments() -> int:
    with database.transaction() as connection:
        return attachments.delete_unfinished(connection, BATCH)


def _unused_files() -> int:
    with database.transaction() as connection:
        return files.delete_unused(connection, BATCH)


def _attachment_leftovers() -> int:
    with database.transaction() as connection:
        return leftovers.sweep(connection, BATCH)

"""JSON logs, one line an event, with the id that follows a request through outbox and queue.

Log facts with `log.info("import_finished", extra={"task_id": …})`: the message is an event name,
the extra fields become members of the line. Values of statements, bodies, tokens and mails never
go in.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
_SAFE_ID = re.compile(r"[A-Za-z0-9_.:-]{8,64}")
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# An error of Postgres quotes data in its detail and context, and behind a colon in its message.
_OF_POSTGRES = re.compile(r"'C': '\w{5}'")
_DATA = re.compile(r"""('[DW]': )(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(: )"[^"]*["]""")

# Made once: json.dumps would make an encoder for each line.
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class _JSONFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if correlation_id := _correlation_id.get():
            line["correlation_id"] = correlation_id
        line.update({k: v for k, v in vars(record).items() if k not in _PLAIN})
        if record.exc_info:
            line["exception"] = _without_data(self.formatException(record.exc_info))
        return _encode(line)


def _without_data(exception: str) -> str:
    return "\n".join(
        _DATA.sub(r"\1\2…", line) if _OF_POSTGRES.search(line) else line
        for line in exception.splitlines()
    )


def configure(level: str = "INFO") -> None:
    """Send every logger of this process to stdout as JSON; a second call changes only the level."""
    root = logging.getLogger()
    root.setLevel(level)
    for handler in root.handlers:
        if isinstance(handler.formatter, _JSONFormatter):
            return
    # Lines name neither thread nor process nor file: logging need not find them out for each record
    # (https://docs.python.org/3/howto/logging.html#optimization).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JSONFormatter())
    root.handlers[:] = [handler]
    for noisy in ("botocore", "boto3", "urllib3", "s3transfer"):
        logging.getLogger(noisy).setLevel("WARNING")


def correlation_id() -> str:
    """Return the id of the work under way, or an empty string outside of any."""
    return _correlation_id.get()


@contextmanager
def correlated(candidate: str | None) -> Iterator[str]:
    """Bind a correlation id to what runs inside; a missing or unsafe one is replaced."""
    chosen = candidate if candidate and _SAFE_ID.fullmatch(candidate) else str(uuid.uuid4())
    token = _correlation_id.set(chosen)
    try:
        yield chosen
    finally:
        _correlation_id.reset(token)

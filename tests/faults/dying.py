"""How a process of a test dies: by its own hand, without a word, in the midst of its work."""

from __future__ import annotations

import os
import signal
from typing import Any

from sqlalchemy import event

from chalicelib.core import database


def die_at(nth: int) -> None:
    """Kill this process at the nth statement of its engine that is about to be sent."""
    seen = 0

    def count(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    engine = database.init()
    event.listen(engine, "before_cursor_execute", count)
    # COMMIT is a statement, too; SQLAlchemy tells of it before it is sent.
    event.listen(engine, "commit", count)

"""A worker in a process of its own that dies on the way: at its nth statement, or by being stopped.

Run as `python -m tests.bulk.import_process MESSAGE [DIE_AT]`; exits with 0 when the
message was worked off, with 3 when it was given back.
"""

from __future__ import annotations

import json
import sys

from chalicelib.bulk import report, staging
from functions.import_rows.handler import handler
from tests.faults import dying
from tests.functions.events import Context, sqs_event

# Small steps, so that a small file has every kind of step more than once.
ROWS_A_STEP = 20


def small_steps() -> None:
    """Make this process stage in small steps."""
    staging.ROWS_A_STEP = ROWS_A_STEP
    staging._READ_BYTES = 500
    report._PAGE_ROWS = 5


def main() -> int:
    small_steps()
    message = json.loads(sys.argv[1])
    if len(sys.argv) > 2:
        dying.die_at(int(sys.argv[2]))
    answer = handler(sqs_event([message]), Context())
    return 3 if answer["batchItemFailures"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""What Python reads at its start in a process with a wrong clock: it sleeps by another call, since
libfaketime's clock_nanosleep refuses what the sleep of Python 3.11 and newer asks for.
"""

from __future__ import annotations

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep

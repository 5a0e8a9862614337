"""Show what the processes of the local cloud write, each line with the name of its log."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

_PERIOD_SECONDS = 0.25


@contextlib.contextmanager
def shown(logs: Path) -> Iterator[None]:
    """Print new lines of every log below a directory while the block runs."""
    ended = threading.Event()
    offsets = {log: log.stat().st_size for log in logs.glob("*.log")}
    thread = threading.Thread(target=_follow, args=(logs, offsets, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(2)


def _follow(logs: Path, offsets: dict[Path, int], ended: threading.Event) -> None:
    while not ended.wait(_PERIOD_SECONDS):
        for log in sorted(logs.glob("*.log")):
            _print_new(log, offsets)


def _print_new(log: Path, offsets: dict[Path, int]) -> None:
    offset = offsets.get(log, 0)
    size = log.stat().st_size
    if size == offset:
        return
    with log.open("rb") as file:
        # Shorter than before: it was emptied because it had grown too large.
        file.seek(offset if size > offset else 0)
        chunk = file.read(1_000_000)
    complete = chunk[: chunk.rfind(b"\n") + 1] or chunk
    offsets[log] = (offset if size > offset else 0) + len(complete)
    for line in complete.decode(errors="replace").splitlines():
        print(f"{log.stem:<9} {line}", flush=True)

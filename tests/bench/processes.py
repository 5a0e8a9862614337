"""CPU time and memory of groups of processes, as the kernel accounts them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType

import psutil


def listener(port: int) -> psutil.Process:
    """Return the process that listens on a loopback port; of a family, its eldest.

    Raises:
        LookupError: nobody listens there.
    """
    pids = {
        c.pid
        for c in psutil.net_connections("tcp")
        if c.status == psutil.CONN_LISTEN and c.laddr.port == port and c.pid
    }
    if not pids:
        raise LookupError(f"nobody listens on {port}")
    eldest = psutil.Process(min(pids))
    for parent in eldest.parents():
        if parent.pid in pids:
            eldest = parent
    return eldest


def cpu_seconds(root: psutil.Process) -> float:
    """Return user and system seconds of a process and its family, ended children included."""
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


class PeakMemory:
    """Samples the resident set of each process below some roots while its block runs."""

    def __init__(self, roots: Iterable[psutil.Process], interval_seconds: float = 0.05) -> None:
        self._roots = list(roots)
        self._interval_seconds = interval_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peak_bytes: dict[str, int] = {}

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(self._interval_seconds):
            for root in self._roots:
                for process in self._family(root):
                    try:
                        name = " ".join(process.cmdline()[-3:])[-60:]
                        resident = process.memory_full_info().uss
                    except psutil.Error:
                        continue
                    self.peak_bytes[name] = max(self.peak_bytes.get(name, 0), resident)

    @staticmethod
    def _family(root: psutil.Process) -> list[psutil.Process]:
        try:
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

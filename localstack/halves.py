"""The whole test suite as two runs of pytest side by side, each with a private local cloud.

One half is what works in pytest's own process and waits for Postgres, the other what waits for
browsers, whole local clouds and processes that die. The lines of both are shown as they come; what
failed, and the sum of both, at the end.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import FrameType

from places import CHECKOUT, python

# All other folders are the other half: a new one is tested wherever it belongs.
_OTHER_PROCESSES = ("tests/faults", "tests/ui", "tests/localstack")
_BEGINNING = "test session starts"
_HEADING = re.compile(r"=+ (.+?) =+$")
_COUNT = re.compile(r"(\d+) ([a-z]+)")
_IN_SECONDS = re.compile(r" in [\d.]+s\b.*")
_ENDING = (signal.SIGTERM, signal.SIGHUP)


def commands() -> list[list[str]]:
    """Return the two commands; what takes longer first."""
    test = [python(), str(CHECKOUT / "localstack"), "test", "--"]
    rest = [f"--ignore={folder}" for folder in _OTHER_PROCESSES]
    return [[*test, *_OTHER_PROCESSES], [*test, "tests", *rest]]


def run(both: Sequence[Sequence[str]]) -> int:
    """Run pytest by each of these commands at the same time; return 0 where all of them do."""
    for number in _ENDING:
        signal.signal(number, _interrupt)
    began = time.monotonic()
    halves: list[_Half] = []
    try:
        for command in both:
            halves.append(_Half(command))
            # Before its ports are taken the next one could choose one of them, too.
            halves[-1].wait_until_it_tests()
        codes = [half.wait() for half in halves]
    except KeyboardInterrupt:
        codes = [130]
    finally:
        for half in halves:
            half.end()
    for half in halves:
        print("\n".join(half.told), end="\n" if half.told else "")
    print(_sum_of(halves, time.monotonic() - began), flush=True)
    return next(filter(None, codes), 0)


class _Half:
    """A run of pytest; `told` is what it said after its last test, but for the counts."""

    def __init__(self, command: Sequence[str]) -> None:
        self.told: list[str] = []
        self.counts: Counter[str] = Counter()
        self.seconds = 0.0
        self._began = time.monotonic()
        self._tests = threading.Event()
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_until_it_tests(self) -> None:
        self._tests.wait()

    def wait(self) -> int:
        self._reader.join()
        return self._process.wait()

    def end(self) -> None:
        """End it and what it started, unless it has."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        is_testing = True
        with self._process.stdout as lines:
            for line in map(str.rstrip, lines):
                heading = _HEADING.fullmatch(line)
                if heading and heading[1] == _BEGINNING:
                    self._tests.set()
                    continue
                if heading and _IN_SECONDS.search(heading[1]):
                    counts = _COUNT.findall(_IN_SECONDS.sub("", heading[1]))
                    self.counts.update({word: int(number) for number, word in counts})
                    continue
                is_testing = is_testing and heading is None
                if is_testing:
                    print(line, flush=True)
                else:
                    self.told.append(line)
        self.seconds = time.monotonic() - self._began
        self._tests.set()


def _sum_of(halves: Sequence[_Half], seconds: float) -> str:
    counts = sum((half.counts for half in halves), Counter[str]())
    tests = ", ".join(f"{number} {word}" for word, number in counts.items()) or "no tests ran"
    each = " and ".join(f"{half.seconds:.0f}" for half in halves)
    return f" {tests} in {seconds:.0f} s (two halves, {each} s) ".center(80, "=")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(run(commands()))

"""The suite in two halves: each test is in one, and what both end with is told as one run would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import halves
import pytest

from tests.localstack.cloud import CHECKOUT, wait_for

PASSES = "def test_right(): pass\n"
FAILS = "def test_wrong():\n    assert 1 + 1 == 3, 'not the sum'\n"
SKIPS = "import pytest\ndef test_later(): pytest.skip('not today')\n"
WAITS = (
    "import os, time\ndef test_long():\n    open(f'{os.getpid()}.pid', 'w')\n    time.sleep(60)\n"
)


def pytest_of(folder: Path, content: str) -> list[str]:
    """Return what runs pytest over a folder with one file of tests."""
    folder.mkdir()
    (folder / f"test_{folder.name}.py").write_text(content)
    options = ("-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider")
    return [sys.executable, "-m", "pytest", *options, str(folder)]


def test_every_folder_of_tests_is_in_one_half() -> None:
    with_others, alone = (command[command.index("--") + 1 :] for command in halves.commands())
    assert all((CHECKOUT / folder).is_dir() for folder in with_others)
    assert alone == ["tests", *(f"--ignore={folder}" for folder in with_others)]


def started(both: list[list[str]], folder: Path) -> subprocess.Popen[str]:
    code = f"import halves, sys; sys.exit(halves.run({both!r}))"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "localstack")},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )


def ran(both: list[list[str]], folder: Path) -> tuple[int, str]:
    """Return the exit code and what was shown."""
    running = started(both, folder)
    shown, _ = running.communicate(timeout=60)
    return running.returncode, shown


def test_what_fails_is_shown_whole_and_the_counts_are_one_sum(tmp_path: Path) -> None:
    good = pytest_of(tmp_path / "good", PASSES + SKIPS)
    bad = pytest_of(tmp_path / "bad", PASSES + FAILS)
    code, shown = ran([bad, good], tmp_path)
    assert code == 1
    assert "AssertionError: not the sum" in shown
    assert shown.index("test_good.py .s") < shown.index("FAILURES")
    assert re.search(
        r"=+ 1 failed, 2 passed, 1 skipped in \d+ s \(two halves, \d+ and \d+ s\) =+$", shown
    )
    assert ran([good, good], tmp_path)[0] == 0


def test_a_half_without_tests_or_that_does_not_begin_is_no_success(tmp_path: Path) -> None:
    good = pytest_of(tmp_path / "good", PASSES)
    assert ran([good, pytest_of(tmp_path / "none", "")], tmp_path)[0] == 5
    code, shown = ran([[sys.executable, "-c", "exit('error: no place')"], good], tmp_path)
    assert code == 1
    assert "error: no place" in shown
    assert "= 1 passed in" in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both(tmp_path: Path, number: signal.Signals) -> None:
    both = [pytest_of(tmp_path / name, WAITS) for name in ("one", "two")]
    with started(both, tmp_path) as running:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2, "both are testing")
        running.send_signal(number)
        assert running.wait(30) == 130
    for file in tmp_path.glob("*.pid"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.stem), 0)

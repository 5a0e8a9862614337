"""The supervisor keeps programs up, tells what it does, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import launch
import ports
import psutil
import pytest
from supervisor import Program, StartFailed, Supervisor, alive, end_leftovers

SLEEPER = "import subprocess,time; subprocess.Popen(['sleep','77']); time.sleep(77)"


def program(directory: Path, code: str, **changes: object) -> Program:
    given: dict[str, object] = {
        "name": "sleeper",
        "command": [sys.executable, "-c", code],
        "environment": dict(os.environ),
        "log": directory / "sleeper.log",
        "is_ready": lambda: True,
        "stop_seconds": 2.0,
    }
    return Program(**{**given, **changes})  # type: ignore[arg-type]


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, notes: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "stack.json", notes.append)
    yield supervisor
    supervisor.stop()


def watch_until(supervisor: Supervisor, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    supervisor.watch(lambda: condition() or time.monotonic() > deadline)
    assert condition()


def test_what_dies_is_started_again_with_what_it_started_gone(
    tmp_path: Path, supervisor: Supervisor, notes: list[str]
) -> None:
    readied: list[int] = []
    supervisor.start(program(tmp_path, SLEEPER, on_ready=lambda: readied.append(1)))
    first = psutil.Process(supervisor.pid_of("sleeper"))
    deadline = time.monotonic() + 5
    while not first.children() and time.monotonic() < deadline:
        time.sleep(0.02)
    (grandchild,) = first.children()
    first.kill()
    watch_until(supervisor, lambda: len(readied) == 2)
    assert supervisor.pid_of("sleeper") != first.pid
    psutil.wait_procs([grandchild], 3)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE
    assert notes == ["sleeper ended with code -9; starting it again", "sleeper is back"]


def test_what_dies_again_and_again_is_started_ever_later(
    tmp_path: Path, supervisor: Supervisor, notes: list[str]
) -> None:
    ready = iter([True])
    supervisor.start(
        program(tmp_path, "import time; time.sleep(0.1)", is_ready=lambda: next(ready, False))
    )
    watch_until(supervisor, lambda: len(notes) >= 4)
    assert [note.partition("again")[2] for note in notes[:4]] == [
        "",
        " in 0.2 s",
        " in 0.5 s",
        " in 1 s",
    ]


def test_a_program_that_ends_at_once_fails_the_start_with_its_log(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    with pytest.raises(StartFailed, match="ended with code 1") as refusal:
        supervisor.start(
            program(tmp_path, "raise SystemExit('no such table')", is_ready=lambda: False)
        )
    assert "no such table" in str(refusal.value)


def test_a_program_that_does_not_serve_in_time_fails_the_start(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    with pytest.raises(StartFailed, match="does not answer after 0 s"):
        supervisor.start(program(tmp_path, SLEEPER, is_ready=lambda: False), timeout_seconds=0.3)


def test_a_stop_ends_what_ignores_it(tmp_path: Path, supervisor: Supervisor) -> None:
    stubborn = (
        "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(77)"
    )
    log = tmp_path / "sleeper.log"
    supervisor.start(
        program(
            tmp_path,
            stubborn,
            is_ready=lambda: "deaf" in log.read_text(),
            stop_seconds=0.3,
        )
    )
    pid = supervisor.pid_of("sleeper")
    assert pid is not None
    supervisor.stop()
    assert not psutil.pid_exists(pid)


def test_the_status_file_names_each_process(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.start(program(tmp_path, SLEEPER, port=1234))
    status = json.loads((tmp_path / "stack.json").read_text())
    (entry,) = status["processes"]
    assert status["supervisor"]["pid"] == os.getpid()
    assert (entry["name"], entry["port"], entry["state"]) == ("sleeper", 1234, "running")
    assert alive(entry["pid"], entry["started"]) is not None
    # The same pid with another start time is somebody else's.
    assert alive(entry["pid"], entry["started"] - 100) is None


def test_leftovers_of_a_killed_supervisor_are_ended(tmp_path: Path) -> None:
    left = subprocess.Popen(["sleep", "77"], start_new_session=True)
    stranger = subprocess.Popen(["sleep", "77"], start_new_session=True)
    started = psutil.Process(left.pid).create_time()
    entries = [
        {"name": "left", "pid": left.pid, "started": started},
        {"name": "stranger", "pid": stranger.pid, "started": started - 1000},
        {"name": "gone", "pid": None, "started": 0},
    ]
    (tmp_path / "stack.json").write_text(json.dumps({"processes": entries}))
    try:
        assert end_leftovers(tmp_path / "stack.json") == ["left"]
        left.wait(5)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_a_launched_program_ends_with_its_parent(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    command = launch.command(["/bin/sleep", "77"], signal.SIGKILL, None, None)
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess,sys,pathlib,time;"
            "child = subprocess.Popen(sys.argv[2:]);"
            "pathlib.Path(sys.argv[1]).write_text(str(child.pid)); time.sleep(77)",
            str(pid_file),
            *command,
        ]
    )
    deadline = time.monotonic() + 5
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    child = psutil.Process(int(pid_file.read_text()))
    while child.name() != "sleep" and time.monotonic() < deadline:
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    psutil.wait_procs([child], 5)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_busy_port_is_named_with_its_variable() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(ports.PortError, match=f"Port {port} .*POOLER_PORT"):
            ports.require_free(port, "POOLER_PORT", "PgBouncer")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ROLLCALL_PORT", "eighty"), ("POOLER_PORT", "70000"), ("AWS_ENDPOINT_URL", "4566")],
)
def test_what_is_no_port_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ports.PortError, match=variable):
        ports.wanted()

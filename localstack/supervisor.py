"""Starts processes, sees that they stay up, and ends them all.

One thread, which must stay the main one: a child asks the kernel to end it with the thread that
started it. What runs is written to `stack.json` at each change, with the start time of every
process, so that a later command never takes a recycled pid for one of ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from places import read_json

_BACK_OFF_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 3.0)
_STEADY_SECONDS = 20.0
_LOG_LIMIT_BYTES = 50 * 1024 * 1024


class StartFailed(Exception):
    """A process did not come up; the text names it and its log."""


@dataclass
class Program:
    """One process to keep up.

    `is_ready` says whether it serves; `on_ready` runs each time it comes up; `before_start` each
    time before it is started.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    is_ready: Callable[[], bool]
    port: int | None = None
    directory: Path = Path("/")
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    before_start: Callable[[], None] | None = None
    on_ready: Callable[[], None] | None = None


@dataclass
class _Running:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    state: str = "stopped"
    failures: int = 0
    restarts: int = 0
    next_start: float = 0.0
    ready_since: float = field(default=0.0)


class Supervisor:
    """Keeps programs up; `note` is told in a line what happens."""

    def __init__(self, status_file: Path, note: Callable[[str], None], **facts: Any) -> None:
        self._status_file = status_file
        self._note = note
        self._facts = facts
        self._running: dict[str, _Running] = {}
        self._is_stopping = False
        self._wake_up, self._woken = os.pipe()
        os.set_blocking(self._wake_up, False)
        os.set_blocking(self._woken, False)
        self._signalled: set[int] = set()
        self._last_log_check = time.monotonic()

    def handle_signals(self, *ending: signal.Signals) -> None:
        """Let these signals end `watch()`, and wake it when a child dies."""
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for ending_signal in ending:
            signal.signal(ending_signal, lambda number, _: self._signalled.add(number))

    def start(self, program: Program, timeout_seconds: float = 60.0) -> None:
        """Start a program and wait until it serves.

        Raises:
            StartFailed: it ended, or does not serve in time.
        """
        self.launch(program)
        self.wait_for(program.name, timeout_seconds)

    def launch(self, program: Program) -> None:
        """Start a program without waiting for it."""
        running = _Running(program)
        self._running[program.name] = running
        self._spawn(running)

    def wait_for(self, name: str, timeout_seconds: float = 60.0) -> None:
        """Wait until a launched program serves.

        Raises:
            StartFailed: it ended, or does not serve in time.
        """
        running = self._running[name]
        deadline = time.monotonic() + timeout_seconds
        while running.state != "running":
            if self._signalled:
                raise KeyboardInterrupt
            if running.process is not None and running.process.poll() is not None:
                code = running.process.returncode
                raise StartFailed(f"{name} ended with code {code}:\n{tail(running.program.log)}")
            if time.monotonic() > deadline:
                raise StartFailed(
                    f"{name} does not answer after {timeout_seconds:.0f} s:\n"
                    f"{tail(running.program.log)}"
                )
            self._check_ready(running)
            time.sleep(0.03)

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Restart what dies, until a signal that ends it comes or `until` says so."""
        while not self._signalled and not until():
            busy = self._tick()
            select.select([self._wake_up], [], [], 0.05 if busy else 0.5)
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_up, 4096)

    def stop(self) -> None:
        """End every program, the last started first, by force where it does not end by itself."""
        self._is_stopping = True
        for running in reversed(self._running.values()):
            self._end(running)
        self._write_status()

    def pid_of(self, name: str) -> int | None:
        """Return the pid of a program, None while it is down."""
        process = self._running[name].process
        return None if process is None or process.poll() is not None else process.pid

    def _tick(self) -> bool:
        """Look after each program once; say whether any of them is on its way up."""
        now = time.monotonic()
        for running in self._running.values():
            process = running.process
            if process is not None and process.poll() is not None:
                self._died(running, process)
            elif running.state == "starting":
                self._check_ready(running)
            elif running.state == "waiting" and now >= running.next_start:
                self._spawn(running)
            elif running.failures and now - running.ready_since > _STEADY_SECONDS:
                running.failures = 0
        if now - self._last_log_check > 30:
            self._last_log_check = now
            self._limit_logs()
        return any(running.state != "running" for running in self._running.values())

    def _died(self, running: _Running, process: subprocess.Popen[bytes]) -> None:
        pause = _BACK_OFF_SECONDS[min(running.failures, len(_BACK_OFF_SECONDS) - 1)]
        self._note(
            f"{running.program.name} ended with code {process.returncode}; "
            f"starting it again{f' in {pause:g} s' if pause else ''}"
        )
        # What it started itself goes with it, or it would hold the port.
        _signal_group(process.pid, signal.SIGKILL)
        running.process = None
        running.failures += 1
        running.restarts += 1
        running.next_start = time.monotonic() + pause
        self._set_state(running, "waiting")

    def _spawn(self, running: _Running) -> None:
        program = running.program
        if program.before_start is not None:
            program.before_start()
        with program.log.open("ab") as log:
            running.process = subprocess.Popen(
                program.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(program.environment),
                cwd=program.directory,
                start_new_session=True,
            )
        with contextlib.suppress(psutil.NoSuchProcess):
            running.started = psutil.Process(running.process.pid).create_time()
        self._set_state(running, "starting")

    def _check_ready(self, running: _Running) -> None:
        if not running.program.is_ready():
            return
        if running.program.on_ready is not None:
            try:
                running.program.on_ready()
            except Exception as error:
                if running.restarts == 0:
                    raise
                self._note(f"{running.program.name} is up, but not as it was: {error}")
                return
        running.ready_since = time.monotonic()
        if running.restarts:
            self._note(f"{running.program.name} is back")
        self._set_state(running, "running")

    def _end(self, running: _Running) -> None:
        process = running.process
        if process is None or process.poll() is not None:
            self._set_state(running, "stopped")
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(running.program.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(running.program.stop_seconds)
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()
        self._set_state(running, "stopped")

    def _set_state(self, running: _Running, state: str) -> None:
        running.state = state
        self._write_status()

    def _write_status(self) -> None:
        me = psutil.Process()
        status = {
            **self._facts,
            "supervisor": {
                "pid": me.pid,
                "started": me.create_time(),
                "state": "stopping" if self._is_stopping else "running",
            },
            "processes": [
                {
                    "name": name,
                    "pid": None if running.process is None else running.process.pid,
                    "started": running.started,
                    "port": running.program.port,
                    "state": running.state,
                    "restarts": running.restarts,
                }
                for name, running in self._running.items()
            ],
        }
        temporary = self._status_file.with_suffix(".new")
        temporary.write_text(json.dumps(status, indent=1))
        os.replace(temporary, self._status_file)

    def _limit_logs(self) -> None:
        directories = {running.program.log.parent for running in self._running.values()}
        for log in (log for directory in directories for log in directory.glob("*.log")):
            if log.stat().st_size > _LOG_LIMIT_BYTES:
                # Every writer appends, so what follows starts at the new beginning.
                log.with_suffix(".log.1").write_bytes(log.read_bytes())
                os.truncate(log, 0)


def alive(pid: int | None, started: float) -> psutil.Process | None:
    """Return the process of this pid if it is the one that was started then."""
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < 0.05
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def recorded(status_file: Path) -> Iterator[tuple[dict[str, Any], psutil.Process | None]]:
    """Return each process that a supervisor wrote down, with the live one if it is."""
    for entry in read_json(status_file).get("processes", []):
        yield entry, alive(entry["pid"], entry["started"])


def supervisor_of(status_file: Path) -> psutil.Process | None:
    """Return the live supervisor that writes this status file."""
    entry = read_json(status_file).get("supervisor", {})
    return alive(entry.get("pid"), entry.get("started", 0.0))


def end_leftovers(status_file: Path, timeout_seconds: float = 15.0) -> list[str]:
    """End what a supervisor that was killed left behind; return the names."""
    left = [(entry["name"], process) for entry, process in recorded(status_file) if process]
    processes = [process for _, process in left]
    for _, process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, still_there = psutil.wait_procs(processes, timeout_seconds)
    for process in still_there:
        _signal_group(process.pid, signal.SIGKILL)
    psutil.wait_procs(still_there, 5)
    return [name for name, _ in left]


def tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a log, indented, under its name."""
    try:
        last = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        last = []
    return "\n".join([f"  {log}:", *(f"    {line}" for line in last)])


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)

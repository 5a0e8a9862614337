"""`python localstack COMMAND`: start, look at, end and borrow the local cloud.

`run` and `start` bring up the one that a person works with; `exec` and `test` a private one on free
ports that ends with the command that they run.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import follow
import halves
import ports
import psutil
import status
from places import CHECKOUT, Place, PlaceError, here, python
from resources import ResourceError
from stack import Stack
from supervisor import StartFailed

from infra.intrinsics import TemplateError

_START_SECONDS = 180
_STOP_SECONDS = 60


class AlreadyRunning(Exception):
    """Another command keeps this local cloud."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="localstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start, follow the logs, end with Ctrl-C")
    commands.add_parser("start", help="start in the background")
    commands.add_parser("stop", help="end what `start` or `run` started")
    commands.add_parser("status", help="name, pid, port and state of each process")
    commands.add_parser("reset", help="end it and delete its data")
    for name, what in (("exec", "a command"), ("test", "pytest")):
        private = commands.add_parser(name, help=f"run {what} with a private local cloud")
        private.add_argument("arguments", nargs=argparse.REMAINDER)
    commands.add_parser("supervise")
    given = parser.parse_args()
    try:
        if given.command in {"exec", "test"}:
            arguments = given.arguments[1:] if given.arguments[:1] == ["--"] else given.arguments
            return (execute if given.command == "exec" else test)(arguments)
        chosen: dict[str, Callable[[Place], int]] = {
            "run": run,
            "start": start,
            "stop": stop,
            "status": status.show,
            "reset": reset,
            "supervise": supervise,
        }
        return chosen[given.command](here())
    except (
        PlaceError,
        ports.PortError,
        ResourceError,
        StartFailed,
        TemplateError,
    ) as error:
        _say(f"error: {error}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(place: Place) -> int:
    """Start in the foreground, show the logs, end with Ctrl-C."""
    try:
        with _kept(place):
            began = time.monotonic()
            stack = Stack(place, ports.settled(ports.wanted()), "local", _say)
            supervisor = stack.up()
            try:
                status.wait_until_healthy(stack.ports.web)
                seconds = time.monotonic() - began
                _say(f"up in {seconds:.1f} s\n\n{status.welcome(place, stack.ports)}")
                _say("Ctrl-C ends everything; what the processes write follows.\n")
                with follow.shown(place.logs):
                    supervisor.watch()
            finally:
                _say("ending")
                supervisor.stop()
    except AlreadyRunning:
        return _say_running(place)
    return 0


def start(place: Place) -> int:
    """Start in the background; return when it is healthy."""
    place.prepare()
    if _is_kept(place):
        _say("running already")
        status.wait_until_up(place, _START_SECONDS)
        return _say_running(place)
    log = place.logs / "supervisor.log"
    offset = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        process = subprocess.Popen(
            [python(), str(CHECKOUT / "localstack"), "supervise"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=CHECKOUT,
        )
    deadline = time.monotonic() + _START_SECONDS
    with log.open(errors="replace") as lines:
        lines.seek(offset)
        stream = sys.stdout
        while time.monotonic() < deadline:
            ended = process.poll() is not None
            for line in lines:
                if line.startswith(_READY):
                    return _say_running(place)
                if line.startswith("error:"):
                    stream = sys.stderr
                _say(line.rstrip("\n"), stream)
            if ended:
                return 1
            time.sleep(0.05)
    _say(f"error: not healthy after {_START_SECONDS} s; see {log}", sys.stderr)
    process.terminate()
    return 1


_READY = "local cloud is healthy"


def supervise(place: Place) -> int:
    """Be the process in the background that `start` starts."""
    try:
        with _kept(place):
            stack = Stack(place, ports.settled(ports.wanted()), "local", _say)
            supervisor = stack.up()
            try:
                status.wait_until_healthy(stack.ports.web)
                _say(_READY)
                supervisor.watch()
            finally:
                supervisor.stop()
    except AlreadyRunning:
        _say("running already")
        return 1
    return 0


def stop(place: Place) -> int:
    """End the local cloud and wait until nothing of it is left."""
    ended = status.end(place, _STOP_SECONDS)
    _say("stopped" if ended else "not running")
    return 0


def reset(place: Place) -> int:
    """End the local cloud and delete its data."""
    status.end(place, _STOP_SECONDS)
    place.remove()
    _say(f"deleted {place.state}")
    return 0


def test(arguments: list[str]) -> int:
    """Run pytest with a private local cloud, or without arguments all tests by two of each."""
    if not arguments:
        return halves.run(halves.commands())
    return execute([python(), "-m", "pytest", *arguments])


def execute(command: list[str]) -> int:
    """Run a command with a private local cloud, whose addresses are in its environment."""
    if not command:
        _say("error: what should run? `python localstack exec -- COMMAND`", sys.stderr)
        return 2
    parent = here().state
    _remove_abandoned(parent)
    place = Place(parent / f"test-{os.getpid()}")
    try:
        with _kept(place):
            stack = Stack(place, ports.any_free(), "test", _silent, serves=False)
            supervisor = stack.up()
            try:
                return _run_to_its_end(command, stack, supervisor.watch)
            finally:
                supervisor.stop()
    finally:
        place.remove()


def _run_to_its_end(
    command: list[str], stack: Stack, watch: Callable[[Callable[[], bool]], None]
) -> int:
    environment = {**stack.environment(), "PATH": _path_with_psql(stack)}
    process = subprocess.Popen(command, env=environment)
    watch(lambda: process.poll() is not None)
    # Ended by a signal: a terminal sent it to the command too, which may want to say goodbye.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(3)
    for end in (process.terminate, process.kill):
        if process.poll() is None:
            end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(7)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _path_with_psql(stack: Stack) -> str:
    tools = [str(Path(sys.executable).parent), str(stack.place.postgres_tree / "bin")]
    return os.pathsep.join([*tools, os.environ.get("PATH", os.defpath)])


def _remove_abandoned(parent: Path) -> None:
    for directory in parent.glob("test-[0-9]*"):
        # Its own command may be about to take the lock.
        if psutil.pid_exists(int(directory.name.removeprefix("test-"))):
            continue
        place = Place(directory)
        status.end(place, 10)
        place.remove()


@contextlib.contextmanager
def _kept(place: Place) -> Iterator[None]:
    """Hold the lock of a place: one command keeps a local cloud at a time.

    Raises:
        AlreadyRunning: another one does.
    """
    place.prepare()
    with place.lock_file.open("a") as file:
        if not _lock(file):
            raise AlreadyRunning
        yield


def _is_kept(place: Place) -> bool:
    if not place.lock_file.exists():
        return False
    with place.lock_file.open("a") as file:
        return not _lock(file)


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say_running(place: Place) -> int:
    _say(status.running_line(place))
    return 0


def _say(line: str, stream: IO[str] | None = None) -> None:
    print(line, file=stream or sys.stdout, flush=True)


def _silent(line: str) -> None:
    del line


if __name__ == "__main__":
    sys.exit(main())

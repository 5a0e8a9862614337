"""The side of a function process that starts it, hands it events and ends it.

One process serves one event at a time and stays warm between them, as a Lambda environment does.
It is ended by force at its function's time-out, and whatever it started goes with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from places import CHECKOUT, python

from infra.templates import Function

_INIT_SECONDS = 60.0
_CHUNK = 1 << 16


class InvocationFailed(Exception):
    """A function gave no result: `kind` is `error`, `timed_out` or `crashed`."""

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        super().__init__(detail)


class Runtime:
    """One warm process of a function."""

    def __init__(self, function: Function, environment: dict[str, str], log: Path) -> None:
        """Start the process and wait until its handler is imported.

        Raises:
            InvocationFailed: the handler cannot be imported.
        """
        self.function = function
        self.last_used = time.monotonic()
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._rest = b""
        with theirs, log.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    python(),
                    str(CHECKOUT / "localstack" / "runtime.py"),
                    function.handler,
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=CHECKOUT,
                env=environment,
                start_new_session=True,
            )
        try:
            self._receive(time.monotonic() + _INIT_SECONDS)
        except InvocationFailed:
            self.end()
            raise

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return what the handler returns for an event.

        Raises:
            InvocationFailed: it raised, took too long or died; after the latter two the process
                is gone.
        """
        deadline = time.monotonic() + self.function.timeout_seconds
        call = {
            "event": event,
            "request_id": str(uuid.uuid4()),
            "function_name": self.function.name,
            "memory_mb": self.function.memory_mb,
            "timeout_seconds": self.function.timeout_seconds,
        }
        try:
            self._send(call, deadline)
            answer = self._receive(deadline)
        except InvocationFailed:
            self.end()
            raise
        finally:
            self.last_used = time.monotonic()
        if "error" in answer:
            raise InvocationFailed("error", answer["error"])
        return answer.get("result")

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        """End the process and everything that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._socket.close()

    def _send(self, call: dict[str, Any], deadline: float) -> None:
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            self._socket.sendall(json.dumps(call).encode() + b"\n")
        except TimeoutError as error:
            raise self._timed_out() from error
        except OSError as error:
            raise self._crashed() from error

    def _receive(self, deadline: float) -> dict[str, Any]:
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise self._timed_out()
            self._socket.settimeout(remaining)
            try:
                chunk = self._socket.recv(_CHUNK)
            except TimeoutError as error:
                raise self._timed_out() from error
            except OSError as error:
                raise self._crashed() from error
            if not chunk:
                raise self._crashed()
            parts.append(chunk)
        line, _, self._rest = b"".join(parts).partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _timed_out(self) -> InvocationFailed:
        return InvocationFailed(
            "timed_out", f"{self.function.job} took longer than {self.function.timeout_seconds} s"
        )

    def _crashed(self) -> InvocationFailed:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        return InvocationFailed(
            "crashed", f"{self.function.job} ended with code {self.process.returncode}"
        )


class Pool:
    """The processes of one function: warm ones first, a new one when all are busy."""

    def __init__(
        self,
        function: Function,
        environment: dict[str, str],
        logs: Path,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.function = function
        self._environment = environment
        self._log = logs / f"{function.job}.log"
        self._changed = changed
        self._lock = threading.Lock()
        self._idle: list[Runtime] = []
        self._busy: list[Runtime] = []
        self._is_closed = False

    def warm(self) -> None:
        """Have one process ready.

        Raises:
            InvocationFailed: the handler cannot be imported.
        """
        with self._lock:
            if self._idle:
                return
        self._give_back(self._take())

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return what the function returns for an event.

        Raises:
            InvocationFailed: it gave no result.
        """
        runtime = self._take()
        try:
            return runtime.invoke(event)
        finally:
            self._give_back(runtime)

    def trim(self, idle_seconds: float, keep: int) -> None:
        """End processes that were idle for so long, beyond those to keep."""
        now = time.monotonic()
        with self._lock:
            spare = [r for r in self._idle if now - r.last_used > idle_seconds]
            spare = spare[: max(0, len(self._idle) - keep)]
            for runtime in spare:
                self._idle.remove(runtime)
        for runtime in spare:
            runtime.end()
        if spare:
            self._changed()

    def close(self) -> None:
        """End every process, busy or not."""
        with self._lock:
            self._is_closed = True
            runtimes = [*self._idle, *self._busy]
            self._idle.clear()
        for runtime in runtimes:
            runtime.end()

    def pids(self) -> list[int]:
        """Return the pids of the processes that are alive."""
        with self._lock:
            return [r.process.pid for r in [*self._idle, *self._busy] if r.is_alive]

    def _take(self) -> Runtime:
        with self._lock:
            while self._idle:
                runtime = self._idle.pop()
                if runtime.is_alive:
                    self._busy.append(runtime)
                    return runtime
                runtime.end()
        runtime = Runtime(self.function, self._environment, self._log)
        with self._lock:
            self._busy.append(runtime)
        self._changed()
        return runtime

    def _give_back(self, runtime: Runtime) -> None:
        with self._lock:
            self._busy.remove(runtime)
            if runtime.is_alive and not self._is_closed:
                self._idle.append(runtime)
                return
        runtime.end()
        self._changed()

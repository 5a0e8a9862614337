"""Start a program that is not ours so that it ends with its parent, as another user if need be.

Runs as `python -I launch.py SIGNAL UID GID PROGRAM…`: asks the kernel to send SIGNAL when the
parent dies (Linux), raises the limit of open files, drops root and becomes the program. Our own
Python processes call `end_with_parent()` themselves.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_OPEN_FILES = 65_536


def end_with_parent(death_signal: int = signal.SIGKILL) -> None:
    """End this process when the one that started it is gone."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:
            os._exit(1)
        return
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def command(
    program: list[str], death_signal: signal.Signals, uid: int | None, gid: int | None
) -> list[str]:
    """Return the command line that starts a program through this file."""
    account = ["-" if number is None else str(number) for number in (uid, gid)]
    return [sys.executable, "-I", __file__, str(int(death_signal)), *account, *program]


def main() -> None:
    death_signal, uid, gid, *program = sys.argv[1:]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    # After the change of user, which clears it.
    if sys.platform == "linux":
        end_with_parent(int(death_signal))
    os.execv(program[0], program)


if __name__ == "__main__":
    main()

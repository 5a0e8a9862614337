"""What a person sees of the local cloud: the table of processes, addresses, and its end."""

from __future__ import annotations

import contextlib
import signal
import time
import urllib.error
import urllib.request
from typing import Any

import psutil
from places import Place, read_json
from ports import HOST, Ports
from supervisor import StartFailed, end_leftovers, recorded, supervisor_of

_HEALTHY_SECONDS = 60.0
_PASSWORD = "Rollcall-Demo-2026"


def show(place: Place) -> int:
    """Print each process with its pid, port and state; 1 unless all are running."""
    supervisor = supervisor_of(place.status_file)
    facts = read_json(place.status_file)
    rows = [("supervisor", supervisor.pid if supervisor else None, None, _word(supervisor))]
    complete = supervisor is not None
    for entry, process in recorded(place.status_file):
        state = entry["state"] if process else "stopped"
        complete = complete and state == "running"
        rows.append((entry["name"], process.pid if process else None, entry["port"], state))
    if supervisor and not facts.get("emulator_is_ours", True):
        rows.append(("emulator", None, facts["ports"]["aws_endpoint"], "external"))
    rows.extend(_runtimes(place))
    print(f"{'NAME':<22} {'PID':>8} {'PORT':>6}  STATE")
    for name, pid, port, state in rows:
        print(f"{name:<22} {pid or '-':>8} {port or '-':>6}  {state}")
    return 0 if complete else 1


def _runtimes(place: Place) -> list[tuple[str, int | None, int | None, str]]:
    """Return the function processes that the workers keep warm."""
    rows = []
    for entry in read_json(place.state / "runtimes.json").get("runtimes", []):
        if psutil.pid_exists(entry["pid"]):
            rows.append((f"  {entry['job']}", entry["pid"], None, "running"))
    return rows


def _word(process: psutil.Process | None) -> str:
    return "running" if process else "stopped"


def wait_until_up(place: Place, timeout_seconds: float) -> None:
    """Wait until a local cloud that another command starts is healthy.

    Raises:
        StartFailed: it is not in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while supervisor_of(place.status_file) is None:
        if time.monotonic() > deadline:
            raise StartFailed(f"what holds {place.lock_file} does not start")
        time.sleep(0.1)
    facts = read_json(place.status_file)
    wait_until_healthy(facts["ports"]["web"], deadline - time.monotonic())


def wait_until_healthy(port: int, timeout_seconds: float = _HEALTHY_SECONDS) -> None:
    """Wait until /health says that everything works.

    Raises:
        StartFailed: it does not in time; the text holds its last answer.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        code, answer = _health(port)
        if code == 200:
            return
        if time.monotonic() > deadline:
            raise StartFailed(f"not healthy after {timeout_seconds:.0f} s: {code} {answer}")
        time.sleep(0.1)


def _health(port: int) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=10) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.read(500).decode(errors="replace")
    except (OSError, ValueError) as error:
        return 0, str(error)


def welcome(place: Place, ports: Ports) -> str:
    """Return the addresses and the demo logins."""
    return (
        f"  web and API   http://{HOST}:{ports.web}\n"
        f"  API reference http://{HOST}:{ports.web}/docs\n"
        f"  mails         http://{HOST}:{ports.web}/_local/mail\n"
        f"  AWS endpoint  {ports.aws_endpoint}\n"
        f"  pooler        {HOST}:{ports.pooler}, Postgres {HOST}:{ports.postgres} "
        f"(passwords in {place.env_file})\n\n"
        f"  demo logins (password {_PASSWORD}): amara manager, rosa registrar,\n"
        f"  ben and tilda teachers, chloe and dai students\n"
    )


def running_line(place: Place) -> str:
    """Return one line, or the addresses, for a local cloud that is up."""
    facts: dict[str, Any] = read_json(place.status_file)
    supervisor = facts.get("supervisor", {}).get("pid", "?")
    if "ports" not in facts:
        return f"the local cloud is starting (pid {supervisor})"
    ports = Ports(**facts["ports"])
    line = f"the local cloud is running (pid {supervisor}); `make stop` ends it"
    return f"{line}\n\n{welcome(place, ports)}"


def end(place: Place, timeout_seconds: float) -> bool:
    """End a local cloud and whatever it left behind; say whether there was one."""
    supervisor = supervisor_of(place.status_file)
    children: list[psutil.Process] = []
    if supervisor is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            children = supervisor.children(recursive=True)
            supervisor.send_signal(signal.SIGTERM)
            psutil.wait_procs([supervisor], timeout_seconds)
            if supervisor.is_running():
                supervisor.kill()
    left = end_leftovers(place.status_file)
    _, alive = psutil.wait_procs(children, 3)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, 3)
    return supervisor is not None or bool(left)

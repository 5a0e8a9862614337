"""Set this checkout up: virtual environment, Python packages, web app, the tools of the system.

Runs on the system's own Python, before anything is installed, so it uses the standard library
only. What is up to date by its stamp is left alone. `--tests` adds what only tests need.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
WEB = CHECKOUT / "web"
LOG = CHECKOUT / ".local" / "logs" / "setup.log"
LEAST_PYTHON = (3, 11)
LEAST_NODE = 20
_HEARTBEAT_SECONDS = 10
_SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


class SetupFailed(Exception):
    """Something is missing; the text is the one line that says what to do."""


def main() -> int:
    for_tests = "--tests" in sys.argv[1:]
    try:
        use_new_enough_python()
        LOG.parent.mkdir(parents=True, exist_ok=True)
        make_environment()
        install_pooler()
        build_web()
        if for_tests:
            install_browser()
            unpack_promtool()
            unpack_faketime()
    except SetupFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def use_new_enough_python() -> None:
    """Go on with a Python that is new enough, if this one is not."""
    if sys.version_info >= LEAST_PYTHON:
        return
    for minor in (14, 13, 12, 11):
        found = shutil.which(f"python3.{minor}")
        if found:
            os.execv(found, [found, *sys.argv])
    raise SetupFailed(
        f"Python {LEAST_PYTHON[0]}.{LEAST_PYTHON[1]} or newer is needed; {sys.executable} is "
        f"{sys.version.split()[0]}. Install one, or name it: `make PYTHON=/path/to/python3 …`."
    )


def make_environment() -> None:
    """Make .venv with the packages of requirements.txt, each checked by its hash."""
    requirements = CHECKOUT / "requirements.txt"
    stamp = VENV / "installed"
    wanted = _hash_of([requirements], f"{sys.version_info[:2]}")
    if _text_of(stamp) == wanted and (VENV / "bin" / "python").exists():
        return
    if not (VENV / "bin" / "pip").exists():
        _make_venv()
    count = len(re.findall(r"^[A-Za-z0-9][^ ]*==", requirements.read_text(), re.MULTILINE))
    _step(
        f"installing {count} Python packages",
        [
            *(str(VENV / "bin" / "python"), "-m", "pip", "install", "--progress-bar", "off"),
            *("--disable-pip-version-check", "--require-hashes", "-r", str(requirements)),
        ],
    )
    stamp.write_text(wanted)


def _make_venv() -> None:
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    _say("making .venv")
    if _run(command) == 0:
        return
    if shutil.which("apt-get") is None:
        raise SetupFailed(f"`{' '.join(command)}` failed; see {LOG}.")
    # Debian and Ubuntu ship Python without what makes virtual environments.
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    _apt([f"python{version}-venv"], "Python's venv module")
    if _run(command) != 0:
        raise SetupFailed(f"`{' '.join(command)}` failed; see {LOG}.")


def install_pooler() -> None:
    """Install PgBouncer by the system's package manager, if it is not there."""
    if shutil.which("pgbouncer", path=_SYSTEM_PATH):
        return
    if shutil.which("apt-get"):
        _apt(["pgbouncer"], "PgBouncer", service="pgbouncer")
    elif shutil.which("brew"):
        _step("installing PgBouncer", ["brew", "install", "pgbouncer"])
    if not shutil.which("pgbouncer", path=_SYSTEM_PATH):
        raise SetupFailed("PgBouncer is missing: install the package `pgbouncer` of your system.")


def build_web() -> None:
    """Install the packages of the web app and build it."""
    lock = WEB / "package-lock.json"
    if not lock.exists():
        return
    _check_node()
    installed = WEB / "node_modules" / ".installed"
    wanted = _hash_of([lock])
    if _text_of(installed) != wanted:
        _step("installing the packages of the web app", _npm("ci", "--no-audit", "--no-fund"), WEB)
        installed.write_text(wanted)
    built = WEB / "node_modules" / ".built"
    sources = [p for p in WEB.iterdir() if p.is_file() and not p.name.startswith(".")]
    for folder in ("src", "public"):
        sources += [p for p in (WEB / folder).rglob("*") if p.is_file()]
    wanted = _hash_of(sorted(sources))
    if _text_of(built) != wanted or not (WEB / "dist" / "index.html").exists():
        _step("building the web app", _npm("run", "build"), WEB)
        built.write_text(wanted)


def _check_node() -> None:
    node = shutil.which("node")
    version = (
        ""
        if node is None
        else subprocess.run(
            [node, "--version"], stdout=subprocess.PIPE, check=False
        ).stdout.decode()
    )
    found = re.match(r"v(\d+)", version)
    if found is None or int(found.group(1)) < LEAST_NODE or shutil.which("npm") is None:
        what = f"found {version.strip()}" if version else "found none"
        raise SetupFailed(f"Node {LEAST_NODE} or newer with npm is needed; {what}.")


def _npm(*arguments: str) -> list[str]:
    return [shutil.which("npm") or "npm", *arguments]


def install_browser() -> None:
    """Install what the browser tests drive, where the system's package manager has it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    if os.environ.get("CHROMIUM") or any(shutil.which(name) for name in names):
        return
    if shutil.which("apt-get"):
        _apt(["chromium", "fonts-noto-cjk"], "Chromium for the browser tests")
    else:
        raise SetupFailed("Chromium is missing: install it, or name it in the variable CHROMIUM.")


def unpack_promtool() -> None:
    """Put promtool, which tests the alarms, into .venv; where that fails, their test is skipped.

    Not by installing its package: that starts a server.
    """
    if not shutil.which("promtool"):
        _unpack("prometheus", "usr/bin/promtool", VENV / "bin")


def unpack_faketime() -> None:
    """Put libfaketime, which drills of wrong clocks need, into .venv; where that fails, they are
    skipped.
    """
    _unpack("libfaketime", "usr/lib/*/faketime/libfaketimeMT.so.1", VENV / "lib")


def _unpack(package: str, pattern: str, target: Path) -> None:
    """Copy one file of a package of the system's into a folder, if it is not there."""
    name = pattern.rpartition("/")[2]
    if (target / name).exists() or shutil.which("apt-get") is None:
        return
    _say(f"unpacking {name}")
    with tempfile.TemporaryDirectory() as folder:
        if _run(["apt-get", "download", package], Path(folder)) == 0:
            for archive in Path(folder).glob("*.deb"):
                _run(["dpkg-deb", "--extract", str(archive), folder], Path(folder))
        for unpacked in Path(folder).glob(pattern):
            shutil.copy(unpacked, target)


def _apt(packages: list[str], what: str, service: str | None = None) -> None:
    """Install packages; a daemon among them is not started."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    by_hand = f"`sudo apt-get install {' '.join(packages)}`"
    if (
        sudo
        and subprocess.run(
            [*sudo, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        ).returncode
    ):
        raise SetupFailed(f"{what} is missing, and sudo wants a password: run {by_hand}.")
    environment = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    _say(f"installing {what}")
    if _run([*sudo, *environment, *install]) != 0:
        _run([*sudo, *environment, "apt-get", "update"])
        if _run([*sudo, *environment, *install]) != 0:
            raise SetupFailed(f"{what} could not be installed: run {by_hand}; see {LOG}.")
    if service is not None:
        # Debian starts it at once, on the very port that ours takes.
        for command in (["systemctl", "disable", "--now", service], ["service", service, "stop"]):
            if shutil.which(command[0], path=_SYSTEM_PATH):
                _run([*sudo, *command])


def _step(what: str, command: list[str], directory: Path = CHECKOUT) -> None:
    _say(what)
    began = time.monotonic()
    code = _run(command, directory)
    if code != 0:
        last = LOG.read_text(errors="replace").splitlines()[-15:]
        shown = "\n".join(f"    {line}" for line in last)
        raise SetupFailed(f"{what} failed with code {code}; the end of {LOG}:\n{shown}")
    _say(f"  done in {time.monotonic() - began:.0f} s")


def _run(command: list[str], directory: Path = CHECKOUT) -> int:
    """Run a command with its output in the log; say now and then that it still runs."""
    with LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(command)}\n".encode())
        log.flush()
        process = subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        began = time.monotonic()
        while True:
            try:
                return process.wait(_HEARTBEAT_SECONDS)
            except subprocess.TimeoutExpired:
                _say(f"  … {time.monotonic() - began:.0f} s")


def _hash_of(paths: list[Path], *more: str) -> str:
    digest = hashlib.sha256("\0".join(more).encode())
    for path in paths:
        digest.update(f"{path.relative_to(CHECKOUT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())

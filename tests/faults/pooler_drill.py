"""A PgBouncer of the drill's own, to be killed and starved without harm to anybody else."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit


class DrillPooler:
    """PgBouncer in transaction mode in front of the tests' Postgres, or of a port without one."""

    def __init__(self, *, postgres_port: int | None = None, **limits: int) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="pooler-drill-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        postgres, application = (urlsplit(os.environ[n]) for n in ("DATABASE_URL", "POOLER_URL"))
        database = postgres.path.lstrip("/")
        limits = {"query_wait_timeout": 2, "server_login_retry": 1} | limits
        (self._directory / "users.txt").write_text(
            f'"{application.username}" "{application.password}"\n'
        )
        (self._directory / "pgbouncer.ini").write_text(
            f"[databases]\n{database} = host={postgres.hostname} "
            f"port={postgres_port or postgres.port} dbname={database}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\n"
            f"unix_socket_dir =\nauth_type = scram-sha-256\npool_mode = transaction\n"
            f"auth_file = {self._directory / 'users.txt'}\n"
            + ("user = nobody\n" if os.geteuid() == 0 else "")
            + "".join(f"{name} = {value}\n" for name, value in limits.items())
        )
        for path in (self._directory, *self._directory.iterdir()):
            path.chmod(0o755)

    def start(self) -> DrillPooler:
        """Start, and wait until the port is open."""
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
        program = shutil.which("pgbouncer", path=path)
        assert program is not None, "pgbouncer is not installed"
        self._process = subprocess.Popen(
            [program, str(self._directory / "pgbouncer.ini")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            time.sleep(0.02)
        else:
            raise TimeoutError("pgbouncer did not open its port")
        # It counts the probe as a client until it has seen it go.
        time.sleep(0.1)
        return self

    def kill(self) -> None:
        """Kill it without notice."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Kill it and remove its files."""
        self.kill()
        shutil.rmtree(self._directory)


def free_port() -> int:
    """Return a port of the loopback on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])

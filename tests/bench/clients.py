"""A thousand clients at once: through the pooler all are served, on few connections of the server;
straight to the server most are turned away.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pg8000
from pg8000.native import Connection

from tests.bench.stack import Stack

CLIENTS = 1_000
SERVERS = 30

_QUESTIONS = 5
_CONNECT_SECONDS = 30
_STACK_BYTES = 256 * 1024


class _Crowd:
    """Clients that connect, wait for each other, and then ask all at once."""

    def __init__(self, size: int, url: SplitResult, login: SplitResult) -> None:
        self.size = size
        self._url = url
        self._login = login
        self._tried = threading.Barrier(size + 1)
        self._lock = threading.Lock()
        self.connected = 0
        self.answers = 0
        self.servers: set[int] = set()
        self.refusals: Counter[str] = Counter()
        self.seconds = 0.0

    def ask(self) -> _Crowd:
        """Let all of them ask, and return when the last has its answer."""
        before = threading.stack_size(_STACK_BYTES)
        clients = [threading.Thread(target=self._client) for _ in range(self.size)]
        for client in clients:
            client.start()
        threading.stack_size(before)
        self._tried.wait()
        started = time.perf_counter()
        for client in clients:
            client.join()
        self.seconds = time.perf_counter() - started
        return self

    def _client(self) -> None:
        connection = self._connect()
        self._tried.wait()
        if connection is None:
            return
        try:
            for _ in range(_QUESTIONS):
                pid = connection.run("SELECT pg_backend_pid()")[0][0]
                with self._lock:
                    self.servers.add(pid)
                    self.answers += 1
        finally:
            connection.close()

    def _connect(self) -> Connection | None:
        try:
            connection = _connect(self._url, self._login)
        except pg8000.Error as refusal:
            told = refusal.args[0]
            with self._lock:
                self.refusals[str(told["M"] if isinstance(told, dict) else told)] += 1
            return None
        with self._lock:
            self.connected += 1
        return connection


def measure(stack: Stack) -> list[dict[str, Any]]:
    """Return for each of both ways how many connected, on how many connections of the server how
    many answers came, and how the others were refused.

    The processes of the stack are clients of the pooler, too: with them there are a thousand.
    """
    pooler, console, server = (
        urlsplit(stack.addresses[name])
        for name in ("POOLER_URL", "POOLER_ADMIN_URL", "DATABASE_URL")
    )
    size = CLIENTS - _clients_of(console)
    return [
        _row("through the pooler", _Crowd(size, pooler, pooler).ask()),
        _row("straight to the server", _Crowd(size, server, pooler).ask()),
    ]


def missed(rows: list[dict[str, Any]]) -> list[str]:
    """Return what is not as a pooler is for."""
    pooled, straight = rows
    names = {
        "every client is served through the pooler": pooled["answers"]
        == pooled["clients"] * _QUESTIONS,
        f"on {SERVERS} connections at most": pooled["servers"] <= SERVERS,
        "straight to the server some are turned away": straight["connected"] < straight["clients"],
    }
    return [name for name, holds in names.items() if not holds]


def _connect(url: SplitResult, login: SplitResult) -> Connection:
    return Connection(
        str(login.username),
        password=login.password,
        host=str(url.hostname),
        port=url.port or 5432,
        database=url.path.lstrip("/"),
        timeout=_CONNECT_SECONDS,
    )


def _clients_of(console: SplitResult) -> int:
    connection = _connect(console, console)
    try:
        return len(connection.run("SHOW CLIENTS"))
    finally:
        connection.close()


def _row(name: str, crowd: _Crowd) -> dict[str, Any]:
    return {
        "name": name,
        "clients": crowd.size,
        "connected": crowd.connected,
        "servers": len(crowd.servers),
        "answers": crowd.answers,
        "seconds": crowd.seconds,
        "refusals": dict(crowd.refusals),
    }

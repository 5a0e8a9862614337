"""The ports of the local cloud: what the environment asks for, what is free, who is in the way."""

from __future__ import annotations

import os
import random
import socket
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# Below the range from which systems take the ports of outgoing connections.
_FREE_RANGE = (20_000, 32_000)


class PortError(Exception):
    """A port cannot be used; the text names it and the variable that changes it."""


@dataclass(frozen=True)
class Ports:
    """Where each part listens; `aws_endpoint` is a URL, since it may be somewhere else.

    Nobody but the emulator asks for `letterbox`: it is any free one. Where a `via` is not 0,
    Rollcall's own processes find that part by it (and PgBouncer finds Postgres): a drill has put
    something in between that makes the line slow or breaks it.
    """

    web: int
    pooler: int
    postgres: int
    aws_endpoint: str
    letterbox: int = 0
    pooler_via: int = 0
    postgres_via: int = 0
    aws_via: int = 0

    @property
    def pooler_reached(self) -> int:
        """The port by which the application reaches the pooler."""
        return self.pooler_via or self.pooler

    @property
    def postgres_reached(self) -> int:
        """The port by which the pooler reaches Postgres."""
        return self.postgres_via or self.postgres

    @property
    def endpoint_reached(self) -> str:
        """The address by which the application reaches the AWS endpoint."""
        return f"http://{HOST}:{self.aws_via}" if self.aws_via else self.aws_endpoint

    def as_dict(self) -> dict[str, Any]:
        """Return the ports for a file."""
        return asdict(self)


def wanted() -> Ports:
    """Return the ports that the environment asks for; 0 asks for any free one."""
    return Ports(
        web=_port("ROLLCALL_PORT", 8000),
        pooler=_port("POOLER_PORT", 6432),
        postgres=_port("POSTGRES_PORT", 5433),
        aws_endpoint=_endpoint(os.environ.get("AWS_ENDPOINT_URL") or "http://127.0.0.1:4566"),
        pooler_via=_port("POOLER_VIA_PORT", 0),
        postgres_via=_port("POSTGRES_VIA_PORT", 0),
        aws_via=_port("AWS_VIA_PORT", 0),
    )


def any_free() -> Ports:
    """Return free ports for a private local cloud."""
    taken: set[int] = set()
    web, pooler, postgres, aws, letterbox = (free_port(taken) for _ in range(5))
    return Ports(web, pooler, postgres, f"http://{HOST}:{aws}", letterbox)


def settled(ports: Ports) -> Ports:
    """Return the ports with a free one in place of each 0."""
    taken = {ports.web, ports.pooler, ports.postgres}
    endpoint = urlsplit(ports.aws_endpoint)
    if endpoint.port == 0:
        aws_endpoint = f"{endpoint.scheme}://{endpoint.hostname}:{free_port(taken)}"
    else:
        aws_endpoint = ports.aws_endpoint
    return replace(
        ports,
        web=ports.web or free_port(taken),
        pooler=ports.pooler or free_port(taken),
        postgres=ports.postgres or free_port(taken),
        aws_endpoint=aws_endpoint,
        letterbox=ports.letterbox or free_port(taken),
    )


def free_port(taken: set[int]) -> int:
    """Return a port that nothing listens on and add it to `taken`."""
    for _ in range(200):
        port = random.randint(*_FREE_RANGE)
        if port not in taken and is_free(port):
            taken.add(port)
            return port
    raise PortError("No free port between 20000 and 32000.")


def is_free(port: int) -> bool:
    """Say whether a port of this machine can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int, host: str = HOST) -> bool:
    """Say whether something accepts connections on a port."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def require_free(port: int, variable: str, what: str) -> None:
    """Check that a port can be listened on.

    Raises:
        PortError: something else does; the text says how to choose another.
    """
    if not is_free(port):
        raise PortError(
            f"Port {port} ({what}) is in use by another program: end that one or choose another "
            f"with {variable}, such as `{variable}={port + 1} make run`."
        )


def is_loopback(url: str) -> bool:
    """Say whether an address is on this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) > 65_535:
        raise PortError(f"{variable}={text} is not a port.")
    return int(text)


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise PortError(f"AWS_ENDPOINT_URL={url} is not an address such as http://127.0.0.1:4566.")
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{parts.hostname}:{port}"

"""Every endpoint of the API as a fact: what openapi.json, /docs and the table of roles are made of.

An endpoint enters when its blueprint's module is imported; app.py imports them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from chalicelib.accounts.rules import Role
from chalicelib.core.errors import RollcallError

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Work = Literal["lone_read", "lone_write", "transaction", "units", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path. What the members mean is said at `endpoint.endpoint`."""

    method: Method
    path: str
    name: str
    tag: str
    description: str
    roles: Sequence[Role] | None
    work: Work
    status: int
    answer: type[BaseModel] | str | None
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    path_types: Mapping[str, Any]
    accepts: Mapping[str, int]
    max_body_bytes: int
    creates: bool
    conditional: bool
    personal: bool
    errors: tuple[type[RollcallError], ...]
    other_answers: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)

    def admits(self, role: Role | None) -> bool:
        """Tell whether a caller of that role (None: anonymous) gets past the door."""
        if self.roles is None:
            return True
        return role is not None and (not self.roles or role in self.roles)


_endpoints: dict[tuple[str, str], Endpoint] = {}


def add(endpoint: Endpoint) -> None:
    """Enter an endpoint; the same method and path twice is a mistake of the programmer."""
    key = (endpoint.path, endpoint.method)
    if key in _endpoints:
        raise ValueError(f"{endpoint.method} {endpoint.path} is declared twice")
    _endpoints[key] = endpoint


def endpoints() -> list[Endpoint]:
    """Return all endpoints by path and method."""
    return [_endpoints[key] for key in sorted(_endpoints)]


def methods_of(path: str) -> list[str]:
    """Return the methods that a path knows."""
    return [method for known, method in sorted(_endpoints) if known == path]


def is_new_path(path: str) -> bool:
    """Tell whether no endpoint was declared at that path yet."""
    return not any(known == path for known, _ in _endpoints)

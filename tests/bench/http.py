"""CPU per request of the hottest reads and of a sign-in, in the front, the pooler and Postgres."""

from __future__ import annotations

import http.client
import json
import statistics
from typing import Any, NamedTuple

from tests.bench.bulk import Registrar
from tests.bench.processes import cpu_seconds
from tests.bench.stack import Stack


class _Route(NamedTuple):
    """What is asked, the most that it may cost, and what share of a round it gets."""

    method: str
    path: str
    bound_ms: float
    share: float = 1.0

    @property
    def name(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


_ROUTES = (
    _Route("GET", "/api/courses?limit=50", 0.9),
    _Route("GET", "/auth/me", 0.6),
    _Route("POST", "/auth/login", 60.0, 0.05),
)


def measure(stack: Stack, requests_a_round: int, rounds: int) -> list[dict[str, Any]]:
    """Return for each route the median over rounds of CPU milliseconds a request, by process."""
    reading = {"Authorization": f"Bearer {Registrar(stack).token}"}
    login = json.dumps({"username": "rosa", "password": stack.password})
    families = stack.families("front", "pooler", "postgres")
    shares: dict[str, list[dict[str, float]]] = {route.name: [] for route in _ROUTES}
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
    for round_number in range(rounds + 1):
        for route in _ROUTES:
            body = login if route.method == "POST" else None
            headers = {"Content-Type": "application/json"} if body else reading
            requests = round(requests_a_round * route.share)
            before = {family: cpu_seconds(root) for family, root in families.items()}
            for _ in range(requests):
                connection.request(route.method, route.path, body=body, headers=headers)
                answer = connection.getresponse()
                if answer.status != 200:
                    raise RuntimeError(f"{route.name} answered {answer.status}")
                answer.read()
            if round_number > 0:  # the first round warms up
                shares[route.name].append(
                    {
                        family: (cpu_seconds(root) - before[family]) * 1000 / requests
                        for family, root in families.items()
                    }
                )
    connection.close()
    figures = []
    for route in _ROUTES:
        rows = shares[route.name]
        medians = {f: statistics.median(r[f] for r in rows) for f in families}
        total = statistics.median(sum(r.values()) for r in rows)
        figures.append(
            {"name": route.name, "cpu_ms": total, "shares_ms": medians, "bound": route.bound_ms}
        )
    return figures

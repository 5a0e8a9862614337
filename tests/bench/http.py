"""CPU per request of the two hottest reads, in the front, the pooler and Postgres."""

from __future__ import annotations

import http.client
import statistics
from typing import Any

from tests.bench.bulk import Registrar
from tests.bench.processes import cpu_seconds
from tests.bench.stack import Stack

_ROUTES = (("GET /api/courses", "/api/courses?limit=50", 0.9), ("GET /auth/me", "/auth/me", 0.6))


def measure(stack: Stack, requests_a_round: int, rounds: int) -> list[dict[str, Any]]:
    """Return for each route the median over rounds of CPU milliseconds a request, by process."""
    headers = {"Authorization": f"Bearer {Registrar(stack).token}"}
    families = stack.families("front", "pooler", "postgres")
    shares: dict[str, list[dict[str, float]]] = {name: [] for name, _, _ in _ROUTES}
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
    for round_number in range(rounds + 1):
        for name, path, _ in _ROUTES:
            before = {family: cpu_seconds(root) for family, root in families.items()}
            for _ in range(requests_a_round):
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                if answer.status != 200:
                    raise RuntimeError(f"{path} answered {answer.status}")
                answer.read()
            if round_number > 0:  # the first round warms up
                shares[name].append(
                    {
                        family: (cpu_seconds(root) - before[family]) * 1000 / requests_a_round
                        for family, root in families.items()
                    }
                )
    connection.close()
    figures = []
    for name, _, bound in _ROUTES:
        medians = {f: statistics.median(r[f] for r in shares[name]) for f in families}
        total = statistics.median(sum(r.values()) for r in shares[name])
        figures.append({"name": name, "cpu_ms": total, "shares_ms": medians, "bound": bound})
    return figures

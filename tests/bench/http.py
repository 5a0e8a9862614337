"""CPU per request, in the front, the pooler and Postgres, and how long it holds a connection.

Of the hottest reads and of a sign-in, and of whatever else is handed in.
"""

from __future__ import annotations

import http.client
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, islice
from typing import Any, NamedTuple

import requests

from tests.bench.bulk import Registrar
from tests.bench.processes import cpu_seconds
from tests.bench.stack import Stack


class Sent(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None = None


class Asked(NamedTuple):
    """What is asked, the most that it may cost, and what share of a round it gets.

    `requests` are made anew for each round, before its clock runs, and repeated as needed.
    """

    name: str
    bound_ms: float
    requests: Callable[[], Iterable[Sent]]
    status: int = 200
    share: float = 1.0


def hottest(stack: Stack) -> list[Asked]:
    """Return the reads that every page begins with, and a sign-in."""
    reading = {"Authorization": f"Bearer {Registrar(stack).token}"}
    login = json.dumps({"username": "rosa", "password": stack.password})
    courses = Sent("GET", "/api/courses?limit=50", reading)
    me = Sent("GET", "/auth/me", reading)
    sign_in = Sent("POST", "/auth/login", {"Content-Type": "application/json"}, login)
    return [
        Asked("GET /api/courses", 0.9, lambda: [courses]),
        Asked("GET /auth/me", 0.6, lambda: [me]),
        Asked("POST /auth/login", 60.0, lambda: [sign_in], share=0.05),
    ]


def measure(
    stack: Stack, asked: Sequence[Asked], requests_a_round: int, rounds: int
) -> list[dict[str, Any]]:
    """Return for each the medians over rounds of CPU milliseconds a request, by process, and of
    those for which it holds a connection.
    """
    families = stack.families("front", "pooler", "postgres")
    shares: dict[str, list[dict[str, float]]] = {each.name: [] for each in asked}
    helds: dict[str, list[float]] = {each.name: [] for each in asked}
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
    for round_number in range(rounds + 1):
        for each in asked:
            count = round(requests_a_round * each.share)
            wanted = list(islice(cycle(each.requests()), count))
            held = _held_seconds(stack)
            before = {family: cpu_seconds(root) for family, root in families.items()}
            for sent in wanted:
                connection.request(sent.method, sent.path, body=sent.body, headers=sent.headers)
                answer = connection.getresponse()
                if answer.status != each.status:
                    raise RuntimeError(f"{each.name} answered {answer.status}")
                answer.read()
            if round_number > 0:  # the first round warms up
                shares[each.name].append(
                    {
                        family: (cpu_seconds(root) - before[family]) * 1000 / count
                        for family, root in families.items()
                    }
                )
                helds[each.name].append((_held_seconds(stack) - held) * 1000 / count)
    connection.close()
    figures = []
    for each in asked:
        rows = shares[each.name]
        medians = {f: statistics.median(r[f] for r in rows) for f in families}
        total = statistics.median(sum(r.values()) for r in rows)
        figures.append(
            {
                "name": each.name,
                "cpu_ms": total,
                "shares_ms": medians,
                "bound": each.bound_ms,
                "held_ms": statistics.median(helds[each.name]),
            }
        )
    return figures


def _held_seconds(stack: Stack) -> float:
    """Return for how long connections were held in all, as the stack counts it."""
    key = {"Authorization": f"Bearer {stack.addresses['METRICS_TOKEN']}"}
    told = requests.get(f"{stack.base_url}/metrics", headers=key, timeout=30).text
    name = "db_connection_hold_seconds_sum "
    return sum(
        float(line.removeprefix(name)) for line in told.splitlines() if line.startswith(name)
    )

"""Strangers learn nothing from the time of an answer: known and unknown accounts, a thousand tries
in a shuffled order, held against each other by a rank test (Mann and Whitney, 1947).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.core.settings import reset_settings

from .conftest import API

TRIES = 1000
SIGNIFICANCE = 0.01
# A difference that is there is found each time; one that is not, once in a million runs.
SAMPLES = 3


def rank_test(first: list[float], second: list[float]) -> float:
    """Return how probable it is that two samples of one source differ as much (two-sided)."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    rank_sum = sum(rank for rank, (_, group) in enumerate(ranked, 1) if group == 0)
    n, m = len(first), len(second)
    u = rank_sum - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def test_the_rank_test_finds_a_difference_and_none_where_there_is_none() -> None:
    source = random.Random(2026)
    same = [[source.gauss(10, 2) for _ in range(500)] for _ in range(2)]
    assert rank_test(*same) > SIGNIFICANCE
    assert rank_test(same[0], [value + 0.6 for value in same[1]]) < SIGNIFICANCE
    assert rank_test([1.0, 2.0, 3.0], [1.5, 2.5, 3.5]) == pytest.approx(0.513, abs=0.001)


Ask = Callable[[API, str, str], Any]


def login(api: API, name: str, ip: str) -> Any:
    # by name and by address in turn
    username = f"{name}@rollcall.example" if ip.endswith(("1", "3", "5", "7", "9")) else name
    return api.post("/auth/login", body={"username": username, "password": "wrong"}, ip=ip)


def forgot_password(api: API, name: str, ip: str) -> Any:
    body = {"email": f"{name}@rollcall.example"}
    return api.post("/auth/forgot-password", body=body, ip=ip)


def forgot_username(api: API, name: str, ip: str) -> Any:
    body = {"email": f"{name}@rollcall.example"}
    return api.post("/auth/forgot-username", body=body, ip=ip)


@pytest.mark.parametrize("ask", [login, forgot_password, forgot_username])
def test_known_and_unknown_accounts_take_the_same_time_and_get_the_same_text(
    api: API, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    for name in ("LOGIN_FAILURES_PER_ACCOUNT", "MAILS_PER_ACCOUNT"):
        monkeypatch.setenv(name, str(TRIES))
    reset_settings()
    for name in ("chloe", "nobody"):
        ask(api, name, "10.0.0.1")

    found = []
    for sample in range(SAMPLES):
        probability = _sample(api, ask, sample)
        if probability > SIGNIFICANCE:
            return
        found.append(probability)
    pytest.fail(f"known and unknown accounts differ: p = {found}")


def _sample(api: API, ask: Ask, sample: int) -> float:
    names = ["chloe", "nobody"] * (TRIES // 2)
    random.Random(sample).shuffle(names)
    seconds: dict[str, list[float]] = {"chloe": [], "nobody": []}
    texts = set()
    for n, name in enumerate(names):
        ip = f"10.{sample + 1}.{n // 250}.{n % 250}"
        started = time.perf_counter()
        answer = ask(api, name, ip)
        seconds[name].append(time.perf_counter() - started)
        assert answer.status in (401, 202)
        texts.add((answer.status, str(answer.json | {"request_id": ""})))
    assert len(texts) == 1
    return rank_test(seconds["chloe"], seconds["nobody"])

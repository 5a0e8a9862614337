"""CPU per statement in Python, the pooler and Postgres: stock pg8000 beside one flight.

All go through the same pooler, in turns within each round, so that what disturbs one disturbs all.
Run alone: `python -m tests.bench.flight POOLER_URL POOLER_PORT POSTGRES_PORT`.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psutil
from sqlalchemy import Engine, create_engine, text

from chalicelib.core import database
from chalicelib.core.settings import reset_settings
from tests.bench.processes import cpu_seconds, listener

_FIELDS = "id, code, title, description, credits, updated_at"
_ONE_ROW = text(f"SELECT {_FIELDS} FROM courses WHERE lower(code) = :code")
_ROWS = text(f"SELECT {_FIELDS} FROM courses WHERE lower(code) LIKE :prefix ORDER BY code LIMIT 50")
_JSON = text(
    "SELECT coalesce(json_agg(c)::text, '[]') FROM (SELECT id, code, title, description, credits, "
    "updated_at FROM courses WHERE lower(code) LIKE :prefix ORDER BY code LIMIT 50) c"
)
_PREFIX = "flight-bench-"


def measure(
    pooler_url: str, *, pooler: int, postgres: int, rounds: int = 5, calls: int = 1000
) -> list[dict[str, Any]]:
    """Return for each way to ask the CPU milliseconds a call, median over rounds, and its shares.

    `pooler` and `postgres` are pids, of the eldest process each. Rows are
    `{"name", "cpu_ms", "shares_ms": {"python", "pooler", "postgres"}}`.
    """
    families = {"pooler": psutil.Process(pooler), "postgres": psutil.Process(postgres)}
    with _engines(pooler_url) as stock, _courses():
        cases = _cases(stock)
        spent: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
        for round_number in range(rounds + 1):
            for name, call in cases.items():
                before = _cpu_seconds(families)
                for _ in range(calls):
                    call()
                after = _cpu_seconds(families)
                if round_number > 0:  # the first round warms up
                    spent[name].append({f: (after[f] - before[f]) * 1000 / calls for f in after})
    return [
        {
            "name": name,
            "cpu_ms": statistics.median(sum(shares.values()) for shares in each),
            "shares_ms": {f: statistics.median(s[f] for s in each) for f in each[0]},
        }
        for name, each in spent.items()
    ]


def table(figures: list[dict[str, Any]]) -> str:
    """Return the figures as lines for a terminal; the first row is the floor of the ratios."""
    lines = [
        f"{'CPU ms a call':38}{'python':>9}{'pooler':>9}{'postgres':>10}{'sum':>8}{'ratio':>8}"
    ]
    for row in figures:
        shares = row["shares_ms"]
        lines.append(
            f"{row['name']:38}{shares['python']:9.3f}{shares['pooler']:9.3f}"
            f"{shares['postgres']:10.3f}{row['cpu_ms']:8.3f}"
            f"{row['cpu_ms'] / figures[0]['cpu_ms']:8.2f}"
        )
    return "\n".join(lines)


def _cases(stock: Engine) -> dict[str, Callable[[], object]]:
    one, many = {"code": f"{_PREFIX}25"}, {"prefix": f"{_PREFIX}%"}

    def stock_transaction(statement: Any, binds: dict[str, str]) -> None:
        with stock.begin() as connection:
            connection.execute(statement, binds).all()

    def transaction(statement: Any, binds: dict[str, str]) -> None:
        with database.transaction() as connection:
            connection.execute(statement, binds).all()

    def lone_read(statement: Any, binds: dict[str, str]) -> None:
        with database.lone_read() as connection:
            connection.execute(statement, binds).all()

    return {
        "stock pg8000, a transaction, one row": lambda: stock_transaction(_ONE_ROW, one),
        "flight, a transaction, one row": lambda: transaction(_ONE_ROW, one),
        "flight, a lone read, one row": lambda: lone_read(_ONE_ROW, one),
        "stock pg8000, a transaction, 50 rows": lambda: stock_transaction(_ROWS, many),
        "flight, a lone read, 50 rows": lambda: lone_read(_ROWS, many),
        "flight, a lone read, 50 rows as JSON": lambda: lone_read(_JSON, many),
    }


def _cpu_seconds(families: dict[str, psutil.Process]) -> dict[str, float]:
    return {"python": time.process_time()} | {
        name: cpu_seconds(root) for name, root in families.items()
    }


@contextmanager
def _engines(pooler_url: str) -> Iterator[Engine]:
    """Give stock pg8000's engine; the application's own is set up for the same pooler."""
    url = urlsplit(pooler_url)
    kept = dict(os.environ)
    os.environ.update(
        STAGE="prod",
        DB_HOST=str(url.hostname),
        DB_PORT=str(url.port),
        DB_NAME=url.path.lstrip("/"),
        DB_USER=str(url.username),
        DB_PASSWORD=str(url.password),
        DB_SSLMODE="disable",
    )
    database.close()
    reset_settings()
    stock = create_engine(
        pooler_url.replace("postgresql://", "postgresql+pg8000://", 1), pool_size=1
    )
    try:
        yield stock
    finally:
        stock.dispose()
        database.close()
        os.environ.clear()
        os.environ.update(kept)
        reset_settings()


@contextmanager
def _courses() -> Iterator[None]:
    with database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO courses (code, title, description) SELECT CAST(:prefix AS text) || g, "
                "'Course ' || g, repeat('About it. ', 10) FROM generate_series(1, 60) g"
            ),
            {"prefix": _PREFIX},
        )
    try:
        yield
    finally:
        with database.transaction() as connection:
            connection.execute(
                text("DELETE FROM courses WHERE code LIKE :prefix"), {"prefix": f"{_PREFIX}%"}
            )


if __name__ == "__main__":
    _url, _pooler_port, _postgres_port = sys.argv[1:]
    print(
        table(
            measure(
                _url,
                pooler=listener(int(_pooler_port)).pid,
                postgres=listener(int(_postgres_port)).pid,
            )
        )
    )

"""What `make bench` runs: every figure beside its floor, as a table and as JSON.

The machine is shared and noisy, so a figure is a median of rounds, and a claim is a ratio to a
floor that was measured in the same run. Bounds of CPU were set where a statement by stock pg8000
cost 0.91 ms; on a slower machine they are stretched by as much as that costs more. Exits with 1
where a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench import announcing, bulk, clients, flight, http
from tests.bench.processes import PeakMemory
from tests.bench.stack import Stack

_REPOSITORY = Path(__file__).resolve().parents[2]
_STOCK_STATEMENT_MS = 0.91
_MEMORY_BOUND_BYTES = 200 * 1024 * 1024


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds behind each median")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the catalogue")
    parser.add_argument("--students", type=int, default=100_000, help="whom a fan-out is for")
    parser.add_argument(
        "--large", type=int, default=1_000_000, help="rows and students; 0 leaves that part out"
    )
    parser.add_argument(
        "--only", choices=("bulk", "announcing", "clients"), help="leaves the others out"
    )
    options = parser.parse_args()

    figures: dict[str, Any] = {"measured_at": datetime.now(UTC).isoformat()}
    missed: list[str] = []
    with Stack() as stack:
        if options.only in (None, "clients"):
            figures["clients"] = clients.measure(stack)
            missed += _show_clients(figures["clients"])
        if options.only != "clients":
            stretch = _stretch(stack, figures)
        if options.only in (None, "bulk"):
            missed += _bulk(stack, figures, options, stretch)
        if options.only in (None, "announcing"):
            missed += _announcing(stack, figures, options, stretch)
    target = _REPOSITORY / ".local" / "bench" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, indent=2))
    print(f"\nwritten to {target.relative_to(_REPOSITORY)}")
    for name in missed:
        print(f"bound missed: {name}", file=sys.stderr)
    return 1 if missed else 0


def _stretch(stack: Stack, figures: dict[str, Any]) -> float:
    """Return how much slower than where the bounds were set this machine is now, 1 at the least."""
    pids = {name: root.pid for name, root in stack.families("pooler", "postgres").items()}
    figures["flight"] = flight.measure(stack.addresses["POOLER_URL"], **pids)
    print("\n" + flight.table(figures["flight"]))
    stock_ms: float = figures["flight"][0]["cpu_ms"]
    return max(1.0, stock_ms / _STOCK_STATEMENT_MS)


def _bulk(
    stack: Stack, figures: dict[str, Any], options: argparse.Namespace, stretch: float
) -> list[str]:
    figures["bulk"] = bulk.measure(stack, options.rows, options.rounds)
    missed = _show_ratios(figures["bulk"])
    asked = http.hottest(stack)
    figures["http"] = http.measure(stack, asked, requests_a_round=1_000, rounds=options.rounds)
    missed += _show_shares(figures["http"], stretch)
    if options.large:
        with PeakMemory(stack.families("front", "workers").values()) as memory:
            figures["large"] = bulk.measure(stack, options.large, rounds=1)
        figures["peak_bytes"] = memory.peak_bytes
        missed += _show_ratios(figures["large"]) + _show_memory(memory.peak_bytes)
    return missed


def _announcing(
    stack: Stack, figures: dict[str, Any], options: argparse.Namespace, stretch: float
) -> list[str]:
    rows = [announcing.measure(stack, options.students, options.rounds)]
    if options.large:
        with PeakMemory(stack.families("front", "workers").values()) as memory:
            rows.append(announcing.measure(stack, options.large, rounds=1))
        rows.append(announcing.compared(*rows))
    figures["announcing"] = rows
    missed = _show_ratios(rows) + _show_bounds(announcing.bounded(rows))
    if options.large:
        figures["announcing_peak_bytes"] = memory.peak_bytes
        missed += _show_memory(memory.peak_bytes)
    asked = http.hottest(stack)[1:2] + announcing.reading(stack)
    figures["reading"] = http.measure(stack, asked, requests_a_round=1_000, rounds=options.rounds)
    missed += _show_shares(figures["reading"], stretch)
    figures["meanwhile"] = announcing.meanwhile(stack)
    return missed + _show_bounds(figures["meanwhile"])


def _show_clients(rows: list[dict[str, Any]]) -> list[str]:
    print(f"\n{'clients at once':24}{'connected':>11}{'servers':>9}{'answers':>9}{'seconds':>9}")
    for row in rows:
        print(
            f"{row['name']:24}{row['connected']:6} of {row['clients']:<4}{row['servers']:6}"
            f"{row['answers']:9}{row['seconds']:9.2f}"
        )
        for message, times in row["refusals"].items():
            print(f"  {times} × {message}")
    return clients.missed(rows)


def _show_bounds(rows: list[dict[str, Any]]) -> list[str]:
    print(f"\n{'seconds':58}{'ours':>8}{'bound':>8}")
    for row in rows:
        print(f"{row['name']:58}{row['seconds']:8.3f}{row['bound']:8.2f}")
    return [row["name"] for row in rows if row["seconds"] > row["bound"]]


def _show_ratios(rows: list[dict[str, Any]]) -> list[str]:
    print(f"\n{'seconds':38}{'ours':>9}{'psql':>9}{'ratio':>8}{'bound':>8}")
    for row in rows:
        print(
            f"{row['name']:38}{row['seconds']:9.2f}{row['floor_seconds']:9.2f}"
            f"{row['ratio']:8.2f}{row['bound']:8.1f}"
        )
    return [row["name"] for row in rows if row["ratio"] > row["bound"]]


def _show_shares(rows: list[dict[str, Any]], stretch: float) -> list[str]:
    print(
        f"\n{'CPU ms a request':34}{'front':>9}{'pooler':>9}{'postgres':>10}{'sum':>8}{'bound':>8}"
        f"{f'× {stretch:.2f}':>8}{'ms held':>9}"
    )
    for row in rows:
        shares = row["shares_ms"]
        print(
            f"{row['name']:34}{shares['front']:9.3f}{shares['pooler']:9.3f}"
            f"{shares['postgres']:10.3f}{row['cpu_ms']:8.3f}{row['bound']:8.1f}"
            f"{row['bound'] * stretch:8.2f}{row['held_ms']:9.3f}"
        )
    return [row["name"] for row in rows if row["cpu_ms"] > row["bound"] * stretch]


def _show_memory(peaks: dict[str, int]) -> list[str]:
    print(f"\n{'peak memory of our processes':58}{'MB':>8}{'bound':>8}")
    for name, size in sorted(peaks.items(), key=lambda item: -item[1]):
        print(f"{name[-58:]:58}{size / 1024 / 1024:8.0f}{_MEMORY_BOUND_BYTES / 1024 / 1024:8.0f}")
    return [name for name, size in peaks.items() if size > _MEMORY_BOUND_BYTES]


if __name__ == "__main__":
    sys.exit(main())

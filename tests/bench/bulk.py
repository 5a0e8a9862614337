"""Imports and exports of a large catalogue, beside a bare psql on the same server as the floor."""

from __future__ import annotations

import csv
import statistics
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from tests.bench.stack import Stack

_FLOOR_TABLES = """
DROP TABLE IF EXISTS bench_courses, bench_staging;
CREATE TABLE bench_courses (LIKE courses INCLUDING ALL);
CREATE TABLE bench_staging (code text, title text, description text, credits text);
"""
_FLOOR_UPSERT = """
INSERT INTO bench_courses (code, title, description, credits)
SELECT code, title, description, credits::numeric FROM bench_staging
ON CONFLICT (lower(code)) DO UPDATE
SET title = excluded.title, description = excluded.description, credits = excluded.credits,
    updated_at = now(), version = bench_courses.version + 1
"""


def write_catalogue(path: Path, rows: int, edition: int) -> None:
    """Write `rows` courses as CSV; another `edition` has other titles under the same codes."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "title", "description", "credits"])
        writer.writerows(
            (
                f"C{n:07}",
                f"课程 Course {n} v{edition}",
                f"Taught in hall {n % 97}. 学院 {n % 31}",
                "3.0",
            )
            for n in range(rows)
        )


def floor_import(stack: Stack, path: Path) -> float:
    """Return the seconds that psql takes for one \\copy and one upsert of the file."""
    stack.psql("-c", "TRUNCATE bench_staging")
    started = time.perf_counter()
    copy = f"\\copy bench_staging FROM '{path}' CSV HEADER"
    stack.psql("-c", copy, "-c", _FLOOR_UPSERT)
    return time.perf_counter() - started


def floor_export(stack: Stack, path: Path) -> float:
    """Return the seconds that psql takes for one \\copy of the courses to a file."""
    query = "SELECT code, title, description, credits FROM courses ORDER BY lower(code)"
    started = time.perf_counter()
    stack.psql("-c", f"\\copy ({query}) TO '{path}' CSV HEADER")
    return time.perf_counter() - started


class Registrar:
    """A registrar's session against the stack, or somebody else's."""

    def __init__(self, stack: Stack, username: str = "rosa") -> None:
        self.stack = stack
        self.web = requests.Session()
        answer = self.call(
            "POST", "/auth/login", json={"username": username, "password": stack.password}
        )
        self.token: str = answer["access_token"]
        self.web.headers["Authorization"] = f"Bearer {self.token}"

    def import_file(self, path: Path) -> tuple[float, dict[str, Any]]:
        """Upload and import; return seconds from upload complete to SUCCESS, and the result."""
        form = self.call("POST", "/api/imports/courses", json={"filename": path.name})
        fields = [
            item
            for name, value in form["upload"]["fields"].items()
            for item in ("-F", f"{name}={value}")
        ]
        # curl streams the file; it would cost this process a gigabyte otherwise.
        subprocess.run(
            [
                "curl",
                "-sS",
                "--fail",
                *fields,
                "-F",
                f"file=@{path};type=text/csv",
                form["upload"]["url"],
            ],
            check=True,
        )
        uploaded_at = time.time()
        task = self._finished(form["task_id"])
        ended_at = datetime.fromisoformat(task["finished_at"]).timestamp()
        return max(ended_at - uploaded_at, 0.001), task["result"]

    def export(self) -> float:
        """Return the seconds from the answer of the POST to SUCCESS."""
        started = time.time()
        task = self._finished(self.call("POST", "/api/exports/courses", json={})["task_id"])
        return datetime.fromisoformat(task["finished_at"]).timestamp() - started

    def call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        answer = self.web.request(method, self.stack.base_url + path, timeout=60, **arguments)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def _finished(self, task_id: str) -> dict[str, Any]:
        while True:
            task = self.call("GET", f"/api/tasks/{task_id}")
            if task["state"] == "SUCCESS":
                return task
            if task["state"] == "FAILURE":
                raise RuntimeError(f"the task failed: {task['error']}")
            # Rare enough to cost the import next to nothing.
            time.sleep(0.2)


def measure(stack: Stack, rows: int, rounds: int) -> list[dict[str, Any]]:
    """Return one row of figures for each of: all created, all updated, all unchanged, exported."""
    registrar = Registrar(stack)
    first, second = (stack.scratch / f"catalogue-{rows}-{edition}.csv" for edition in (1, 2))
    write_catalogue(first, rows, edition=1)
    write_catalogue(second, rows, edition=2)
    seconds: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        seconds.setdefault(name, []).append(value)

    for _ in range(rounds):
        stack.psql("-c", _FLOOR_TABLES, "-c", "TRUNCATE courses CASCADE")
        for outcome, path in (("created", first), ("updated", second)):
            note(f"floor {outcome}", floor_import(stack, path))
            took, result = registrar.import_file(path)
            if result[outcome] != rows:
                raise RuntimeError(f"expected {rows} {outcome}, got {result}")
            note(outcome, took)
        took, result = registrar.import_file(second)
        if result["unchanged"] != rows:
            raise RuntimeError(f"expected {rows} unchanged, got {result}")
        note("unchanged", took)
        note("floor export", floor_export(stack, stack.scratch / "floor.csv"))
        note("export", registrar.export())
    stack.psql("-c", "DROP TABLE bench_courses, bench_staging")

    medians = {name: statistics.median(values) for name, values in seconds.items()}
    floors = {
        "created": ("created", 2.0),
        "updated": ("updated", 2.0),
        "unchanged": ("updated", 2.0),
        "export": ("export", 4.0),
    }
    return [
        {
            "name": f"{'' if outcome == 'export' else 'import, all '}{outcome}, {rows:,} rows",
            "seconds": medians[outcome],
            "floor_seconds": medians[f"floor {floor}"],
            "ratio": medians[outcome] / medians[f"floor {floor}"],
            "bound": bound,
        }
        for outcome, (floor, bound) in floors.items()
    ]

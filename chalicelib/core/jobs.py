"""What functions did: how often, how it ended, how long it took.

Of a queue's function each message counts, of a schedule's each run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from time import perf_counter
from typing import Any, TypeVar

from chalicelib.core import figures

_JOBS = figures.Counter(
    "jobs_total",
    "Messages and runs of functions by how they ended.",
    ("function", "state"),
    dimensions=("state",),
)
_SECONDS = figures.Histogram(
    "job_duration_seconds", "Messages and runs of functions.", ("function",)
)

T = TypeVar("T")


@contextmanager
def counted(function: str) -> Iterator[None]:
    """Count what runs inside: a failure where it raises, a success else."""
    started = perf_counter()
    state = "failure"
    try:
        yield
        state = "success"
    finally:
        _JOBS.add((function, state))
        _SECONDS.observe(perf_counter() - started, (function,))


def function_of(part: Callable[..., Any]) -> str:
    """Return the name of the function that something of its handler's module belongs to."""
    return part.__module__.removesuffix(".handler").rpartition(".")[2]


def scheduled(handler: Callable[[dict[str, Any], Any], T]) -> Callable[[dict[str, Any], Any], T]:
    """Make a handler the edge of a function that a clock starts."""
    function = function_of(handler)

    @wraps(handler)
    def edge(event: dict[str, Any], context: Any) -> T:
        try:
            with counted(function):
                return handler(event, context)
        finally:
            figures.flush(function)

    return edge

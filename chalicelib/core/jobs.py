"""What functions did: how often, how it ended, how long it took.

Of a queue's function each message counts, of a schedule's each run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from time import perf_counter
from typing import Any, Literal, NamedTuple, TypeVar

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


class Ending(NamedTuple):
    """How a message or a run ended; `cause` is the class of the exception."""

    function: str
    state: Literal["success", "failure"]
    seconds: float
    cause: str | None = None
    message_id: str | None = None


_record: Callable[[Ending], object] | None = None


def set_recorder(record: Callable[[Ending], object]) -> None:
    """Tell `record` of each end, when the work and its transactions are over."""
    global _record
    _record = record


@contextmanager
def counted(function: str, message_id: str | None = None) -> Iterator[None]:
    """Count what runs inside: a failure where it raises, a success else."""
    started = perf_counter()
    try:
        yield
    except BaseException as failure:
        _end(
            Ending(
                function, "failure", perf_counter() - started, type(failure).__name__, message_id
            )
        )
        raise
    _end(Ending(function, "success", perf_counter() - started, None, message_id))


def _end(ending: Ending) -> None:
    _JOBS.add((ending.function, ending.state))
    _SECONDS.observe(ending.seconds, (ending.function,))
    if _record is not None:
        _record(ending)


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

"""The figures that an operator looks at first, side by side."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.core import database
from chalicelib.operations import pooler, queues
from chalicelib.operations.asking import ask_all
from chalicelib.operations.schemas import OperationsHealthOut, ProcessFigures

# More than each of them takes by itself.
_PATIENCE_SECONDS = 5.0


def get_overview() -> OperationsHealthOut:
    """Return the figures of this process, of the pooler and of the queues."""
    looks: dict[str, Callable[[], object]] = {
        "pooler": pooler.get_figures,
        "queues": queues.get_figures,
    }
    found = {"pooler": pooler.unknown("away"), "queues": []} | ask_all(looks, _PATIENCE_SECONDS)
    return OperationsHealthOut.model_validate({"process": get_process(), **found})


def get_process() -> ProcessFigures:
    """Return how the pool of this process is used."""
    return ProcessFigures.model_validate(database.pool_use()._asdict())

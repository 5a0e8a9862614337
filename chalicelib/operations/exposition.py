"""Every figure in Prometheus's text format: what processes counted, and what is looked up just now.

Where processes share a folder, the one that answers adds up all of them; a gauge counts as long as
its process lives. Elsewhere it tells of itself alone.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.core import database, figures
from chalicelib.core.emf import Labels
from chalicelib.core.figures import Figure, Reading
from chalicelib.core.settings import get_settings
from chalicelib.operations import pooler, queues
from chalicelib.operations.asking import ask_all
from chalicelib.outbox import service as outbox

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PATIENCE_SECONDS = 5.0
# Files that dead processes may leave, of 64 KB each.
_PILE = 50
_DEAD_LETTERS = Reading("dlq_depth", "Dead letters of a queue.", ("queue",))
_DEPTH = Reading("queue_depth", "Messages that wait in a queue.", ("queue",))
_AGE = Reading("queue_oldest_age_seconds", "How long a queue's oldest message waits.", ("queue",))
_POOLER = {
    "clients_active": Reading("pooler_clients_active", "Clients with a server, or without need."),
    "clients_waiting": Reading("pooler_clients_waiting", "Clients that wait for a server."),
    "servers_used": Reading("pooler_servers_used", "Server connections that clients have."),
    "servers_idle": Reading("pooler_servers_idle", "Server connections that are free."),
    "servers_max": Reading("pooler_servers_max", "Server connections that there may be."),
    "longest_wait_seconds": Reading("pooler_longest_wait_seconds", "The longest wait just now."),
    "pinned": Reading("pooler_pinned", "Clients that keep their server."),
}

_Found = Mapping[Reading, Mapping[Labels, float]]
_Value = tuple[Reading, Labels, float | None]


def metrics_text() -> str:
    """Return the text that GET /metrics answers with."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    registry.register(_LookedUp(_look_up()))
    folder = get_settings().prometheus_multiproc_dir
    if not folder:
        registry.register(_Own())
        return generate_latest(registry).decode()
    with _alone_in(Path(folder)):
        _bury_dead(Path(folder))
        MultiProcessCollector(registry, path=folder)
        return generate_latest(registry).decode()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep others from reading while files are put together."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Own:
    """What this process counted."""

    def collect(self) -> Iterator[Metric]:
        for figure in figures.all_figures():
            if samples := figure.samples():
                yield _family(figure, samples)


class _LookedUp:
    """What was looked up just now."""

    def __init__(self, found: _Found) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        for reading, values in self._found.items():
            samples = [
                figures.Sample(reading.name, dict(zip(reading.label_names, labels, strict=True)), n)
                for labels, n in values.items()
            ]
            yield _family(reading, samples)


def _family(figure: Figure, samples: Iterable[figures.Sample]) -> Metric:
    from prometheus_client.metrics_core import Metric

    family = Metric(figure.name.removesuffix("_total"), figure.help_text, figure.kind)
    below = 0.0
    for sample in samples:
        number = sample.number
        if "le" in sample.labels:
            # A bucket counts what is in those below it too, and the last one is the count.
            number = below = below + number
        elif figure.kind == "histogram":
            family.add_sample(f"{figure.name}_count", dict(sample.labels), below)
            below = 0.0
        family.add_sample(sample.name, dict(sample.labels), number)
    return family


def _bury_dead(folder: Path) -> None:
    """Forget what dead processes had open, and add up what they counted before it piles up."""
    from prometheus_client.mmap_dict import MmapedDict

    for gauges in folder.glob("gauge_live*.db"):
        if _is_dead(gauges):
            gauges.unlink()
    for kind in ("counter", "histogram"):
        left = [path for path in folder.glob(f"{kind}_*.db") if _is_dead(path)]
        if len(left) < _PILE:
            continue
        together = MmapedDict(str(folder / f"{kind}_dead.db"))
        for path in left:
            for key, number, *_ in MmapedDict.read_all_values_from_file(str(path)):
                together.write_value(key, together.read_value(key)[0] + number, 0.0)
            path.unlink()
        together.close()


def _is_dead(path: Path) -> bool:
    pid = path.stem.rpartition("_")[2]
    if not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _look_up() -> _Found:
    """Return what could be found out in time; the rest is left out."""
    looks = {"outbox": _of_outbox, "queues": _of_queues, "pooler": _of_pooler}
    found: dict[Reading, dict[Labels, float]] = {}
    for values in ask_all(looks, _PATIENCE_SECONDS).values():
        for reading, labels, value in values:
            if value is not None:
                found.setdefault(reading, {})[labels] = value
    return found


def _of_outbox() -> list[_Value]:
    with database.lone_read(hurried=True) as connection:
        return [(outbox.OLDEST_AGE, (), outbox.measure_oldest(connection))]


def _of_queues() -> list[_Value]:
    return [
        value
        for queue in queues.get_figures()
        for value in (
            (_DEPTH, (queue.name,), queue.visible),
            (_AGE, (queue.name,), queue.oldest_age_seconds),
            (_DEAD_LETTERS, (queue.name,), queue.dead_letters),
        )
    ]


def _of_pooler() -> list[_Value]:
    told = pooler.get_figures()
    return [(reading, (), getattr(told, name)) for name, reading in _POOLER.items()]

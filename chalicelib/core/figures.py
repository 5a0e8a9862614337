"""What a process counts: counters, gauges and histograms that cost a request next to nothing.

An update is a number in memory. Where PROMETHEUS_MULTIPROC_DIR names a folder it is also written to
this process's files there, as prometheus_client's multi-process mode has them, so that whoever
answers /metrics sees every process; each write is one store, past the methods of its MmapedDict,
which take ten times as long. Where METRICS_NAMESPACE names one it is noted for the next
line of CloudWatch's embedded metric format (emf.py). Both are read at the first update.

Each figure is declared once, at the top of the module that knows it. prometheus_client is not
imported for counting: that alone would add 13 ms of CPU to each cold start.
"""

from __future__ import annotations

import logging
import os
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from chalicelib.core.emf import Journal, Labels
from chalicelib.core.settings import get_settings

if TYPE_CHECKING:
    from prometheus_client.mmap_dict import MmapedDict

log = logging.getLogger(__name__)

Kind = Literal["counter", "gauge", "histogram"]

# Of requests and of connections held: from a read by its key to the 29 seconds of the gateway.
BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_lock = threading.Lock()
_figures: list[Figure] = []


class Sample(NamedTuple):
    """One number of a figure, as Prometheus's text format has it."""

    name: str
    labels: Mapping[str, str]
    number: float


class _Number:
    """A number, and its place in the memory where other processes read it."""

    __slots__ = ("number", "place", "sample", "shared")

    def __init__(
        self,
        sample: Sample,
        shared: memoryview[float] | None = None,
        place: int = 0,
        number: float = 0.0,
    ) -> None:
        self.sample = sample
        self.shared = shared
        self.place = place
        self.set(number)

    def set(self, number: float) -> None:
        self.number = number
        if self.shared is not None:
            self.shared[self.place] = number


class _Sinks:
    """Where updates go beyond memory; of a gauge only what live processes say counts, summed up."""

    _FILES: ClassVar[Mapping[Kind, str]] = {
        "counter": "counter",
        "gauge": "gauge_livesum",
        "histogram": "histogram",
    }

    def __init__(self) -> None:
        settings = get_settings()
        folder = settings.prometheus_multiproc_dir
        self._folder = Path(folder) if folder else None
        self._files: dict[Kind, MmapedDict] = {}
        self._shared: dict[Kind, memoryview[float]] = {}
        self.journal = Journal(settings.metrics_namespace) if settings.metrics_namespace else None

    def close(self) -> None:
        """Let the files go, when no number has a place in them any more; what they say stays."""
        self._shared.clear()
        for file in self._files.values():
            file.close()

    def number(self, figure: Figure, sample: Sample) -> _Number:
        """Return a new number, shared where there is a folder for it."""
        if self._folder is None:
            return _Number(sample)
        from prometheus_client.mmap_dict import MmapedDict, mmap_key

        file = self._files.get(figure.kind)
        if file is None:
            name = f"{self._FILES[figure.kind]}_{os.getpid()}.db"
            file = self._files[figure.kind] = MmapedDict(str(self._folder / name))
        names, values = list(sample.labels), list(sample.labels.values())
        family = figure.name.removesuffix("_total")
        key = mmap_key(family, sample.name, names, values, figure.help_text)
        # A process that had this pid before went so far; what it had open is open no more.
        before, _ = file.read_value(key)
        shared = self._shared.get(figure.kind)
        # A file that grows is mapped anew; numbers with a place in the old mapping go on in that.
        if shared is None or shared.obj is not file._m:
            shared = self._shared[figure.kind] = memoryview(file._m).cast("d")
        place = file._positions[key] // shared.itemsize
        return _Number(sample, shared, place, 0.0 if figure.kind == "gauge" else before)


_sinks: _Sinks | None = None


def _begun() -> _Sinks:
    global _sinks
    _sinks = _sinks or _Sinks()
    return _sinks


class Figure:
    """Something that is counted, by the values of its labels.

    A label takes few values: a route is its template, a status its number. `dimensions` are those
    labels that CloudWatch gets, where each value of each is a metric that costs; beside them it
    gets the function.
    """

    kind: ClassVar[Kind]

    def __init__(
        self, name: str, help_text: str, labels: Labels = (), *, dimensions: Labels = ()
    ) -> None:
        self.name = name
        self.help_text = help_text
        self.label_names = labels
        self.dimensions = dimensions
        self._numbers: dict[Labels, list[_Number]] = {}
        _figures.append(self)

    def samples(self) -> list[Sample]:
        """Return what this process counted so far."""
        with _lock:
            return [n.sample._replace(number=n.number) for s in self._numbers.values() for n in s]

    def show(self, labels: Labels = ()) -> None:
        """Be there at nought: what comes into being with its first count never grew for Prometheus,
        and rings no alarm.
        """
        with _lock:
            if labels not in self._numbers:
                self._start(labels)

    def forget(self) -> None:
        """Start again from nothing."""
        self._numbers = {}

    def _names(self) -> list[tuple[str, Mapping[str, str]]]:
        return [(self.name, {})]

    def _start(self, labels: Labels) -> list[_Number]:
        sinks = _begun()
        given = dict(zip(self.label_names, labels, strict=True))
        numbers = [
            sinks.number(self, Sample(name, {**given, **more}, 0.0)) for name, more in self._names()
        ]
        self._numbers[labels] = numbers
        return numbers


class Counter(Figure):
    """How often something happened; its name ends in _total."""

    kind = "counter"

    def add(self, labels: Labels = (), amount: float = 1.0) -> None:
        """Count once more, or by an amount that is not negative."""
        with _lock:
            number = (self._numbers.get(labels) or self._start(labels))[0]
            number.set(number.number + amount)
            if _sinks and _sinks.journal is not None:
                _sinks.journal.add(self, labels, amount)


class Gauge(Figure):
    """How much of something there is now; over processes it is the sum of those that live."""

    kind = "gauge"

    def add(self, amount: float, labels: Labels = ()) -> None:
        """Say that there is so much more, or less."""
        with _lock:
            number = (self._numbers.get(labels) or self._start(labels))[0]
            number.set(number.number + amount)

    def set(self, value: float, labels: Labels = ()) -> None:
        """Say how much there is."""
        with _lock:
            (self._numbers.get(labels) or self._start(labels))[0].set(value)
            if _sinks and _sinks.journal is not None:
                _sinks.journal.set(self, labels, value)


class Histogram(Figure):
    """How large something was, in buckets of seconds."""

    kind = "histogram"

    def _names(self) -> list[tuple[str, Mapping[str, str]]]:
        bounds = [*map(str, BUCKETS_SECONDS), "+Inf"]
        buckets = [(f"{self.name}_bucket", {"le": bound}) for bound in bounds]
        return [*buckets, (f"{self.name}_sum", {})]

    def observe(self, seconds: float, labels: Labels = ()) -> None:
        """Count one more that took so long."""
        with _lock:
            numbers = self._numbers.get(labels) or self._start(labels)
            bucket = numbers[bisect_left(BUCKETS_SECONDS, seconds)]
            bucket.set(bucket.number + 1)
            total = numbers[-1]
            total.set(total.number + seconds)
            if _sinks and _sinks.journal is not None:
                _sinks.journal.observe(self, labels, seconds)


class Reading(Figure):
    """What is looked up when somebody asks; only CloudWatch, who cannot ask, is told of each."""

    kind = "gauge"

    def set(self, value: float, labels: Labels = ()) -> None:
        """Say what was found."""
        with _lock:
            journal = _begun().journal
            if journal is not None:
                journal.set(self, labels, value)


def all_figures() -> Iterator[Figure]:
    """Return every figure that was declared."""
    return iter(_figures)


def flush(function: str) -> None:
    """Write what CloudWatch has to know since the last flush as lines of the log."""
    if _sinks is None or _sinks.journal is None:
        return
    with _lock:
        lines = _sinks.journal.take(function)
    for line in lines:
        log.info("figures", extra=line)


def reset() -> None:
    """Count from nothing, into files of this process: a forked child's are not its parent's."""
    global _lock, _sinks
    _lock = threading.Lock()
    sinks, _sinks = _sinks, None
    for figure in _figures:
        figure.forget()
    if sinks is not None:
        sinks.close()


os.register_at_fork(after_in_child=reset)

"""Series as promtool's test files write them, and what the measures of alarms make of them.

A second opinion that needs no Prometheus: like it, a growth that was seen over a part of its window
stands for the whole.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from infra.alarms import Alarm
from infra.measures import (
    EachMinute,
    FailedPercent,
    Increase,
    Largest,
    LongerThan,
    Measure,
    PercentOf,
)

_STEPS = re.compile(r"(-?[\d.]+)(?:([+-][\d.]+))?x(\d+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Series:
    """The samples of a metric, one a minute from the start."""

    metric: str
    labels: dict[str, str]
    values: tuple[float, ...]

    @classmethod
    def read(cls, given: dict[str, str]) -> Series:
        name, _, labels = given["series"].partition("{")
        return cls(name, dict(_LABEL.findall(labels)), tuple(expanded(given["values"])))


def expanded(notation: str) -> list[float]:
    """Return the samples that `1+2x3 7` stands for: 1, 3, 5, 7, then 7."""
    values: list[float] = []
    for part in notation.split():
        steps = _STEPS.fullmatch(part)
        if steps is None:
            values.append(float(part))
            continue
        first, step, times = float(steps[1]), float(steps[2] or 0), int(steps[3])
        values += [first + step * number for number in range(times + 1)]
    return values


def rings_for(alarm: Alarm, series: list[Series], minute: int) -> set[str]:
    """Return for which values of the measure's label an alarm rings; "" where it has none."""
    ringing: set[str] | None = None
    for moment in range(minute - alarm.minutes, minute + 1):
        above = {k for k, v in measured(alarm.measure, series, moment).items() if v > alarm.above}
        ringing = above if ringing is None else ringing & above
    return ringing or set()


def measured(measure: Measure, series: list[Series], minute: int) -> dict[str, float]:
    """Return what a measure is at a minute, by the value of its label."""
    of: defaultdict[str, list[Series]] = defaultdict(list)
    for one in series:
        of[one.metric].append(one)
    match measure:
        case Largest(metric, by):
            largest: dict[str, float] = {}
            for one in of[metric]:
                label = one.labels.get(by, "")
                largest[label] = max(one.values[minute], largest.get(label, 0.0))
            return largest
        case PercentOf(part, whole):
            part_now = sum(one.values[minute] for one in of[part])
            return {"": 100 * part_now / sum(one.values[minute] for one in of[whole])}
        case Increase(metric, window):
            return {"": _grown(of[metric], window, minute)}
        case EachMinute(metric, window):
            return {"": _grown(of[metric], window, minute) / window}
        case LongerThan(metric, seconds, window):
            buckets = of[f"{metric}_bucket"]
            within = [one for one in buckets if one.labels["le"] == str(seconds)]
            counted = _grown(of[f"{metric}_count"], window, minute)
            return {"": counted - _grown(within, window, minute)}
        case FailedPercent(metric, window):
            failed = [one for one in of[metric] if one.labels["status"].startswith("5")]
            total = _grown(of[metric], window, minute)
            return {"": 100 * _grown(failed, window, minute) / total} if total else {}
    raise TypeError(type(measure).__name__)


def _grown(series: list[Series], window: int, minute: int) -> float:
    total = 0.0
    for one in series:
        seen = one.values[max(0, minute - window) : minute + 1]
        steps = pairwise(seen)
        grown = sum(after - before if after >= before else after for before, after in steps)
        if len(seen) > 1:
            total += grown * window / (len(seen) - 1)
    return total


def expected(test: dict[str, Any]) -> list[tuple[str, int, set[str]]]:
    """Return alarm, minute and for what it rings, of each expectation of a promtool test."""
    found = []
    for asked in test["promql_expr_test"]:
        (name,) = re.findall(r'alertname="(\w+)"', asked["expr"])
        labels = [dict(_LABEL.findall(one["labels"])) for one in asked.get("exp_samples", [])]
        ringing = {given.get("queue", "") for given in labels}
        found.append((name, int(asked["eval_time"].removesuffix("m")), ringing))
    return found

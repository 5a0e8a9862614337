"""What was counted in an invocation, as lines of CloudWatch's embedded metric format.

CloudWatch makes metrics of such a line by itself: no call, no thread, nothing to lose when an
environment is frozen.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import time
from typing import Any, Protocol

Labels = tuple[str, ...]

FUNCTION = "function"
# The specification's own bound for the values of one metric in one line.
_MOST_VALUES = 100

_Dimensions = tuple[tuple[str, str], ...]
_Noted = dict[str, float | list[float]]


class Told(Protocol):
    """What a line tells of a figure."""

    name: str
    label_names: Labels
    dimensions: Labels


class Journal:
    """What was counted since the last line, by the labels that CloudWatch gets.

    Not for several threads at once: figures.py holds a lock around each call.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._noted: dict[_Dimensions, _Noted] = {}

    def add(self, figure: Told, labels: Labels, amount: float) -> None:
        """Note that a counter went up."""
        noted = self._of(figure, labels)
        known = noted.get(figure.name, 0.0)
        noted[figure.name] = amount + known if isinstance(known, float) else amount

    def set(self, figure: Told, labels: Labels, value: float) -> None:
        """Note what a gauge says."""
        self._of(figure, labels)[figure.name] = value

    def observe(self, figure: Told, labels: Labels, seconds: float) -> None:
        """Note one more value of a histogram; of more than CloudWatch takes, the first count."""
        values = self._of(figure, labels).setdefault(figure.name, [])
        if isinstance(values, list) and len(values) < _MOST_VALUES:
            values.append(round(seconds, 6))

    def take(self, function: str) -> list[dict[str, Any]]:
        """Return the members of each line, and begin anew.

        Mostly it is one; a second one is needed where a label took two values.
        """
        noted, self._noted = self._noted, {}
        lines: list[dict[str, Any]] = []
        for dimensions, metrics in noted.items():
            members = {FUNCTION: function, **dict(dimensions), **metrics}
            directive = {
                "Namespace": self._namespace,
                "Dimensions": [[FUNCTION, *(name for name, _ in dimensions)]],
                "Metrics": [{"Name": name, "Unit": _unit_of(name)} for name in metrics],
            }
            for line in lines:
                if all(line.get(name, value) == value for name, value in members.items()):
                    break
            else:
                line = {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": []}}
                lines.append(line)
            line.update(members)
            line["_aws"]["CloudWatchMetrics"].append(directive)
        return lines

    def _of(self, figure: Told, labels: Labels) -> _Noted:
        given = zip(figure.label_names, labels, strict=True)
        dimensions = tuple(pair for pair in given if pair[0] in figure.dimensions)
        return self._noted.setdefault(dimensions, {})


def _unit_of(name: str) -> str:
    return "Seconds" if name.endswith(("_seconds", "_seconds_total")) else "Count"

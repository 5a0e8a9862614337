"""What an alarm can measure: as PromQL here, and worked out from given samples in its tests.

Each is a number (or one for each queue) that a threshold is held against; rates and shares are in
the unit that their names say.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Largest:
    """The largest value of a gauge; by a label where each of its values is judged alone."""

    metric: str
    by: str = ""

    @property
    def promql(self) -> str:
        by = f" by ({self.by})" if self.by else ""
        return f"max{by} ({self.metric})"


@dataclass(frozen=True)
class PercentOf:
    """A gauge as a percentage of another, both added up over all processes."""

    part: str
    whole: str

    @property
    def promql(self) -> str:
        return f"100 * sum({self.part}) / sum({self.whole})"


@dataclass(frozen=True)
class Increase:
    """By how much a counter grew in a window, over all processes."""

    metric: str
    window_minutes: int

    @property
    def promql(self) -> str:
        return _grown(self.metric, self.window_minutes)


@dataclass(frozen=True)
class EachMinute:
    """By how much a counter grows in a minute, on the average of a window."""

    metric: str
    window_minutes: int

    @property
    def promql(self) -> str:
        return f"60 * sum(rate({self.metric}[{self.window_minutes}m]))"


@dataclass(frozen=True)
class LongerThan:
    """How many values of a histogram were above one of its bounds, in a window."""

    metric: str
    seconds: float
    window_minutes: int

    @property
    def promql(self) -> str:
        within = _grown(f'{self.metric}_bucket{{le="{self.seconds}"}}', self.window_minutes)
        return f"{_grown(f'{self.metric}_count', self.window_minutes)} - {within}"


@dataclass(frozen=True)
class FailedPercent:
    """The part of a counter's growth that has a status of 500 or more, in a window."""

    metric: str
    window_minutes: int

    @property
    def promql(self) -> str:
        failed = _grown(f'{self.metric}{{status=~"5.."}}', self.window_minutes)
        return f"100 * {failed} / {_grown(self.metric, self.window_minutes)}"


Measure = Largest | PercentOf | Increase | EachMinute | LongerThan | FailedPercent


def _grown(selector: str, minutes: int) -> str:
    return f"sum(increase({selector}[{minutes}m]))"

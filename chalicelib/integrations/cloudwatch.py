"""What CloudWatch has measured last. What Rollcall itself counts reaches it by the log (emf.py)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from chalicelib.core.errors import Unavailable
from chalicelib.integrations.aws import cloudwatch_client
from chalicelib.integrations.errors import away_as

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

_PERIOD_SECONDS = 60
# Services publish each minute, some minutes late.
_LOOKED_BACK = timedelta(minutes=10)

Statistic = Literal["Sum", "Maximum", "Average"]


class Metric(NamedTuple):
    """One metric of a service, and which statistic over a minute says what is wanted."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: Statistic


def latest(metrics: Mapping[str, Metric], now: datetime) -> dict[str, float]:
    """Return the newest value of each metric that has one, in one call.

    Raises:
        Unavailable: CloudWatch does not answer.
    """
    names = list(metrics)
    with away_as(Unavailable):
        answer = cloudwatch_client().get_metric_data(
            MetricDataQueries=[_query(f"m{i}", metrics[name]) for i, name in enumerate(names)],
            StartTime=now - _LOOKED_BACK,
            EndTime=now,
            ScanBy="TimestampDescending",
        )
    return {
        names[int(result["Id"][1:])]: result["Values"][0]
        for result in answer["MetricDataResults"]
        if result["Values"]
    }


def _query(query_id: str, metric: Metric) -> MetricDataQueryTypeDef:
    return {
        "Id": query_id,
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": n, "Value": v} for n, v in metric.dimensions.items()],
            },
            "Period": _PERIOD_SECONDS,
            "Stat": metric.statistic,
        },
    }

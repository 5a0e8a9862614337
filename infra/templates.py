"""What the templates declare under given parameters: bucket, queues, functions, topics.

fragments.py reads and merges the files, intrinsics.py gives references their values, and here the
result becomes small typed facts: what the local cloud runs and the connection budget counts.
Rights, log groups and what else only AWS needs are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.intrinsics import Evaluator, TemplateError

_SQS_ATTRIBUTES = (
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "DelaySeconds",
    "MaximumMessageSize",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "FifoQueue",
    "ContentBasedDeduplication",
)


@dataclass(frozen=True)
class Queue:
    """An SQS queue; `attributes` are as CreateQueue takes them."""

    logical_name: str
    name: str
    arn: str
    attributes: dict[str, str]
    dead_letter_of: str | None = None


@dataclass(frozen=True)
class QueueSource:
    """How a queue calls a function: an event source mapping."""

    queue_name: str
    batch_size: int
    window_seconds: int
    maximum_concurrency: int
    reports_item_failures: bool


@dataclass(frozen=True)
class Schedule:
    """When a clock calls a function; `expression` is `rate(…)` or `cron(…)`."""

    name: str
    expression: str
    timezone: str
    input: dict[str, Any] | None


@dataclass(frozen=True)
class Function:
    """A Lambda function; `job` is its folder in functions/."""

    logical_name: str
    name: str
    job: str
    handler: str
    timeout_seconds: int
    memory_mb: int
    environment: dict[str, str]
    queues: tuple[QueueSource, ...]
    schedules: tuple[Schedule, ...]
    reserved_concurrency: int | None = None


@dataclass(frozen=True)
class Notification:
    """Tells a queue of new objects; the rules are S3's own `prefix` and `suffix`."""

    queue_arn: str
    events: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket with what the local cloud honours of it."""

    logical_name: str
    name: str
    cors_rules: list[dict[str, Any]]
    notifications: tuple[Notification, ...]


@dataclass(frozen=True)
class Topic:
    """An SNS topic: the queues that it sends to, and what SES tells it of mails (`Bounce` …)."""

    name: str
    queue_arns: tuple[str, ...]
    mail_events: tuple[str, ...]


@dataclass(frozen=True)
class Declared:
    """Everything of the templates that runs on this machine."""

    buckets: tuple[Bucket, ...]
    queues: tuple[Queue, ...]
    functions: tuple[Function, ...]
    topics: tuple[Topic, ...] = ()

    def function(self, job: str) -> Function | None:
        """Return the function of this job, if there is one."""
        return next((f for f in self.functions if f.job == job), None)

    def scheduled(self) -> Iterator[tuple[Function, Schedule]]:
        """Return each schedule with the function that it calls."""
        for function in self.functions:
            for schedule in function.schedules:
                yield function, schedule


def declared_in(
    template: dict[str, Any],
    parameters: Mapping[str, Any],
    *,
    account: str,
    region: str,
    endpoint: str,
) -> Declared:
    """Return what a merged template declares, under these parameter values.

    Raises:
        TemplateError: something cannot be worked out here.
    """
    evaluator = Evaluator(template, dict(parameters), account, region, endpoint.rstrip("/"))
    of_kind: dict[str, dict[str, dict[str, Any]]] = {}
    for logical, resource in template.get("Resources", {}).items():
        if (condition := resource.get("Condition")) and not evaluator.holds(condition, logical):
            continue
        of_kind.setdefault(resource["Type"], {})[logical] = resource.get("Properties", {})

    queues = _queues(evaluator, of_kind)
    by_arn = {queue.arn: queue for queue in queues}
    defaults = template.get("Globals", {}).get("Function", {})
    return Declared(
        buckets=tuple(
            _bucket(evaluator, logical, properties)
            for logical, properties in of_kind.get("AWS::S3::Bucket", {}).items()
        ),
        queues=tuple(queues),
        functions=tuple(
            _function(evaluator, logical, defaults, properties, by_arn)
            for logical, properties in of_kind.get("AWS::Serverless::Function", {}).items()
        ),
        topics=tuple(_topics(evaluator, of_kind)),
    )


def _queues(evaluator: Evaluator, of_kind: dict[str, dict[str, dict[str, Any]]]) -> list[Queue]:
    policies: dict[str, str] = {}
    for logical, properties in of_kind.get("AWS::SQS::QueuePolicy", {}).items():
        document = _without_tls_rules(evaluator.value(properties["PolicyDocument"], logical))
        for queue in properties["Queues"]:
            name = queue["Ref"] if isinstance(queue, dict) and "Ref" in queue else queue
            policies[name] = json.dumps(document)
    queues = []
    feeds: dict[str, str] = {}
    for logical, properties in of_kind.get("AWS::SQS::Queue", {}).items():
        values = evaluator.value(properties, logical)
        attributes = {key: _attribute_text(values[key]) for key in _SQS_ATTRIBUTES if key in values}
        if logical in policies:
            attributes["Policy"] = policies[logical]
        arn = evaluator.attribute(logical, "Arn", logical)
        if "RedrivePolicy" in values:
            feeds[values["RedrivePolicy"]["deadLetterTargetArn"]] = values["QueueName"]
        queues.append(Queue(logical, evaluator.name_of(logical), arn, attributes))
    # A queue that names another as its dead letters needs that one to be there before.
    with_source = [
        Queue(q.logical_name, q.name, q.arn, q.attributes, feeds.get(q.arn)) for q in queues
    ]
    return sorted(with_source, key=lambda q: (q.dead_letter_of is None, q.name))


def _without_tls_rules(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only refuses plain HTTP: every address here is a loopback one."""
    statements = [
        statement
        for statement in document["Statement"]
        if "aws:SecureTransport" not in json.dumps(statement.get("Condition", {}))
    ]
    return {**document, "Statement": statements}


def _attribute_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _bucket(evaluator: Evaluator, logical: str, properties: dict[str, Any]) -> Bucket:
    values = evaluator.value(properties, logical)
    notifications = []
    for entry in values.get("NotificationConfiguration", {}).get("QueueConfigurations", []):
        rules = entry.get("Filter", {}).get("S3Key", {}).get("Rules", [])
        notifications.append(
            Notification(
                entry["Queue"],
                (entry["Event"],),
                tuple((rule["Name"], rule["Value"]) for rule in rules),
            )
        )
    return Bucket(
        logical,
        evaluator.name_of(logical),
        [
            {
                "AllowedOrigins": _flat(rule["AllowedOrigins"]),
                "AllowedMethods": rule["AllowedMethods"],
                "AllowedHeaders": rule.get("AllowedHeaders", []),
                "ExposeHeaders": rule.get("ExposedHeaders", []),
                "MaxAgeSeconds": rule.get("MaxAge", 0),
            }
            for rule in values.get("CorsConfiguration", {}).get("CorsRules", [])
        ],
        tuple(notifications),
    )


def _flat(origins: Any) -> list[str]:
    return origins.split(",") if isinstance(origins, str) else list(origins)


def _topics(evaluator: Evaluator, of_kind: dict[str, dict[str, dict[str, Any]]]) -> Iterator[Topic]:
    subscriptions: dict[str, list[str]] = {}
    for logical, properties in of_kind.get("AWS::SNS::Subscription", {}).items():
        values = evaluator.value(properties, logical)
        if values["Protocol"] != "sqs" or values.get("RawMessageDelivery", False):
            raise TemplateError(f"{logical}: only queues are subscribed here, in envelopes.")
        subscriptions.setdefault(values["TopicArn"], []).append(values["Endpoint"])
    mail_events: dict[str, list[str]] = {}
    for logical, properties in of_kind.get(
        "AWS::SES::ConfigurationSetEventDestination", {}
    ).items():
        destination = evaluator.value(properties, logical)["EventDestination"]
        topic = destination["SnsDestination"]["TopicARN"]
        mail_events.setdefault(topic, []).extend(destination["MatchingEventTypes"])
    for logical in of_kind.get("AWS::SNS::Topic", {}):
        arn = evaluator.attribute(logical, "TopicArn", logical)
        yield Topic(
            evaluator.name_of(logical),
            tuple(subscriptions.get(arn, ())),
            tuple(event.capitalize() for event in mail_events.get(arn, ())),
        )


def _function(
    evaluator: Evaluator,
    logical: str,
    defaults: dict[str, Any],
    properties: dict[str, Any],
    queues: dict[str, Queue],
) -> Function:
    variables = {
        **defaults.get("Environment", {}).get("Variables", {}),
        **properties.get("Environment", {}).get("Variables", {}),
    }
    merged = {**defaults, **properties}
    sources: list[QueueSource] = []
    schedules: list[Schedule] = []
    for event_name, event in properties.get("Events", {}).items():
        where = f"{logical}.Events.{event_name}"
        values = evaluator.value(event.get("Properties", {}), where)
        if event["Type"] == "SQS":
            if values["Queue"] not in queues:
                raise TemplateError(f"{where}: {values['Queue']} is no queue of the templates.")
            sources.append(_source(values, queues[values["Queue"]].name, where))
        elif event["Type"] in {"Schedule", "ScheduleV2"}:
            if str(values.get("State", "ENABLED")) == "ENABLED":
                schedules.append(_schedule(values, where))
        else:
            raise TemplateError(f"{where}: events of type {event['Type']} do not run here.")
    handler = str(evaluator.value(merged["Handler"], logical))
    reserved = evaluator.value(merged.get("ReservedConcurrentExecutions"), logical)
    return Function(
        logical_name=logical,
        name=evaluator.name_of(logical),
        job=handler.split(".")[-3],
        handler=handler,
        timeout_seconds=int(evaluator.value(merged.get("Timeout", 3), logical)),
        memory_mb=int(evaluator.value(merged.get("MemorySize", 128), logical)),
        environment={
            key: str(value)
            for key, value in evaluator.value(variables, f"{logical}.Environment").items()
        },
        queues=tuple(sources),
        schedules=tuple(schedules),
        reserved_concurrency=None if reserved is None else int(reserved),
    )


def _source(values: dict[str, Any], queue_name: str, where: str) -> QueueSource:
    concurrency = values.get("ScalingConfig", {}).get("MaximumConcurrency")
    if concurrency is None:
        raise TemplateError(f"{where}: without MaximumConcurrency nobody knows its connections.")
    return QueueSource(
        queue_name=queue_name,
        batch_size=int(values.get("BatchSize", 10)),
        window_seconds=int(values.get("MaximumBatchingWindowInSeconds", 0)),
        maximum_concurrency=int(concurrency),
        reports_item_failures="ReportBatchItemFailures" in values.get("FunctionResponseTypes", []),
    )


def _schedule(values: dict[str, Any], where: str) -> Schedule:
    expression = values.get("ScheduleExpression") or values.get("Schedule")
    if not expression:
        raise TemplateError(f"{where}: there is no schedule expression.")
    given = values.get("Input")
    return Schedule(
        name=str(values.get("Name", where)),
        expression=str(expression),
        timezone=str(values.get("ScheduleExpressionTimezone", "UTC")),
        input=json.loads(given) if isinstance(given, str) else given,
    )

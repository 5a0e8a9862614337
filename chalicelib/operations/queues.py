"""How full the queues and their dead-letter queues are, and how old what waits there.

SQS itself tells no age; CloudWatch does, on AWS, and elsewhere it is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from chalicelib.core.clock import utc_now
from chalicelib.core.settings import Settings, get_settings
from chalicelib.integrations import cloudwatch, sqs
from chalicelib.integrations.aws import sqs_client
from chalicelib.integrations.cloudwatch import Metric
from chalicelib.integrations.sqs import QueueDepth
from chalicelib.operations.asking import Remembered, ask_all
from chalicelib.operations.schemas import QueueFigures

PATIENCE_SECONDS = 2.0
_REMEMBERED_SECONDS = 5.0
_AGES_REMEMBERED_SECONDS = 30.0
# As the templates name them.
DEAD_LETTERS = "-dlq"


def queue_urls() -> dict[str, str]:
    """Return the URL of each queue that this process knows, by the name of its setting."""
    settings = get_settings()
    urls = {
        field.removeprefix("queue_").removesuffix("_url"): getattr(settings, field)
        for field in Settings.model_fields
        if field.startswith("queue_") and field.endswith("_url")
    }
    return {name: url for name, url in urls.items() if url}


def get_figures() -> list[QueueFigures]:
    """Return what the last look found, or look again where that is some seconds old."""
    return _figures.get()


def forget_figures() -> None:
    """Let the next question look again."""
    _figures.forget()
    _ages.forget()


def _look() -> list[QueueFigures]:
    urls = queue_urls()
    if urls:
        # Made once, and not by each of the threads for itself.
        sqs_client()
    questions: dict[str, Callable[[], QueueDepth]] = {}
    for name, url in urls.items():
        questions[name] = partial(sqs.depth, url)
        questions[name + DEAD_LETTERS] = partial(sqs.depth, url + DEAD_LETTERS)
    depths = ask_all(questions, PATIENCE_SECONDS)
    ages = _ages.get()
    figures = []
    for name in urls:
        depth, dead = depths.get(name), depths.get(name + DEAD_LETTERS)
        figures.append(
            QueueFigures(
                name=name,
                visible=depth.visible if depth else None,
                in_flight=depth.in_flight if depth else None,
                oldest_age_seconds=ages.get(name),
                dead_letters=dead.visible if dead else None,
                oldest_dead_letter_age_seconds=ages.get(name + DEAD_LETTERS),
            )
        )
    return figures


def _look_at_ages() -> dict[str, float]:
    if get_settings().aws_endpoint_url:
        return {}
    asked = {}
    for name, url in queue_urls().items():
        queue = url.rpartition("/")[2]
        asked[name] = _age_of(queue)
        asked[name + DEAD_LETTERS] = _age_of(queue + DEAD_LETTERS)
    found = ask_all({"queue_ages": lambda: cloudwatch.latest(asked, utc_now())}, PATIENCE_SECONDS)
    return found.get("queue_ages", {})


def _age_of(queue: str) -> Metric:
    return Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": queue}, "Maximum")


_figures = Remembered(_look, _REMEMBERED_SECONDS)
_ages = Remembered(_look_at_ages, _AGES_REMEMBERED_SECONDS)

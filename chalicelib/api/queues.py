"""Queues, the last runs of functions, and dead letters that are to be worked on again."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.rules import MANAGERS
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.core.errors import NotFound
from chalicelib.core.settings import get_settings
from chalicelib.integrations.errors import QueueAway
from chalicelib.operations import backlog, queues
from chalicelib.operations.budget import plan_for
from chalicelib.operations.queries import list_runs
from chalicelib.operations.queue_schemas import QueuesOut, RedriveOut

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/api/ops/queues",
    roles=MANAGERS,
    answer=QueuesOut,
    personal=True,
    work="units",
)
def get_queues(request: Request) -> Answer:
    """Show what waits in the queues, what failed, and what the functions did last."""
    figures = queues.get_figures()
    settings = get_settings()
    consumers = plan_for(settings.stage, settings.db_mode).consumers
    with request.transaction() as connection:
        return Answer.of(backlog.describe(figures, consumers, list_runs(connection)))


@endpoint(
    blueprint,
    "POST",
    "/api/ops/queues/{name}/redrive",
    roles=MANAGERS,
    path_types={"name": str},
    answer=RedriveOut,
    errors=(NotFound, QueueAway),
    work="units",
)
def redrive_queue(request: Request) -> Answer:
    """Move dead letters back into their queue, a hundred at the most."""
    name = request.path["name"]
    with request.transaction():
        backlog.check_queue(name)
    dead_letters = backlog.count_dead_letters(name)
    with request.transaction() as connection:
        backlog.note_redrive(connection, request.caller, name, dead_letters)
    return Answer.of(backlog.redrive(name))

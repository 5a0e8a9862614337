"""What can be wrong with a task: for who asked over HTTP, and for who works on it."""

from __future__ import annotations

from chalicelib.core.batches import NotYet
from chalicelib.core.errors import Conflict, NotFound, RollcallError


class UnknownKind(NotFound):
    code = "unknown_kind"
    detail = "There is no import or export of that kind."


class NoSuchResult(NotFound):
    code = "no_result"
    detail = "This task has no such file."


class TaskUnfinished(Conflict):
    code = "task_unfinished"
    detail = "The task is not finished, or did not succeed."


class NotAPlan(Conflict):
    code = "not_a_plan"
    detail = "Only an import in the mode plan has a plan."


class PlanMismatch(Conflict):
    code = "plan_mismatch"
    detail = "The plan_hash is not the one of this plan."


class PlanStale(Conflict):
    code = "plan_stale"
    detail = "The data that the plan touches changed since; make a new plan."


class PlanApplied(Conflict):
    code = "plan_applied"
    detail = "The plan is applied already."


class TaskFailed(RollcallError):
    """The work cannot be done, however often it is tried: the task ends as a FAILURE."""

    def __init__(self, code: str, detail: str) -> None:
        self.failure = {"code": code, "detail": detail}
        super().__init__(detail)


class TaskBusy(NotYet):
    """Another worker is at this very step, or the server has not noticed yet that it died."""


class TaskTaken(Exception):
    """Another worker took the task over; what is left to do is no longer ours."""


class UnknownTask(Exception):
    """A message names a task that does not exist, or that another function works on."""

"""`python -m infra.budget`: the connection budget of the templates, as a table.

Exits with 1 where a worst case does not fit. `--quiet` prints only then; `--write` puts what the
functions are to know of it into chalicelib/operations/consumers.json. The rules are in
chalicelib/operations/budget.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from chalicelib.core.settings import Settings
from chalicelib.operations.budget import (
    ASSUMED_PEAK_SHARE,
    CONSUMERS_FILE,
    Check,
    Consumer,
    EnvironmentName,
    Plan,
    make_plans,
)
from infra.fragments import read_template
from infra.intrinsics import TemplateError
from infra.templates import Declared, Function, declared_in

STAGES: Mapping[EnvironmentName, str] = {"development": "dev", "production": "prod"}
_COUNTED = "AWS::Serverless::Function"
_RUNS_CODE = ("AWS::Lambda::Function", "AWS::ECS::", "AWS::Batch::", "AWS::EC2::Instance")
_SUMS = {
    "clients": "clients, two versions at once",
    "transactions": "in a transaction at once",
    "postgres": "connections to Postgres",
    "pooler_limit": "limit of the pooler",
}


def read_consumers(template: dict[str, Any]) -> dict[EnvironmentName, list[Consumer]]:
    """Return who connects to the database in each environment, the API first.

    Raises:
        TemplateError: something runs, or waits in a queue, that nobody can count.
    """
    return {name: list(_consumers(template, stage)) for name, stage in STAGES.items()}


def _consumers(template: dict[str, Any], stage: str) -> Iterator[Consumer]:
    for logical, resource in template["Resources"].items():
        if resource["Type"].startswith(_RUNS_CODE):
            raise TemplateError(f"{logical}: only {_COUNTED} is counted.")
    declared = _declared(template, stage)
    read = {source.queue_name for function in declared.functions for source in function.queues}
    for queue in declared.queues:
        if queue.dead_letter_of is None and queue.name not in read:
            raise TemplateError(f"{queue.logical_name}: no function reads this queue.")
    concurrency = int(template["Parameters"]["ApiConcurrency"]["MaxValue"])
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    given = {key: str(value) for key, value in shared.items() if isinstance(value, str | int)}
    yield _consumer("api", "HTTP", concurrency, given)
    for function in declared.functions:
        yield _consumer(
            function.job,
            _trigger(function, f"rollcall-{stage}-"),
            _processes(function),
            function.environment,
        )


def _declared(template: dict[str, Any], stage: str) -> Declared:
    unset = {name: name for name, given in template["Parameters"].items() if "Default" not in given}
    return declared_in(
        template,
        {**unset, "Stage": stage},
        account="123456789012",
        region="eu-central-1",
        endpoint="https://sqs",
    )


def _processes(function: Function) -> int:
    """Return how many of a function run at once at the most."""
    reserved = function.reserved_concurrency
    if not function.queues:
        return 1 if reserved is None else reserved
    called = sum(source.maximum_concurrency for source in function.queues)
    called += len(function.schedules)
    return called if reserved is None else min(called, reserved)


def _trigger(function: Function, prefix: str) -> str:
    queues = [f"queue {source.queue_name.removeprefix(prefix)}" for source in function.queues]
    clocks = [schedule.expression for schedule in function.schedules]
    return ", ".join([*queues, *clocks]) or "by hand"


def _consumer(name: str, trigger: str, processes: int, environment: Mapping[str, str]) -> Consumer:
    chosen = {k.lower(): v for k, v in environment.items() if k.startswith(("DB_POOL", "DB_M"))}
    settings = Settings.model_validate(chosen)
    return Consumer(
        name,
        trigger,
        processes,
        settings.db_pool_size + settings.db_max_overflow,
        direct=settings.db_mode == "direct",
        peak_share=1 if processes == 1 else ASSUMED_PEAK_SHARE,
    )


def committed(consumers: Mapping[EnvironmentName, list[Consumer]]) -> str:
    """Return the text that consumers.json has to be."""
    listed = {name: [asdict(consumer) for consumer in found] for name, found in consumers.items()}
    return json.dumps(listed, indent=1) + "\n"


def table(plans: list[Plan]) -> str:
    """Return the plans as text, each environment's consumers once."""
    peak = f"peak (assumed {ASSUMED_PEAK_SHARE:.0%})"
    lines: list[str] = []
    shown: EnvironmentName | None = None
    for plan in plans:
        environment = plan.environment
        if environment.name != shown:
            shown = environment.name
            lines += [
                "",
                f"{shown}: {environment.share} of {environment.max_connections} connections",
                "",
                _line("component", "called by", "at once", "each", "worst case", peak),
                *map(_consumer_line, plan.consumers),
            ]
        lines += ["", _line(f"behind {plan.pooler.name}", "", "", "limit", "worst case", peak)]
        lines += map(_check_line, plan.checks)
    return "\n".join(lines[1:])


def _consumer_line(consumer: Consumer) -> str:
    called_by = consumer.trigger + (", past the pooler" if consumer.direct else "")
    return _line(
        consumer.name,
        called_by,
        consumer.processes,
        consumer.connections_each,
        consumer.worst_case,
        consumer.assumed_peak,
    )


def _check_line(check: Check) -> str:
    verdict = "fits" if check.fits else f"DOES NOT FIT: {', '.join(check.breaking)}"
    limit = "none" if check.limit is None else check.limit
    line = _line(_SUMS[check.name], "", "", limit, check.worst_case, check.assumed_peak)
    return f"{line}  {verdict}"


def _line(name: str, called_by: str, *numbers: str | int) -> str:
    at_once, each, worst, peak = numbers
    return f"  {name:<30}{called_by:<38}{at_once:>8}{each:>7}{worst:>12}{peak:>20}".rstrip()


def main() -> int:
    parser = argparse.ArgumentParser(prog="infra.budget", description=__doc__)
    parser.add_argument("--quiet", action="store_true", help="print only what does not fit")
    parser.add_argument("--write", action="store_true", help="write consumers.json as well")
    given = parser.parse_args()
    try:
        consumers = read_consumers(read_template())
    except TemplateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if given.write:
        CONSUMERS_FILE.write_text(committed(consumers))
    plans = make_plans(consumers)
    fits = all(plan.fits for plan in plans)
    if not given.quiet or not fits:
        print(table(plans))
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())

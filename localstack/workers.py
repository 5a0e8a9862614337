"""The process that calls functions as AWS does: from queues as Lambda's pollers, from a clock.

A queue's own attributes are SQS's business: visibility, redrive and retention act as they are set
at the time. Here only the mapping counts: batch size and window, concurrency, what is deleted.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import deployment
import emulator
import launch
import schedules
from invoker import InvocationFailed, Pool
from resources import Cloud

from chalicelib.core import logs
from infra.templates import Function, QueueSource, Schedule

log = logging.getLogger("localstack.workers")

# Not 20 seconds: an emulator goes on with the long poll of a client that was killed and gives
# the next message to nobody, who keeps it for the whole visibility time-out.
_PAUSE_SECONDS = 0.1
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0)
_STOP_SECONDS = 8.0
_IDLE_SECONDS = 300.0
_CALLS_AT_ONCE = 8
_RECEIVE_LIMIT = 10


class QueuePoller:
    """Hands the messages of one queue to one function, so many batches at a time as it may."""

    def __init__(
        self, cloud: Cloud, source: QueueSource, pool: Pool, stopping: threading.Event
    ) -> None:
        self._sqs = cloud.client("sqs")
        self._source = source
        self._pool = pool
        self._stopping = stopping
        self._slots = threading.Semaphore(source.maximum_concurrency)
        self._executor = ThreadPoolExecutor(
            source.maximum_concurrency, thread_name_prefix=source.queue_name
        )
        self._url = ""
        self._failures = 0

    def run(self) -> None:
        """Poll until the stop; then wait until what is under way has ended."""
        self._executor.submit(self._warm)
        while not self._stopping.is_set():
            if not self._slots.acquire(timeout=0.5):
                continue
            messages: list[dict[str, Any]] = []
            try:
                messages = self._receive_batch()
                self._failures = 0
            except Exception as error:
                self._away(error)
            if messages:
                self._executor.submit(self._work, messages)
            else:
                self._slots.release()
                self._pool.trim(_IDLE_SECONDS, keep=1)
                self._stopping.wait(_PAUSE_SECONDS)
        self._executor.shutdown()

    def _warm(self) -> None:
        try:
            self._pool.warm()
        except InvocationFailed as error:
            log.error("function_does_not_start", extra={"detail": str(error)})

    def _away(self, error: Exception) -> None:
        if self._failures == 0:
            log.warning(
                "queue_away", extra={"queue": self._source.queue_name, "detail": str(error)}
            )
        pause = _RETRY_SECONDS[min(self._failures, len(_RETRY_SECONDS) - 1)]
        self._failures += 1
        self._url = ""
        self._stopping.wait(pause)

    def _receive_batch(self) -> list[dict[str, Any]]:
        if not self._url:
            self._url = self._sqs.get_queue_url(QueueName=self._source.queue_name)["QueueUrl"]
        messages = self._receive(self._source.batch_size)
        deadline = time.monotonic() + self._source.window_seconds
        while (
            messages
            and len(messages) < self._source.batch_size
            and not self._stopping.is_set()
            and time.monotonic() < deadline
        ):
            self._stopping.wait(_PAUSE_SECONDS)
            messages += self._receive(self._source.batch_size - len(messages))
        return messages

    def _receive(self, most: int) -> list[dict[str, Any]]:
        # Short polls: the emulator would go on with the long poll of a worker that was killed and
        # give it the next message, and it reads a queue's visibility when the poll begins.
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(_RECEIVE_LIMIT, most),
            WaitTimeSeconds=0,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        received: list[dict[str, Any]] = answer.get("Messages", [])
        return received

    def _work(self, messages: list[dict[str, Any]]) -> None:
        try:
            if self._stopping.is_set():
                self._hand_back(messages)
                return
            began = time.perf_counter()
            outcome, failed = "ok", messages
            try:
                result = self._pool.invoke(_sqs_event(messages, self._source.queue_name))
                failed = self._failed(messages, result)
            except InvocationFailed as error:
                outcome = error.kind
                log.warning(
                    "function_failed", extra={"job": self._pool.function.job, "detail": str(error)}
                )
            self._delete([m for m in messages if m not in failed])
            if self._stopping.is_set() and outcome == "crashed":
                self._hand_back(failed)
            log.info(
                "invocation",
                extra={
                    "job": self._pool.function.job,
                    "outcome": outcome,
                    "records": len(messages),
                    "failed": len(failed),
                    "ms": round((time.perf_counter() - began) * 1000, 1),
                },
            )
        except Exception:
            log.exception("batch_failed", extra={"queue": self._source.queue_name})
        finally:
            self._slots.release()

    def _failed(self, messages: list[dict[str, Any]], result: Any) -> list[dict[str, Any]]:
        """Return the messages that stay in the queue, by Lambda's rules for partial failures."""
        if not self._source.reports_item_failures or result is None:
            return []
        if not isinstance(result, dict):
            return messages
        items = result.get("batchItemFailures") or []
        known = {message["MessageId"] for message in messages}
        try:
            named = {item["itemIdentifier"] for item in items}
        except (TypeError, KeyError):
            return messages
        if not named <= known:
            return messages
        return [message for message in messages if message["MessageId"] in named]

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        for start in range(0, len(messages), _RECEIVE_LIMIT):
            entries = [
                {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]}
                for i, message in enumerate(messages[start : start + _RECEIVE_LIMIT])
            ]
            answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            if answer.get("Failed"):
                log.warning("not_deleted", extra={"queue": self._source.queue_name})

    def _hand_back(self, messages: list[dict[str, Any]]) -> None:
        """Let the next start have what this stop interrupted, at once."""
        for message in messages:
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )


def _sqs_event(messages: list[dict[str, Any]], queue_name: str) -> dict[str, Any]:
    arn = f"arn:aws:sqs:{emulator.REGION}:{emulator.ACCOUNT}:{queue_name}"
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message.get("Attributes", {}),
                "messageAttributes": {
                    name: {
                        "dataType": value["DataType"],
                        "stringValue": value.get("StringValue"),
                        "stringListValues": [],
                        "binaryListValues": [],
                    }
                    for name, value in message.get("MessageAttributes", {}).items()
                },
                "md5OfBody": message.get("MD5OfBody"),
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": emulator.REGION,
            }
            for message in messages
        ]
    }


class Clock:
    """Calls a function when its schedule is due."""

    def __init__(self, schedule: Schedule, pool: Pool, stopping: threading.Event) -> None:
        self._schedule = schedule
        self._times = schedules.parse(schedule.expression, schedule.timezone)
        self._pool = pool
        self._stopping = stopping
        # A process ends with the thread that started it: a thread a call would leave none warm.
        self._executor = ThreadPoolExecutor(_CALLS_AT_ONCE, thread_name_prefix=schedule.name)

    def run(self) -> None:
        """Wait and call, until the stop. A rate begins at once, as in EventBridge Scheduler."""
        due = datetime.now(UTC)
        if isinstance(self._times, schedules.Cron):
            due = self._times.after(due)
        while not self._stopping.wait(max(0.0, min((due - _now()).total_seconds(), 30.0))):
            if _now() < due:
                self._pool.trim(_IDLE_SECONDS, keep=0)
                continue
            self._executor.submit(self._call)
            # A machine that slept does not make up for what it missed.
            due = max(self._times.after(due), _now())
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _call(self) -> None:
        try:
            self._pool.invoke(scheduled_event(self._schedule))
        except InvocationFailed as error:
            log.warning(
                "function_failed", extra={"job": self._pool.function.job, "detail": str(error)}
            )


def _now() -> datetime:
    return datetime.now(UTC)


def scheduled_event(schedule: Schedule) -> dict[str, Any]:
    """Return what EventBridge Scheduler sends: the schedule's input, else its notification."""
    if schedule.input is not None:
        return schedule.input
    owner = f"{emulator.REGION}:{emulator.ACCOUNT}"
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": emulator.ACCOUNT,
        "time": _now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": emulator.REGION,
        "resources": [f"arn:aws:scheduler:{owner}:schedule/default/{schedule.name}"],
        "detail": "{}",
    }


class Workers:
    """All pollers and clocks of a deployment."""

    def __init__(self, deployed: deployment.Deployment, state_file: Path) -> None:
        self.stopping = threading.Event()
        self._state_file = state_file
        self._write_lock = threading.Lock()
        cloud = Cloud(deployed.endpoint, deployed.credentials)
        self._pools: list[Pool] = []
        self._pollers: list[threading.Thread] = []
        self._clocks: list[threading.Thread] = []
        for function in deployed.functions:
            pool = self._pool(function, deployed.logs)
            for source in function.queues:
                poller = QueuePoller(cloud, source, pool, self.stopping)
                self._pollers.append(threading.Thread(target=poller.run))
            for schedule in function.schedules:
                clock = Clock(schedule, pool, self.stopping)
                self._clocks.append(threading.Thread(target=clock.run, daemon=True))

    def _pool(self, function: Function, directory: Path) -> Pool:
        pool = Pool(function, function.environment, directory, self._write_state)
        self._pools.append(pool)
        return pool

    def run(self) -> None:
        """Work until `stopping` is set."""
        for thread in (*self._pollers, *self._clocks):
            thread.start()
        self._write_state()
        self.stopping.wait()
        deadline = time.monotonic() + _STOP_SECONDS
        for poller in self._pollers:
            poller.join(max(0.0, deadline - time.monotonic()))
        for pool in self._pools:
            pool.close()
        for poller in self._pollers:
            poller.join(1.0)

    def _write_state(self) -> None:
        with self._write_lock:
            runtimes = [
                {"job": pool.function.job, "pid": pid}
                for pool in self._pools
                for pid in pool.pids()
            ]
            temporary = self._state_file.with_suffix(".new")
            temporary.write_text(json.dumps({"pid": os.getpid(), "runtimes": runtimes}))
            os.replace(temporary, self._state_file)


def main() -> None:
    launch.end_with_parent()
    logs.configure()
    state = Path(os.environ["ROLLCALL_STATE"])
    workers = Workers(deployment.read(state / "deployment.json"), state / "runtimes.json")
    signal.signal(signal.SIGTERM, lambda *_: workers.stopping.set())
    workers.run()
    # Threads that hang on a dead endpoint must not keep the process.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

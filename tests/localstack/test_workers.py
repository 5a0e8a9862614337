"""The workers do to messages what Lambda's pollers do, by each queue's own attributes."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from deployment import Deployment
from invoker import InvocationFailed, Pool, Runtime
from workers import Workers, scheduled_event

from infra.templates import Function, QueueSource, Schedule

WAIT_SECONDS = 15.0


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} within {WAIT_SECONDS} s"
        time.sleep(0.02)
    return found


def function(handler: str, notes: Path, **changes: Any) -> Function:
    given: dict[str, Any] = {
        "logical_name": "Example",
        "name": "rollcall-test-example",
        "job": handler,
        "handler": f"tests.localstack.example_functions.{handler}",
        "timeout_seconds": 10,
        "memory_mb": 256,
        "environment": {**os.environ, "NOTES": str(notes)},
        "queues": (),
        "schedules": (),
    }
    return Function(**{**given, **changes})


class School:
    """A queue with dead letters, and workers on it as soon as a test asks for them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.notes_file = directory / "notes.txt"
        self.sqs = boto3.client("sqs")
        self.name = f"example-{uuid.uuid4()}"
        self.dead_url = self.sqs.create_queue(QueueName=f"{self.name}-dlq")["QueueUrl"]
        dead_arn = self.attributes(self.dead_url)["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
        self.url = self.sqs.create_queue(
            QueueName=self.name, Attributes={"VisibilityTimeout": "1", "RedrivePolicy": redrive}
        )["QueueUrl"]
        self._workers: Workers | None = None
        self._thread: threading.Thread | None = None

    def employ(self, handler: str, *, timeout_seconds: int = 10, **source: Any) -> None:
        """Start workers that hand the queue to one of the example functions."""
        given = {"batch_size": 10, "window_seconds": 0, "maximum_concurrency": 2} | source
        mapping = QueueSource(
            queue_name=self.name,
            reports_item_failures=given.pop("reports_item_failures", True),
            **given,
        )
        credentials = {
            name: os.environ[name]
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
        }
        self._workers = Workers(
            Deployment(
                os.environ["AWS_ENDPOINT_URL"],
                credentials,
                (
                    function(
                        handler, self.notes_file, timeout_seconds=timeout_seconds, queues=(mapping,)
                    ),
                ),
                {},
                self.directory,
            ),
            self.directory / "runtimes.json",
        )
        self._thread = threading.Thread(target=self._workers.run)
        self._thread.start()
        wait_for(self.pids, "a warm process")

    def dismiss(self) -> None:
        if self._workers is not None and self._thread is not None:
            self._workers.stopping.set()
            self._thread.join(20)
            assert not self._thread.is_alive()

    def send(self, *bodies: str) -> None:
        entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies)]
        assert not self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries).get("Failed")

    def notes(self) -> list[list[str]]:
        if not self.notes_file.exists():
            return []
        return [line.split() for line in self.notes_file.read_text().splitlines()]

    def seen(self, body: str) -> list[str]:
        """Return the receive counts with which a body was seen."""
        return [receives for _, noted, receives, _ in self.notes() if noted == body]

    def pids(self) -> list[int]:
        state = self.directory / "runtimes.json"
        if not state.exists():
            return []
        return [entry["pid"] for entry in json.loads(state.read_text())["runtimes"]]

    def attributes(self, url: str) -> dict[str, str]:
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return dict(found)

    def is_empty(self) -> bool:
        found = self.attributes(self.url)
        return found["ApproximateNumberOfMessages"] == "0" and (
            found["ApproximateNumberOfMessagesNotVisible"] == "0"
        )

    def dead_letters(self) -> list[str]:
        answer = self.sqs.receive_message(
            QueueUrl=self.dead_url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return sorted(message["Body"] for message in answer.get("Messages", []))


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    school = School(tmp_path)
    yield school
    school.dismiss()
    school.sqs.delete_queue(QueueUrl=school.url)
    school.sqs.delete_queue(QueueUrl=school.dead_url)


def test_what_succeeds_is_deleted_and_seen_once(school: School) -> None:
    school.employ("notes_all")
    school.send("a", "b")
    wait_for(lambda: school.is_empty() and school.seen("a") and school.seen("b"), "both are done")
    time.sleep(1.5)
    assert (school.seen("a"), school.seen("b")) == (["1"], ["1"])


def test_a_message_reaches_its_function_at_once(school: School) -> None:
    school.employ("notes_all")
    time.sleep(0.3)
    began = time.monotonic()
    school.send("quick")
    wait_for(lambda: school.seen("quick"), "it is seen")
    assert time.monotonic() - began < 0.6


def test_only_what_failed_comes_back_and_ends_as_a_dead_letter(school: School) -> None:
    school.employ("fails_bad_ones")
    school.send("good", "bad")
    wait_for(lambda: school.dead_letters() == ["bad"], "a dead letter")
    assert (school.seen("good"), school.seen("bad")) == (["1"], ["1", "2"])


def test_without_reporting_the_named_failures_are_deleted_too(school: School) -> None:
    school.employ("fails_bad_ones", reports_item_failures=False)
    school.send("bad")
    wait_for(lambda: school.seen("bad") and school.is_empty(), "it is deleted")


def test_a_report_that_names_no_message_fails_the_whole_batch(school: School) -> None:
    school.employ("names_a_stranger")
    school.send("one", "two")
    wait_for(lambda: school.dead_letters() == ["one", "two"], "dead letters")


@pytest.mark.parametrize("handler", ["raises_once", "dies_once"])
def test_after_an_exception_or_a_crash_the_message_comes_back(school: School, handler: str) -> None:
    school.employ(handler)
    school.send("stubborn")
    wait_for(lambda: school.seen("stubborn") == ["1", "2"] and school.is_empty(), "second time")
    assert school.dead_letters() == []


def test_a_function_that_hangs_is_ended_with_all_it_started(school: School) -> None:
    school.employ("hangs_once", timeout_seconds=1)
    school.send("slow")
    wait_for(lambda: school.seen("slow") == ["1", "2"] and school.is_empty(), "second time")
    child = int(school.notes_file.with_suffix(".child").read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"
    first, second = (int(note[3]) for note in school.notes())
    assert first != second


def test_visibility_counts_as_it_is_set_at_the_time(school: School) -> None:
    school.sqs.set_queue_attributes(QueueUrl=school.url, Attributes={"VisibilityTimeout": "4"})
    school.employ("raises_once")
    began = time.monotonic()
    school.send("patient")
    wait_for(lambda: school.seen("patient") == ["1", "2"], "second time")
    assert time.monotonic() - began > 3.5


def test_no_more_batches_run_at_once_than_the_mapping_allows(school: School) -> None:
    school.sqs.set_queue_attributes(QueueUrl=school.url, Attributes={"VisibilityTimeout": "30"})
    school.employ("works_slowly", batch_size=1, maximum_concurrency=2)
    school.send(*"abcdef")
    wait_for(lambda: len(school.notes()) == 12, "all have ended")
    running = most = 0
    for word, *_ in school.notes():
        running += 1 if word == "begin" else -1
        most = max(most, running)
    assert most == 2
    assert len({pid for *_, pid in school.notes()}) == 2


def test_a_window_gathers_a_batch(school: School) -> None:
    school.sqs.set_queue_attributes(QueueUrl=school.url, Attributes={"VisibilityTimeout": "30"})
    school.employ("works_slowly", window_seconds=2, maximum_concurrency=2)
    for body in "abc":
        school.send(body)
        time.sleep(0.2)
    wait_for(lambda: len(school.notes()) == 6, "all have ended")
    assert [word for word, *_ in school.notes()] == ["begin"] * 3 + ["end"] * 3


def test_a_killed_process_is_replaced(school: School) -> None:
    school.employ("notes_all")
    (pid,) = school.pids()
    psutil.Process(pid).kill()
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], 2)
    school.send("next")
    wait_for(lambda: school.seen("next") and school.is_empty(), "the next message")
    assert all(int(note[3]) != pid for note in school.notes())


def test_a_stop_ends_the_processes(school: School) -> None:
    school.employ("notes_all")
    pids = school.pids()
    school.dismiss()
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_stop_hands_unfinished_messages_back(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers._STOP_SECONDS", 0.5)
    school.sqs.set_queue_attributes(QueueUrl=school.url, Attributes={"VisibilityTimeout": "600"})
    school.employ("hangs_once", timeout_seconds=30)
    school.send("interrupted")
    wait_for(lambda: school.seen("interrupted"), "it has begun")
    school.dismiss()
    found = school.attributes(school.url)
    assert found["ApproximateNumberOfMessages"] == "1"


def test_a_queue_that_appears_later_is_found(school: School) -> None:
    school.sqs.delete_queue(QueueUrl=school.url)
    school.employ("notes_all")
    time.sleep(0.5)
    school.url = school.sqs.create_queue(QueueName=school.name)["QueueUrl"]
    school.send("late")
    wait_for(lambda: school.seen("late"), "it is seen")


def test_a_runtime_gives_the_context_of_lambda(tmp_path: Path) -> None:
    told = function("tells_its_context", tmp_path, timeout_seconds=5)
    runtime = Runtime(told, told.environment, tmp_path / "log")
    try:
        first, second = runtime.invoke({"a": "ü" * 200_000}), runtime.invoke({})
    finally:
        runtime.end()
    assert first["event"] == {"a": "ü" * 200_000}
    assert (first["name"], first["memory"]) == ("rollcall-test-example", 256)
    assert 4_000 < first["left_ms"] <= 5_000
    assert first["pid"] == second["pid"]
    assert first["request_id"] != second["request_id"]
    assert first["modules_of_the_local_cloud"] is False


def test_a_handler_that_cannot_be_imported_says_so(tmp_path: Path) -> None:
    absent = function("no_such_handler", tmp_path)
    with pytest.raises(InvocationFailed, match="ended with code 1"):
        Runtime(absent, absent.environment, tmp_path / "log")
    assert "AttributeError" in (tmp_path / "log").read_text()


def test_idle_processes_beyond_those_to_keep_are_ended(tmp_path: Path) -> None:
    told = function("tells_its_context", tmp_path)
    pool = Pool(told, told.environment, tmp_path)
    pool.warm()
    try:
        pool.trim(idle_seconds=0, keep=1)
        assert len(pool.pids()) == 1
        pool.trim(idle_seconds=0, keep=0)
        assert pool.pids() == []
        assert pool.invoke({})["name"] == "rollcall-test-example"
    finally:
        pool.close()


def test_a_schedule_sends_its_input_or_the_schedulers_own_event() -> None:
    plain = scheduled_event(Schedule("daily", "rate(1 day)", "UTC", None))
    assert plain["source"] == "aws.scheduler"
    assert plain["resources"][0].endswith("schedule/default/daily")
    given = Schedule("daily", "rate(1 day)", "UTC", {"limit": 5})
    assert scheduled_event(given) == {"limit": 5}

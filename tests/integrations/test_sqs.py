"""Messages to queues, on moto and on the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from chalicelib.core.settings import reset_settings
from chalicelib.integrations import sqs
from chalicelib.integrations.aws import reset_clients, sqs_client
from chalicelib.integrations.errors import QueueAway


def receive_all(cloud: Any, queue_url: str) -> list[str]:
    client = cloud.client("sqs")
    bodies: list[str] = []
    while messages := client.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get(
        "Messages"
    ):
        bodies += [message["Body"] for message in messages]
    return bodies


def test_more_messages_than_a_call_holds_all_arrive(cloud: Any, queue_url: str) -> None:
    bodies = [json.dumps({"course_id": n}) for n in range(23)]
    assert sqs.send_batch(queue_url, bodies) == []
    assert sorted(receive_all(cloud, queue_url)) == sorted(bodies)


def test_nothing_to_send_is_no_call(cloud: Any) -> None:
    assert sqs.send_batch("http://nowhere.example/queue", []) == []


def test_a_call_never_passes_its_size(cloud: Any, queue_url: str) -> None:
    bodies = [str(n) * 100_000 for n in range(5)]
    assert sqs.send_batch(queue_url, bodies) == []
    assert sorted(receive_all(cloud, queue_url)) == bodies


def test_a_message_of_impossible_size_fails_alone(cloud: Any, queue_url: str) -> None:
    too_large = "中" * (sqs.BYTES_A_CALL // 3 + 1)
    assert sqs.send_batch(queue_url, ["a", too_large, "b"]) == [1]
    assert sorted(receive_all(cloud, queue_url)) == ["a", "b"]


def test_a_queue_that_is_not_there_takes_nothing(cloud: Any, queue_url: str) -> None:
    assert sqs.send_batch(f"{queue_url}-gone", ["x"] * 12) == list(range(12))


def test_depth_counts_waiting_and_taken(cloud: Any, queue_url: str) -> None:
    sqs.send_batch(queue_url, ["a", "b", "c"])
    cloud.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=1)
    assert sqs.depth(queue_url) == sqs.QueueDepth(visible=2, in_flight=1, delayed=0)


@pytest.fixture
def dead_letters_url(cloud: Any) -> Iterator[str]:
    client = cloud.client("sqs")
    url: str = client.create_queue(QueueName=f"rollcall-test-{cloud.unique}-dlq")["QueueUrl"]
    yield url
    client.delete_queue(QueueUrl=url)


def test_what_is_moved_is_in_the_other_queue_only(
    cloud: Any, queue_url: str, dead_letters_url: str
) -> None:
    bodies = [json.dumps({"mail_id": n}) for n in range(23)]
    sqs.send_batch(dead_letters_url, bodies)
    assert sqs.move(dead_letters_url, queue_url, 100, 10) == 23
    assert sorted(receive_all(cloud, queue_url)) == sorted(bodies)
    assert sqs.depth(dead_letters_url) == sqs.QueueDepth(visible=0, in_flight=0, delayed=0)


def test_no_more_are_moved_than_asked_for(
    cloud: Any, queue_url: str, dead_letters_url: str
) -> None:
    sqs.send_batch(dead_letters_url, [str(n) for n in range(23)])
    assert sqs.move(dead_letters_url, queue_url, 12, 10) == 12
    assert len(receive_all(cloud, queue_url)) == 12
    assert sqs.depth(dead_letters_url).visible == 11


def test_a_queue_that_takes_nothing_loses_nothing(cloud: Any, dead_letters_url: str) -> None:
    sqs.send_batch(dead_letters_url, ["a", "b"])
    with pytest.raises(QueueAway):
        sqs.move(dead_letters_url, f"{dead_letters_url}-gone", 10, 10)
    depth = sqs.depth(dead_letters_url)
    assert depth.visible + depth.in_flight == 2


def test_nothing_is_moved_without_patience(queue_url: str, dead_letters_url: str) -> None:
    sqs.send_batch(dead_letters_url, ["a"])
    assert sqs.move(dead_letters_url, queue_url, 10, 0) == 0


def test_what_sqs_refuses_of_a_batch_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither moto nor the emulator ever refuses a part of a batch; SQS does when it is busy."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    reset_clients()
    with Stubber(sqs_client()) as stubber:
        taken = {"MessageId": "m", "MD5OfMessageBody": "0"}
        stubber.add_response(
            "send_message_batch",
            {
                "Successful": [{"Id": str(n), **taken} for n in range(10) if n not in (3, 7)],
                "Failed": [
                    {"Id": "3", "SenderFault": False, "Code": "InternalError"},
                    {"Id": "7", "SenderFault": False, "Code": "InternalError"},
                ],
            },
        )
        stubber.add_response(
            "send_message_batch", {"Successful": [{"Id": "11", **taken}], "Failed": []}
        )
        assert sqs.send_batch("http://queue.example/q", ["x"] * 12) == [3, 7, 10]
        stubber.assert_no_pending_responses()
    reset_clients()
    refusals = [record for record in caplog.records if record.message == "message_refused"]
    assert [vars(record)["refusal_code"] for record in refusals] == ["InternalError"] * 2


def test_an_unreachable_queue_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    reset_settings()
    reset_clients()
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    calls = []
    sqs_client().meta.events.register(
        "before-call.sqs.SendMessageBatch", lambda **kw: calls.append(kw)
    )
    try:
        assert sqs.send_batch("http://127.0.0.1:9/queue", ["x"] * 25) == list(range(25))
        with pytest.raises(QueueAway):
            sqs.depth("http://127.0.0.1:9/queue")
    finally:
        monkeypatch.undo()
        reset_settings()
        reset_clients()
    assert len(calls) == 1

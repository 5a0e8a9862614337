"""A message is sent when, and only when, the data it was written with is committed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import Engine

from chalicelib.core import database, logs
from chalicelib.core.settings import reset_settings
from chalicelib.integrations import sqs
from chalicelib.integrations.aws import reset_clients, sqs_client
from chalicelib.outbox import service as outbox
from chalicelib.outbox.errors import BodyTooLarge, UnknownQueue
from tests.outbox.queues import Queues

pytestmark = pytest.mark.usefixtures("clean_database")


class Broken(Exception):
    """A transaction of a test breaks."""


def _rows(owner: Connection) -> list[Any]:
    rows = owner.execute(text("SELECT * FROM outbox ORDER BY id")).all()
    owner.rollback()
    return list(rows)


def _write_left_behind(count: int = 1, queue: str = "imports", due_seconds_ago: int = 1) -> None:
    """Write rows as a writer does that is killed after its commit, some time ago."""
    with database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox (queue, body, correlation_id, claimed_until)"
                " SELECT :queue, jsonb_build_object('n', n), 'request-' || n,"
                " now() - make_interval(secs => :ago) FROM generate_series(1, :count) n"
            ),
            {"queue": queue, "count": count, "ago": due_seconds_ago},
        )


def _make_due(owner: Connection) -> None:
    owner.execute(text("UPDATE outbox SET claimed_until = now() - interval '1 second'"))
    owner.commit()


def _seconds_until_due(owner: Connection) -> float:
    seconds = owner.execute(
        text("SELECT extract(epoch FROM claimed_until - now())::float8 FROM outbox")
    ).scalar_one()
    owner.rollback()
    return float(seconds)


class TestAfterCommit:
    def test_messages_leave_once_the_data_is_committed(
        self, queues: Queues, owner: Connection
    ) -> None:
        with logs.correlated("request-0001"), database.transaction() as connection:
            outbox.add(connection, "imports", {"task_id": "a"})
            outbox.add(connection, "exports", {"task_id": "b"})
            assert queues.receive("imports") == []
        assert queues.receive("imports") == [{"task_id": "a", "correlation_id": "request-0001"}]
        assert queues.receive("exports") == [{"task_id": "b", "correlation_id": "request-0001"}]
        assert _rows(owner) == []

    def test_a_broken_transaction_sends_nothing(self, queues: Queues, owner: Connection) -> None:
        def break_after_adding() -> None:
            with database.transaction() as connection:
                outbox.add(connection, "imports", {"task_id": "a"})
                raise Broken

        with pytest.raises(Broken):
            break_after_adding()
        with database.transaction() as connection:
            outbox.add(connection, "imports", {"task_id": "b"})
        assert [body["task_id"] for body in queues.receive()] == ["b"]
        assert _rows(owner) == []

    def test_one_transaction_is_one_call_and_one_delete(self, queues: Queues) -> None:
        calls: list[str] = []
        statements: list[str] = []
        sqs_client().meta.events.register(
            "before-call.sqs.SendMessageBatch", lambda **_: calls.append("send")
        )

        def keep(_c: Any, _k: Any, statement: str, *_: Any) -> None:
            statements.append(statement.split()[0])

        engine = database.init()
        event.listen(engine, "before_cursor_execute", keep)
        try:
            with database.transaction() as connection:
                for n in range(10):
                    outbox.add(connection, "imports", {"n": n})
        finally:
            event.remove(engine, "before_cursor_execute", keep)
        assert calls == ["send"]
        assert statements == ["INSERT"] * 10 + ["DELETE"]
        assert sorted(body["n"] for body in queues.receive()) == list(range(10))

    def test_the_relay_leaves_a_writer_time_to_send(
        self, queues: Queues, owner: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outbox, "_send_own", lambda messages: None)
        with database.transaction() as connection:
            connection.execute(text("SELECT pg_sleep(0.5)"))
            outbox.add(connection, "imports", {"task_id": "a"})
        # Of the writer's 30 seconds none is lost to what its transaction did before.
        assert 29.6 < _seconds_until_due(owner) <= 30
        assert outbox.relay() == outbox.Relayed(sent=0, failed=0)
        _make_due(owner)
        assert outbox.relay() == outbox.Relayed(sent=1, failed=0)
        assert [body["task_id"] for body in queues.receive()] == ["a"]

    def test_a_queue_that_is_away_harms_no_request(self, queues: Queues, owner: Connection) -> None:
        queues.delete("imports")
        with database.transaction() as connection:
            outbox.add(connection, "imports", {"task_id": "a"})
            outbox.add(connection, "exports", {"task_id": "b"})
        assert [row.queue for row in _rows(owner)] == ["imports"]
        assert [body["task_id"] for body in queues.receive("exports")] == ["b"]
        queues.create_again("imports")
        _make_due(owner)
        assert outbox.relay().sent == 1
        assert [body["task_id"] for body in queues.receive("imports")] == ["a"]

    def test_what_a_savepoint_took_back_is_not_sent(
        self, queues: Queues, owner: Connection
    ) -> None:
        with database.transaction() as connection:
            outbox.add(connection, "imports", {"task_id": "outer"})
            with connection.begin_nested() as savepoint:
                outbox.add(connection, "imports", {"task_id": "taken back"})
                savepoint.rollback()
            with connection.begin_nested():
                outbox.add(connection, "imports", {"task_id": "kept"})
        assert [body["task_id"] for body in queues.receive()] == ["outer"]
        assert outbox.relay().sent == 1
        assert [body["task_id"] for body in queues.receive()] == ["kept"]
        assert _rows(owner) == []


class TestRefusals:
    def test_a_queue_that_nobody_knows_is_a_mistake_at_once(self) -> None:
        with database.transaction() as connection, pytest.raises(UnknownQueue):
            outbox.add(connection, "improts", {"task_id": "a"})

    def test_a_message_carries_ids_not_data(self) -> None:
        with database.transaction() as connection, pytest.raises(BodyTooLarge):
            outbox.add(connection, "imports", {"rows": "x" * 20_000})


class TestRelay:
    def test_what_was_left_behind_is_sent_with_its_own_correlation_id(
        self, queues: Queues, owner: Connection
    ) -> None:
        _write_left_behind(23)
        assert outbox.relay() == outbox.Relayed(sent=23, failed=0)
        received = queues.receive()
        assert sorted(body["n"] for body in received) == list(range(1, 24))
        assert all(body["correlation_id"] == f"request-{body['n']}" for body in received)
        assert _rows(owner) == []

    def test_a_pass_takes_no_more_than_its_limit(self, queues: Queues) -> None:
        _write_left_behind(5)
        assert [outbox.relay(limit=2).sent for _ in range(4)] == [2, 2, 1, 0]

    def test_a_row_committed_late_is_found(
        self, queues: Queues, owner_engine: Engine, owner: Connection
    ) -> None:
        """Ids are given before the commit: a relay that remembers the last id would pass it."""
        insert = text(
            "INSERT INTO outbox (queue, body, correlation_id, claimed_until) VALUES"
            " ('imports', jsonb_build_object('n', cast(:n AS int)), 'r', now()) RETURNING id"
        )
        with owner_engine.connect() as late:
            late_id = late.execute(insert, {"n": 1}).scalar_one()
            early_id = owner.execute(insert, {"n": 2}).scalar_one()
            owner.commit()
            assert late_id < early_id
            assert outbox.relay().sent == 1
            late.commit()
        assert outbox.relay().sent == 1
        assert [body["n"] for body in queues.receive()] in ([1, 2], [2, 1])

    def test_relays_at_once_send_each_message_once(
        self, queues: Queues, owner: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DB_POOL_SIZE", "4")
        database.close()
        reset_settings()
        _write_left_behind(120)
        start = threading.Barrier(4)
        sent: list[int] = []

        def relay_all() -> None:
            start.wait()
            while relayed := outbox.relay(limit=7).sent:
                sent.append(relayed)

        threads = [threading.Thread(target=relay_all) for _ in range(4)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            database.close()
            monkeypatch.undo()
        assert sum(sent) == 120
        assert sorted(body["n"] for body in queues.receive()) == list(range(1, 121))
        assert _rows(owner) == []

    def test_a_row_under_another_relays_lock_is_passed_over(
        self, queues: Queues, owner: Connection
    ) -> None:
        _write_left_behind(3)
        owner.execute(text("SELECT id FROM outbox ORDER BY id LIMIT 1 FOR UPDATE"))
        assert outbox.relay().sent == 2
        owner.rollback()
        assert outbox.relay().sent == 1

    def test_nothing_is_sent_inside_a_transaction(
        self, queues: Queues, owner: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        in_transaction = []
        really_send = sqs.send_batch

        def send_and_look(url: str, bodies: list[str]) -> list[int]:
            in_transaction.append(database.init().pool.checkedout())  # type: ignore[attr-defined]
            return really_send(url, bodies)

        monkeypatch.setattr(sqs, "send_batch", send_and_look)
        _write_left_behind(1)
        outbox.relay()
        with database.transaction() as connection:
            outbox.add(connection, "imports", {"n": 2})
        assert in_transaction == [0, 0]


class TestFailures:
    def test_what_cannot_be_sent_waits_longer_each_time(
        self, queues: Queues, owner: Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        queues.delete("imports")
        _write_left_behind(1)
        pauses = []
        for attempt in range(1, 13):
            assert outbox.relay() == outbox.Relayed(sent=0, failed=1)
            assert outbox.relay() == outbox.Relayed(sent=0, failed=0)
            pauses.append(round(_seconds_until_due(owner)))
            assert _rows(owner)[0].attempts == attempt
            _make_due(owner)
        assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600, 3600, 3600]
        stuck = [record for record in caplog.records if record.message == "outbox_messages_stuck"]
        assert len(stuck) == 8
        queues.create_again("imports")
        assert outbox.relay().sent == 1
        assert [body["n"] for body in queues.receive()] == [1]

    def test_a_queue_of_another_release_blocks_nobody(
        self, queues: Queues, owner: Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        _write_left_behind(3, queue="newsletters", due_seconds_ago=60)
        _write_left_behind(2)
        assert outbox.relay(limit=4) == outbox.Relayed(sent=1, failed=3)
        assert outbox.relay(limit=4) == outbox.Relayed(sent=1, failed=0)
        assert [row.queue for row in _rows(owner)] == ["newsletters"] * 3
        assert [row.attempts for row in _rows(owner)] == [1] * 3
        unknown = [record for record in caplog.records if record.message == "outbox_queue_unknown"]
        assert [vars(record)["queue"] for record in unknown] == ["newsletters"]

    def test_of_a_batch_only_what_was_taken_is_forgotten(
        self, queues: Queues, owner: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        really_send = sqs.send_batch

        def refuse_the_second(url: str, bodies: list[str]) -> list[int]:
            really_send(url, [body for index, body in enumerate(bodies) if index != 1])
            return [1]

        monkeypatch.setattr(sqs, "send_batch", refuse_the_second)
        _write_left_behind(3)
        assert outbox.relay() == outbox.Relayed(sent=2, failed=1)
        (left,) = _rows(owner)
        monkeypatch.undo()
        _make_due(owner)
        assert outbox.relay().sent == 1
        assert left.body["n"] in range(1, 4)
        assert sorted(body["n"] for body in queues.receive()) == [1, 2, 3]

    def test_no_endpoint_at_all_costs_a_pass_and_no_message(
        self, queues: Queues, owner: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _write_left_behind(25)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        reset_settings()
        reset_clients()
        assert outbox.relay() == outbox.Relayed(sent=0, failed=25)
        monkeypatch.undo()
        reset_settings()
        reset_clients()
        _make_due(owner)
        assert outbox.relay() == outbox.Relayed(sent=25, failed=0)
        assert len(queues.receive()) == 25

"""No task hangs: what was lost is sent again, what cannot be done ends with a cause, what is old
goes."""

from __future__ import annotations

import uuid

import pytest

from chalicelib.bulk import importing, service
from chalicelib.bulk.errors import TaskBusy, TaskTaken, UnknownTask
from chalicelib.bulk.work import MAX_ATTEMPTS, claim_task, hold_task
from chalicelib.core import batches, database, logs
from tests.bulk.desk import Desk, csv_file, uploaded

NEW = ["CS101", "Computing", "About it", "3.0"]


def claim(task_id: uuid.UUID):  # type: ignore[no-untyped-def]
    with database.transaction() as connection:
        return claim_task(connection, task_id, "import")


def revive() -> int:
    with database.transaction() as connection:
        return service.revive_stale(connection)


def test_a_claim_takes_a_task_over(desk: Desk) -> None:
    task_id = desk.upload(csv_file([NEW]))
    first, second = claim(task_id), claim(task_id)
    assert (first.attempt, second.attempt) == (1, 2)
    with database.transaction() as connection:
        hold_task(connection, second)
    with pytest.raises(TaskTaken), database.transaction() as connection:
        hold_task(connection, first)


def test_a_task_at_a_step_is_busy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PAUSES_SECONDS", ())
    task_id = desk.upload(csv_file([NEW]))
    desk.owner.exec_driver_sql(f"SELECT 1 FROM tasks WHERE id = '{task_id}' FOR UPDATE")
    with pytest.raises(TaskBusy):
        claim(task_id)
    assert len(desk.deliver(uploaded(task_id))) == 1
    desk.owner.rollback()
    assert desk.deliver(uploaded(task_id)) == []
    assert desk.task(task_id).state == "SUCCESS"


def test_an_unknown_task_is_nobodys(desk: Desk) -> None:
    with pytest.raises(UnknownTask):
        claim(uuid.uuid4())


def test_a_task_tried_too_often_is_given_up(desk: Desk) -> None:
    task_id = desk.upload(csv_file([NEW]))
    for _ in range(MAX_ATTEMPTS):
        claim(task_id)
    assert desk.deliver(uploaded(task_id)) == []
    assert desk.task(task_id).code == "worker_lost"
    assert desk.courses() == []


def test_what_surrounds_us_may_fail_and_the_message_comes_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = desk.upload(csv_file([NEW]))
    with monkeypatch.context() as broken:
        broken.setattr(importing, "stage_rows", lambda *_: 1 / 0)
        assert len(desk.deliver(uploaded(task_id))) == 1
    assert desk.task(task_id).state == "PROGRESS"
    assert desk.deliver(uploaded(task_id)) == []
    assert desk.task(task_id).state == "SUCCESS"


def test_staged_rows_that_a_crash_emptied_are_noticed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = desk.upload(csv_file([NEW]))
    stage = importing.stage_rows

    def lose(*arguments):  # type: ignore[no-untyped-def]
        staged = stage(*arguments)
        desk.write("DELETE FROM import_rows")
        return staged

    with monkeypatch.context() as crashed:
        crashed.setattr(importing, "stage_rows", lose)
        assert len(desk.deliver(uploaded(task_id))) == 1
    assert desk.courses() == []
    assert desk.deliver(uploaded(task_id)) == []
    assert desk.task(task_id).counts == (1, 0, 0, 0)


def test_a_task_whose_worker_is_gone_is_sent_again(desk: Desk) -> None:
    task_id = desk.upload(csv_file([NEW]))
    claim(task_id)
    assert revive() == 0
    desk.write("UPDATE tasks SET heartbeat_at = now() - interval '31 seconds'")
    assert revive() == 1
    assert revive() == 0
    (message,) = desk.queues.receive("imports")
    assert message["task_id"] == str(task_id)
    assert desk.deliver(message) == []
    assert desk.task(task_id).state == "SUCCESS"


def test_a_task_that_somebody_works_on_is_left_alone(desk: Desk) -> None:
    task_id = desk.upload(csv_file([NEW]))
    claim(task_id)
    desk.write("UPDATE tasks SET heartbeat_at = now() - interval '31 seconds'")
    desk.owner.exec_driver_sql(f"SELECT 1 FROM tasks WHERE id = '{task_id}' FOR UPDATE")
    assert revive() == 0
    desk.owner.rollback()


def test_a_form_that_was_never_used_ends_its_task(desk: Desk) -> None:
    with database.transaction() as connection:
        task_id, _ = service.start_import(connection, desk.caller, "courses", "x.csv", "apply")
    desk.write("UPDATE tasks SET heartbeat_at = now() - interval '1 hour'")
    assert revive() == 0
    desk.write("UPDATE tasks SET upload_expires_at = now() - interval '31 minutes'")
    assert revive() == 1
    (message,) = desk.queues.receive("imports")
    assert desk.deliver(message) == []
    assert desk.task(task_id).code == "upload_missing"


def test_an_upload_whose_notification_was_lost_is_found(desk: Desk) -> None:
    task_id = desk.upload(csv_file([NEW]))
    desk.write(
        "UPDATE tasks SET heartbeat_at = now() - interval '1 hour',"
        " upload_expires_at = now() - interval '31 minutes'"
    )
    assert revive() == 1
    (message,) = desk.queues.receive("imports")
    assert desk.deliver(message) == []
    assert desk.task(task_id).state == "SUCCESS"


def test_a_stale_task_that_was_tried_too_often_fails(desk: Desk) -> None:
    task_id = desk.upload(csv_file([NEW]))
    claim(task_id)
    desk.write(
        "UPDATE tasks SET heartbeat_at = now() - interval '31 seconds', attempt = :n",
        n=MAX_ATTEMPTS,
    )
    assert revive() == 1
    assert desk.task(task_id).code == "worker_lost"
    assert desk.queues.receive("imports") == []


def test_a_lost_export_goes_to_its_own_queue(desk: Desk) -> None:
    with database.transaction() as connection:
        task_id = service.start_export(connection, desk.caller, "courses", {})
    assert [m["task_id"] for m in desk.queues.receive("exports")] == [str(task_id)]
    desk.write("UPDATE tasks SET heartbeat_at = now() - interval '6 minutes'")
    assert revive() == 1
    assert [m["task_id"] for m in desk.queues.receive("exports")] == [str(task_id)]


def test_old_tasks_go_with_their_rows(desk: Desk) -> None:
    old = desk.import_(csv_file([["", "x", "", ""]]), "plan")
    young = desk.import_(csv_file([["", "x", "", ""]]), "plan")
    unfinished = desk.upload(csv_file([NEW]))
    desk.write(
        "UPDATE tasks SET created_at = now() - interval '31 days' WHERE id IN (:a, :b)",
        a=old.id,
        b=unfinished,
    )
    with database.transaction() as connection:
        (deleted,) = service.delete_old_tasks(connection, 10)
    assert deleted.id == old.id
    assert sorted(deleted.object_keys) == [
        f"imports/{old.id}/source.csv",
        f"results/{old.id}/errors.csv",
    ]
    left = desk.read("SELECT id FROM tasks")
    assert {row.id for row in left} == {young.id, unfinished}
    assert len(desk.read("SELECT 1 FROM task_rows")) == 1


def test_the_request_and_its_import_share_a_correlation_id(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(importing.log, "info", lambda *_, **__: seen.append(logs.correlation_id()))
    with logs.correlated("the-request-of-rosa"):
        task_id = desk.upload(csv_file([NEW]))
    desk.deliver(uploaded(task_id))
    assert set(seen) == {"the-request-of-rosa"}

"""A function's process is stopped (SIGSTOP) in the midst of its work until its message has come
again and another process has done it; then it wakes up, and nothing is lost, changed or twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from demo import Demo

from tests.faults.gates import Place
from tests.faults.sleeping import Dormitory
from tests.localstack.cloud import Cloud, wait_for

ROWS = 300
READERS = 25_000
STAGING = Place("import_rows", "NEW.line > 100")
LAST_OF_IMPORT = Place("tasks", "NEW.job = 'import' AND NEW.state = 'SUCCESS'")
LAST_OF_EXPORT = Place("tasks", "NEW.job = 'export' AND NEW.state = 'SUCCESS'")
SECOND_CHUNK = Place("fanout_chunks", "NEW.number = 2 AND NEW.done_version > 0")
BEFORE_SES = Place("mail_pace", "NEW.id = 1")
AFTER_SES = Place("mails", "NEW.state = 'sent'")
_MAIL = "SELECT id, state, attempts, message_id FROM mails ORDER BY id DESC LIMIT 1"


@pytest.fixture(scope="module")
def dormitory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dormitory]:
    with Cloud.started(tmp_path_factory.mktemp("sleepers") / "state") as cloud:
        yield Dormitory(cloud)


@pytest.fixture
def rosa(dormitory: Dormitory) -> Demo:
    demo = Demo(dormitory.cloud.url)
    demo.sign_in("rosa")
    return demo


def changed_nothing(dormitory: Dormitory, sleeper: int, job: str, facts: str, **binds: Any) -> None:
    """Wake a process, and fail where the facts are others when it is done with its message, or a
    message is left.
    """
    before = dormitory.cloud.read(facts, **binds)
    assert before
    dormitory.wake(sleeper, job)
    assert dormitory.cloud.read(facts, **binds) == before
    wait_for(dormitory.has_nothing_left, "no message is left")
    assert dormitory.cloud.read(facts, **binds) == before


@pytest.mark.parametrize(
    ("prefix", "place"),
    [("STAGE", STAGING), ("APPLY", LAST_OF_IMPORT)],
    ids=["staging", "applying"],
)
def test_an_import_that_slept_changes_nothing(
    dormitory: Dormitory, rosa: Demo, prefix: str, place: Place
) -> None:
    file = "\n".join(["code,title", *(f"{prefix}{n},Course {n}" for n in range(ROWS))])
    form = rosa.call("POST", "/api/imports/courses", expected=201, json={"filename": "a.csv"})
    with dormitory.gate_at(place) as gate:
        upload = form["upload"]
        files = {"file": ("a.csv", file.encode(), "text/csv")}
        requests.post(
            upload["url"], data=upload["fields"], files=files, timeout=30
        ).raise_for_status()
        sleeper = dormitory.put_to_sleep("import_rows", gate.wait_for_somebody())
    result = rosa.finished(form["task_id"])["result"]
    assert (result["created"], result["total"]) == (ROWS, ROWS)
    dormitory.cloud.write(
        "UPDATE courses SET title = 'Since' WHERE code = :code", code=f"{prefix}7"
    )
    changed_nothing(
        dormitory,
        sleeper,
        "import_rows",
        """
        SELECT attempt, state, CAST(result AS text), finished_at,
               (SELECT array_agg(code || title || version ORDER BY code) FROM courses
                 WHERE code LIKE :prefix || '%'),
               (SELECT count(*) FROM audit_events
                 WHERE action = 'import_applied' AND object_id = CAST(tasks.id AS text)),
               (SELECT count(*) FROM import_rows WHERE task_number = number)
          FROM tasks WHERE id = CAST(:id AS uuid)
        """,
        id=form["task_id"],
        prefix=prefix,
    )
    (attempts,) = dormitory.cloud.read(
        "SELECT attempt FROM tasks WHERE id = CAST(:id AS uuid)", id=form["task_id"]
    )
    assert attempts == (2,), "another process did it"


def test_an_export_that_slept_leaves_the_file_as_it_is(dormitory: Dormitory, rosa: Demo) -> None:
    with dormitory.gate_at(LAST_OF_EXPORT) as gate:
        started = rosa.call("POST", "/api/exports/courses", expected=202, json={})
        sleeper = dormitory.put_to_sleep("export_rows", gate.wait_for_somebody())
    rosa.finished(started["task_id"])
    exported = rosa.downloaded(started["task_id"], "download")
    dormitory.cloud.write("UPDATE courses SET title = 'Later' WHERE code = 'CS101'")
    changed_nothing(
        dormitory,
        sleeper,
        "export_rows",
        "SELECT attempt, state, CAST(result AS text), result_key, finished_at FROM tasks"
        " WHERE id = CAST(:id AS uuid)",
        id=started["task_id"],
    )
    assert b"CS101" in exported
    assert rosa.downloaded(started["task_id"], "download") == exported


def test_a_fan_out_that_slept_in_a_chunk_tells_nobody_twice(
    dormitory: Dormitory, rosa: Demo
) -> None:
    dormitory.cloud.write(
        "INSERT INTO users (username, email, full_name, role) SELECT 'reader' || n,"
        " 'reader' || n || '@rollcall.example', 'Reader', 'student'"
        "  FROM generate_series(1, :readers) n",
        readers=READERS,
    )
    dormitory.cloud.write(
        "INSERT INTO notification_preferences (user_id, mail)"
        " SELECT id, 'immediate' FROM users WHERE username IN ('chloe', 'dai')"
        " ON CONFLICT (user_id) DO UPDATE SET mail = 'immediate'"
    )
    told = {"title": "Trip", "body": "Friday.", "audience": {"kind": "all_students"}}
    with dormitory.gate_at(SECOND_CHUNK) as gate:
        announcement = rosa.call("POST", "/api/announcements", expected=201, json=told)["id"]
        sleeper = dormitory.put_to_sleep("fan_out", gate.wait_for_somebody())
    audience = rosa.fanned_out(announcement)["audience"]
    assert audience > READERS
    facts = """
        SELECT count(*), count(DISTINCT user_id), min(version), max(version),
               (SELECT sum(cardinality(user_ids)) FROM delivery_events
                 WHERE announcement_id = :id AND kind = 'queued'),
               (SELECT count(*) FROM mails WHERE kind = 'announcement_published' AND about = :id),
               (SELECT fanout_at FROM announcements WHERE id = :id)
          FROM deliveries WHERE announcement_id = :id
        """
    assert dormitory.cloud.read(facts, id=announcement)[0][:6] == (
        audience,
        audience,
        1,
        1,
        audience,
        2,
    )
    changed_nothing(dormitory, sleeper, "fan_out", facts, id=announcement)
    dormitory.cloud.run_schedule("relay_outbox")
    mails = "SELECT DISTINCT state, attempts FROM mails WHERE about = :id"
    wait_for(
        lambda: dormitory.cloud.read(mails, id=announcement) == [("sent", 1)],
        "its mails are sent once",
    )


class Forgetful:
    """Somebody who asks for a link by mail while the process that sends it falls asleep."""

    def __init__(self, dormitory: Dormitory, name: str) -> None:
        self._dormitory = dormitory
        self._address = f"{name}@rollcall.example"
        self._waits = 0

    def ask(self) -> None:
        url = f"{self._dormitory.cloud.url}/auth/forgot-password"
        asked = requests.post(url, json={"email": self._address}, timeout=10)
        assert asked.status_code == 202, asked.text
        self._waits = self._turned_away()

    def another_was_turned_away(self) -> bool:
        """Tell whether another process has found the mail claimed since."""
        return self._turned_away() > self._waits

    def links(self) -> list[str]:
        """Return the links of the mails that came, each mail's one."""
        url = f"{self._dormitory.cloud.url}/_local/mail?to={self._address}"
        mails = requests.get(url, timeout=10).json()["items"]
        found = [re.search(r"reset-password\?token=(\S+)", mail["text"]) for mail in mails]
        return [link[1] for link in found if link]

    def _turned_away(self) -> int:
        lines = self._dormitory.cloud.lines("send_mail")
        return sum(line.get("cause") == "MailClaimed" for line in lines)


def is_sent(dormitory: Dormitory) -> bool:
    return bool(dormitory.cloud.read(_MAIL)[0][1] == "sent")


@pytest.mark.parametrize(("name", "place"), [("chloe", BEFORE_SES), ("dai", AFTER_SES)])
def test_a_mail_whose_sender_slept_within_its_claim_is_sent_once(
    dormitory: Dormitory, name: str, place: Place
) -> None:
    somebody = Forgetful(dormitory, name)
    with dormitory.gate_at(place) as gate:
        somebody.ask()
        sleeper = dormitory.put_to_sleep("send_mail", gate.wait_for_somebody())
    wait_for(somebody.another_was_turned_away, "another process comes")
    assert len(somebody.links()) == (place == AFTER_SES)
    dormitory.wake(sleeper, "send_mail")
    wait_for(lambda: is_sent(dormitory), "the mail is sent")
    wait_for(dormitory.has_nothing_left, "no message is left")
    assert dormitory.cloud.read(_MAIL)[0][2] == 1
    (link,) = somebody.links()
    reset = {"token": link, "new_password": "Quite-Another-2026"}
    url = f"{dormitory.cloud.url}/auth/reset-password"
    assert requests.post(url, json=reset, timeout=10).status_code == 204


def test_a_mail_whose_sender_slept_before_the_send_past_its_claim_is_sent_once(
    dormitory: Dormitory,
) -> None:
    tilda = Forgetful(dormitory, "tilda")
    with dormitory.gate_at(BEFORE_SES) as gate:
        tilda.ask()
        sleeper = dormitory.put_to_sleep("send_mail", gate.wait_for_somebody())
    dormitory.cloud.write("UPDATE mails SET claimed_until = now() WHERE state = 'queued'")
    wait_for(lambda: is_sent(dormitory), "another process sends it")
    changed_nothing(dormitory, sleeper, "send_mail", _MAIL)
    assert len(tilda.links()) == 1


def test_a_mail_whose_sender_slept_after_the_send_past_its_claim_is_ended_by_the_word_of_ses(
    dormitory: Dormitory,
) -> None:
    ben = Forgetful(dormitory, "ben")
    with dormitory.gate_at(AFTER_SES) as gate:
        ben.ask()
        sleeper = dormitory.put_to_sleep("send_mail", gate.wait_for_somebody())
    dormitory.tell_of_delivery(dormitory.cloud.read(_MAIL)[0][0])
    wait_for(lambda: is_sent(dormitory), "the event ends it")
    changed_nothing(dormitory, sleeper, "send_mail", _MAIL)
    assert len(ben.links()) == 1

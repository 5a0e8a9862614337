"""Processes whose wall clock is wrong: what they sign holds elsewhere, nothing comes early, late or
twice, and what several have to agree on goes by the database's clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests
from demo import PASSWORD, Demo

from tests.faults import clocks
from tests.faults.clocks import Clockwork
from tests.localstack.cloud import Cloud, wait_for

pytestmark = pytest.mark.skipif(not clocks.LIBRARY.exists(), reason=clocks.MISSING)

AHEAD, BEHIND = "+4m", "-4m"
MINUTES = timedelta(minutes=1)


@pytest.fixture(scope="module")
def clockwork(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clockwork]:
    with Cloud.started(tmp_path_factory.mktemp("clocks") / "state") as cloud:
        yield Clockwork(cloud)
    clocks.forget_marks()


@pytest.fixture(scope="module")
def apis(clockwork: Clockwork) -> Iterator[Mapping[str, str]]:
    """The addresses of three API processes, by how their clock goes."""
    with clockwork.api(AHEAD) as ahead, clockwork.api(BEHIND) as behind:
        yield {"right": clockwork.cloud.url, "ahead": ahead, "behind": behind}


def signed_in(url: str, name: str) -> Demo:
    demo = Demo(url)
    demo.sign_in(name)
    return demo


def test_tokens_of_each_process_hold_at_every_other(apis: Mapping[str, str]) -> None:
    body = {"username": "chloe", "password": PASSWORD}
    statuses = {}
    for made, used in product(apis, apis):
        tokens = requests.post(f"{apis[made]}/auth/login", json=body, timeout=10).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        answer = requests.get(f"{apis[used]}/auth/me", headers=bearer, timeout=10)
        refresh = {"refresh_token": tokens["refresh_token"]}
        again = [
            requests.post(f"{apis[used]}/auth/refresh", json=refresh, timeout=10).status_code
            for _ in range(2)
        ]
        statuses[made, used] = (answer.status_code, *again)
    assert statuses == dict.fromkeys(statuses, (200, 200, 401))


@pytest.mark.parametrize(("clock", "minutes"), [("ahead", 4), ("behind", -4)])
def test_forms_and_links_of_a_wrong_clock_work(
    clockwork: Clockwork, apis: Mapping[str, str], clock: str, minutes: int
) -> None:
    rosa = signed_in(apis[clock], "rosa")
    form = rosa.call("POST", "/api/imports/courses", expected=201, json={"filename": "a.csv"})
    expires_at = datetime.fromisoformat(form["upload"]["expires_at"])
    shift = expires_at - clockwork.now() - 15 * MINUTES
    assert abs(shift - minutes * MINUTES) < MINUTES, "its clock is wrong"
    result = rosa.imported(f"code,title\nCLOCK-{clock},Time\n".encode())
    assert result["created"] == 1
    assert f"CLOCK-{clock},Time" in rosa.exported("courses", {}).decode()


def published(clockwork: Clockwork, announcement: int) -> tuple[int, int, int]:
    """Return how many deliveries and readers an announcement has, and how often it was published
    by the clock.
    """
    return tuple(
        clockwork.cloud.read(
            """
            SELECT count(*), count(DISTINCT user_id),
                   (SELECT count(*) FROM audit_events WHERE action = 'announcement_published'
                       AND object_id = CAST(:id AS text))
              FROM deliveries WHERE announcement_id = :id
            """,
            id=announcement,
        )[0]
    )


def test_what_is_for_later_comes_once_and_not_before(
    clockwork: Clockwork, apis: Mapping[str, str]
) -> None:
    rosa = signed_in(apis["ahead"], "rosa")
    at = (clockwork.now() + 2 * MINUTES).isoformat()
    told = {"title": "Later", "body": "Not now.", "publish_at": at}
    made = rosa.call("POST", "/api/announcements", expected=201, json=told)
    assert clockwork.call("publish_due", "+1h")["published"] == 0
    path = f"/api/announcements/{made['id']}"
    assert rosa.call("GET", path, expected=200)["status"] == "scheduled"
    assert published(clockwork, made["id"]) == (0, 0, 0)
    clockwork.cloud.write(
        "UPDATE announcements SET publish_at = now() WHERE id = :id", id=made["id"]
    )
    runs = [clockwork.call("publish_due", shift)["published"] for shift in ("-1h", "+1h")]
    # The cloud's own schedule may have been first.
    assert sum(runs) <= 1
    audience = rosa.fanned_out(made["id"])["audience"]
    assert published(clockwork, made["id"]) == (audience, audience, 1)


def test_what_is_due_is_published_at_once_by_a_clock_that_is_behind(
    clockwork: Clockwork, apis: Mapping[str, str]
) -> None:
    rosa = signed_in(apis["behind"], "rosa")
    told = {"title": "Now", "body": "At once.", "publish_at": clockwork.now().isoformat()}
    assert rosa.call("POST", "/api/announcements", expected=201, json=told)["status"] == "published"


def test_the_hour_between_reminders_is_the_databases(
    clockwork: Clockwork, apis: Mapping[str, str]
) -> None:
    told = {"title": "Answer", "body": "Please."}
    made = signed_in(apis["right"], "rosa").call(
        "POST", "/api/announcements", expected=201, json=told
    )
    path = f"/api/announcements/{made['id']}/remind_unacked"
    for clock, minutes, expected in (("ahead", 58, 429), ("behind", 61, 200)):
        clockwork.cloud.write(
            "UPDATE announcements SET reminded_at = now() - make_interval(mins => :minutes)"
            " WHERE id = :id",
            id=made["id"],
            minutes=minutes,
        )
        signed_in(apis[clock], "rosa").call("POST", path, expected=expected)


def test_digests_come_at_their_hour_and_once(clockwork: Clockwork) -> None:
    """Three readers want theirs in the hour before this one, in this one, in the next."""
    students = "SELECT id FROM users WHERE role = 'student' ORDER BY id LIMIT 3"
    readers = [reader for (reader,) in clockwork.cloud.read(students)]
    for _ in range(2):
        hour = clockwork.now().hour
        clockwork.cloud.write("DELETE FROM mails WHERE kind = 'announcement_digest'")
        for reader, wanted in zip(readers, (hour - 1, hour, hour + 1), strict=True):
            clockwork.cloud.write(
                "INSERT INTO notification_preferences (user_id, mail, digest_hour)"
                " VALUES (:id, 'digest', :hour)"
                " ON CONFLICT (user_id) DO UPDATE SET mail = 'digest', digest_hour = :hour",
                id=reader,
                hour=wanted % 24,
            )
        for shift in ("+1h", "-1h"):
            clockwork.call("send_digests", shift)
        if clockwork.now().hour == hour:
            break
    mailed = clockwork.cloud.read(
        "SELECT user_id FROM mails WHERE kind = 'announcement_digest' AND user_id = ANY(:readers)",
        readers=readers,
    )
    assert mailed == [(readers[1],)]


def test_a_weekly_report_is_of_this_week_and_comes_once(clockwork: Clockwork) -> None:
    for shift in ("+8d", "+0"):
        clockwork.call("weekly_report", shift)
    reports = clockwork.cloud.read(
        "SELECT count(*), count(DISTINCT user_id), min(occasion), max(occasion),"
        " min(CAST(to_char(now(), 'IYYYIW') AS integer))"
        " FROM mails WHERE kind = 'weekly_report'"
    )
    count, readers, first, last, this_week = reports[0]
    assert count == readers >= 2
    assert first == last == this_week


@pytest.mark.parametrize(("shift", "hours"), [("+1h", 1), ("-1h", -1)])
def test_functions_an_hour_off_do_everything_once_by_the_databases_clock(
    clockwork: Clockwork, shift: str, hours: int
) -> None:
    clockwork.shift_workers(shift)
    before = clockwork.now()
    rosa = signed_in(clockwork.cloud.url, "rosa")
    result = rosa.imported(f"code,title\nHOUR{shift},Time\n".encode())
    assert (result["created"], result["total"]) == (1, 1)
    assert f"HOUR{shift},Time" in rosa.exported("courses", {}).decode()
    told = {"title": "An hour off", "body": "Which one?"}
    announcement = rosa.call("POST", "/api/announcements", expected=201, json=told)["id"]
    audience = rosa.fanned_out(announcement)["audience"]
    assert published(clockwork, announcement) == (audience, audience, 0)
    address = "tilda@rollcall.example"
    forgot = requests.post(
        f"{clockwork.cloud.url}/auth/forgot-password", json={"email": address}, timeout=10
    )
    assert forgot.status_code == 202
    sent = "SELECT state, attempts FROM mails WHERE kind = 'forgot_password' ORDER BY id DESC"
    wait_for(lambda: clockwork.cloud.read(sent)[0] == ("sent", 1), "the mail is sent")
    written = clockwork.cloud.read(
        """
        SELECT started_at FROM tasks WHERE created_at > :before
         UNION ALL SELECT finished_at FROM tasks WHERE created_at > :before
         UNION ALL SELECT ended_at FROM mails WHERE kind = 'forgot_password'
         UNION ALL SELECT fanout_at FROM announcements WHERE id = :id
         UNION ALL SELECT at FROM delivery_events WHERE announcement_id = :id
         ORDER BY 1 DESC LIMIT 7
        """,
        id=announcement,
        before=before,
    )
    after = clockwork.now()
    assert all(before <= at <= after for (at,) in written), written
    log = (clockwork.cloud.state / "logs" / "import_rows.log").read_text().splitlines()
    at = datetime.fromisoformat(json.loads(log[-1])["at"])
    assert abs(at - after - timedelta(hours=hours)) < MINUTES, "their clock is wrong"


def test_a_clock_that_jumps_costs_no_request(clockwork: Clockwork, tmp_path: Path) -> None:
    shift = tmp_path / "shift"
    shift.write_text("+0\n")
    statuses: dict[str, set[int]] = {}
    body = {"username": "dai", "password": PASSWORD}
    with clockwork.api(shift) as url, clockwork.function("publish_due", shift) as function:
        for jump in ("+0", "+1h", "-2h", "+3d", "+4m"):
            shift.write_text(f"{jump}\n")
            # Of two workers each has a connection that lay idle, by its clock, for that long.
            statuses[jump] = {
                requests.post(f"{url}/auth/login", json=body, timeout=10).status_code
                for _ in range(4)
            }
            answer: dict[str, Any] = function.invoke({})
            assert answer["published"] == 0
    assert statuses == {jump: {200} for jump in statuses}

"""The mails about announcements from outside, on a local cloud: one arrives with its headers, its
link ends them and stands in no log, and the schedules run.
"""

from __future__ import annotations

from typing import Any

import requests

from tests.localstack.cloud import Cloud, wait_for

CHLOE, ROSA = "chloe@rollcall.example", "rosa@rollcall.example"


def mail_to(cloud: Cloud, address: str, subject: str) -> dict[str, Any]:
    """Wait for the newest mail to an address with that in its subject."""

    def arrived() -> list[dict[str, Any]]:
        cloud.run_schedule("relay_outbox")
        mails = requests.get(f"{cloud.url}/_local/mail?to={address}", timeout=10).json()["items"]
        return [mail for mail in mails if subject in mail["subject"]]

    found: list[dict[str, Any]] = wait_for(arrived, f"a mail to {address}")
    return found[0]


def test_an_announcement_is_mailed_with_a_link_that_ends_such_mails(cloud: Cloud) -> None:
    rosa, chloe = cloud.signed_in("rosa"), cloud.signed_in("chloe")
    preferences = f"{cloud.url}/api/notification_preferences"
    wanted = {"mail": "immediate", "digest_hour": 18, "timezone": "UTC", "locale": "zh-CN"}
    assert chloe.put(preferences, json=wanted, timeout=10).status_code == 200
    me = chloe.get(f"{cloud.url}/auth/me", timeout=10).json()["id"]
    told = {
        "title": "周五停课",
        "body": "The *whole* school is on a trip.",
        "audience": {"kind": "users", "ids": [me]},
    }
    assert rosa.post(f"{cloud.url}/api/announcements", json=told, timeout=10).status_code == 201
    mail = mail_to(cloud, CHLOE, "周五停课")
    assert "The whole school is on a trip." in mail["text"]
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = mail["headers"]["List-Unsubscribe"].strip("<>")
    assert url.startswith(f"{cloud.url}/unsubscribe/")
    page = requests.get(url, timeout=10)
    assert "<button>退订</button>" in page.text
    assert chloe.get(preferences, timeout=10).json() == wanted
    one_click = {"List-Unsubscribe": "One-Click"}
    assert requests.post(url, data=one_click, timeout=10).status_code == 200
    assert chloe.get(preferences, timeout=10).json() == wanted | {"mail": "off"}
    logs = [log.read_text("utf-8", "replace") for log in (cloud.state / "logs").iterdir()]
    assert any('"route": "/unsubscribe/{token}"' in log for log in logs)
    assert not any(url.rpartition("/")[2] in log for log in logs)


def test_the_weekly_report_comes_with_an_export(cloud: Cloud) -> None:
    cloud.run_schedule("send_digests")
    for _ in range(2):
        cloud.run_schedule("weekly_report")
    mail = mail_to(cloud, ROSA, "Your weekly report")
    assert f"{cloud.url}/tasks" in mail["text"]
    rosa = cloud.signed_in("rosa")

    def exported() -> bool:
        tasks = rosa.get(f"{cloud.url}/api/tasks", timeout=10).json()["items"]
        return [(task["kind"], task["state"]) for task in tasks] == [("courses", "SUCCESS")]

    wait_for(exported, "one export of the courses")

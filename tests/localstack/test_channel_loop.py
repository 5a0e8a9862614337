"""A channel's whole way, from outside, on a local cloud: added, tested, and told of an
announcement, with the letterbox as its relay.
"""

from __future__ import annotations

from typing import Any

import requests

from tests.localstack.cloud import PASSWORD, Cloud, wait_for

LIST = "staff@school.example"


def test_the_whole_loop(cloud: Cloud) -> None:
    session = requests.Session()

    def call(method: str, path: str, **body: Any) -> Any:
        answer = session.request(method, cloud.url + path, json=body or None, timeout=30)
        assert answer.status_code < 300, answer.text
        return answer.json()

    login = call("POST", "/auth/login", username="amara", password=PASSWORD)
    session.headers["Authorization"] = f"Bearer {login['access_token']}"
    host, _, port = cloud.settings()["CHANNEL_PRIVATE_HOSTS"].partition(":")
    channel = call(
        "POST",
        "/api/channels",
        kind="smtp",
        name="Staff",
        host=host,
        port=int(port),
        security="none",
        sender="rollcall@school.example",
        to=LIST,
    )

    def mails() -> list[str]:
        kept = requests.get(f"{cloud.url}/_local/mail", params={"to": LIST}, timeout=10).json()
        return [mail["subject"] for mail in kept["items"]]

    path = f"/api/channels/{channel['id']}"
    call("POST", f"{path}/test")
    wait_for(mails, "a test arrives")
    wait_for(lambda: call("GET", path)["last_post"]["state"] == "sent", "it is noted")

    told = call("POST", "/api/announcements", title="Trip", body="x", channels=[channel["id"]])
    wait_for(lambda: len(mails()) == 2, "the announcement arrives")
    assert mails()[0] == "Trip"
    announcement = f"/api/announcements/{told['id']}"
    sent = {"id": channel["id"], "name": "Staff", "state": "sent", "code": None}
    wait_for(lambda: call("GET", announcement)["channels"] == [sent], "the author sees it")

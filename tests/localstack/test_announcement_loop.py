"""An announcement's whole way, from outside, on a local cloud: published, fanned out by the worker,
read, acknowledged, reminded of and withdrawn.
"""

from __future__ import annotations

from typing import Any

import requests

from tests.localstack.cloud import Cloud, wait_for

PASSWORD = "Rollcall-Demo-2026"


class Person:
    """Somebody with a client."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self._url = cloud.url
        self._session = requests.Session()
        tokens = self("POST", "/auth/login", username=name, password=PASSWORD).json()
        self._session.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def __call__(self, method: str, path: str, **body: Any) -> requests.Response:
        answer = self._session.request(method, self._url + path, json=body or None, timeout=30)
        assert answer.status_code < 500, answer.text
        return answer


def test_the_whole_loop(cloud: Cloud) -> None:
    ben, chloe, dai = (Person(cloud, name) for name in ("ben", "chloe", "dai"))
    before = chloe("GET", "/api/unread_count").json()["unread"]
    published = ben("POST", "/api/announcements", title="Trip", body="**All** of you: Friday.")
    assert published.status_code == 201, published.text
    path = published.headers["Location"]

    def stats() -> dict[str, Any]:
        counted: dict[str, Any] = ben("GET", f"{path}/stats").json()
        return counted

    wait_for(lambda: stats()["fanout"]["state"] == "done", 30)
    audience = stats()["audience"]
    assert (stats()["queued"], stats()["acknowledged"]) == (audience, 0)
    assert audience >= 202

    newest = chloe("GET", "/api/deliveries").json()["items"][0]
    assert newest["announcement"]["html"] == "<p><strong>All</strong> of you: Friday.</p>\n"
    assert chloe("GET", "/api/unread_count").json()["unread"] == before + 1
    delivery = f"/api/deliveries/{newest['id']}"
    assert chloe("POST", f"{delivery}/delivered").json()["state"] == "delivered"
    assert stats()["delivered"] == 1
    assert dai("POST", f"{delivery}/ack").status_code == 404
    assert chloe("POST", f"{delivery}/ack").json()["state"] == "acknowledged"
    assert chloe("GET", "/api/unread_count").json()["unread"] == before
    assert stats()["acknowledged"] == 1

    assert ben("POST", f"{path}/remind_unacked").json() == {"reminded": audience - 1}
    assert ben("POST", f"{path}/remind_unacked").status_code == 429
    assert ben("POST", f"{path}/withdraw").json()["status"] == "withdrawn"
    assert dai("GET", "/api/deliveries").json()["items"][:1] != [newest]
    assert chloe("POST", f"{delivery}/ack").json()["code"] == "announcement_withdrawn"
    proof = ben("GET", f"{path}/proof").json()["items"]
    kinds = [line.split("|")[2] for seal in proof for line in seal["events"]]
    assert kinds == ["queued", "shown", "acknowledged", "reminded", "withdrawn"]

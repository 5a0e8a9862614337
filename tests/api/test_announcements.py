"""Announcements over HTTP: who may address whom, editions, reminders, withdrawal, and the proof."""

from __future__ import annotations

from typing import Any

from chalicelib.announcements.fanout import fan_out

from .conftest import API, Answer

TITLE = {"title": "No class on Friday", "body": "The *whole* school is on a trip."}


def announce(api: API, as_: str = "rosa", **rest: Any) -> dict[str, Any]:
    """Publish an announcement and let it arrive."""
    answer = api.post("/api/announcements", as_=as_, body=TITLE | rest)
    assert answer.status == 201, answer.body
    arrive(answer.json)
    return answer.json


def arrive(announcement: dict[str, Any]) -> None:
    fan_out(announcement["id"], lambda: True)


def inbox(api: API, as_: str, **query: Any) -> list[dict[str, Any]]:
    return api.get("/api/deliveries", as_=as_, query=query).json["items"]


def unread(api: API, as_: str) -> int:
    return api.get("/api/unread_count", as_=as_).json["unread"]


def act(api: API, announcement: dict[str, Any], verb: str, as_: str = "rosa") -> Answer:
    return api.post(f"/api/announcements/{announcement['id']}/{verb}", as_=as_)


def stats(api: API, announcement: dict[str, Any], as_: str = "rosa") -> dict[str, Any]:
    return api.get(f"/api/announcements/{announcement['id']}/stats", as_=as_).json


def test_an_announcement_goes_out_is_shown_acknowledged_and_withdrawn(api: API) -> None:
    told = announce(api, "ben")
    assert told["status"] == "published"
    assert told["html"] == "<p>The <em>whole</em> school is on a trip.</p>\n"
    assert stats(api, told, "ben") == {
        "audience": 2,
        "queued": 2,
        "delivered": 0,
        "acknowledged": 0,
        "ack_rate": 0.0,
        "reminders": 0,
        "fanout": {"state": "done", "done": 2, "total": 2},
    }
    (delivery,) = inbox(api, "chloe")
    assert delivery["state"] == "queued"
    assert delivery["announcement"]["title"] == TITLE["title"]
    assert unread(api, "chloe") == 1
    path = f"/api/deliveries/{delivery['id']}"
    shown = api.post(f"{path}/delivered", as_="chloe").json
    assert (shown["state"], shown["ack_at"]) == ("delivered", None)
    assert api.post(f"{path}/delivered", as_="chloe").json == shown
    read = api.post(f"{path}/ack", as_="chloe").json
    assert read["state"] == "acknowledged"
    assert read["delivered_at"] == shown["delivered_at"]
    assert api.post(f"{path}/ack", as_="chloe").json == read
    assert api.post(f"{path}/delivered", as_="chloe").json == read
    assert api.post(f"{path}/ack", as_="dai").status == 404
    assert unread(api, "chloe") == 0
    assert unread(api, "dai") == 1
    assert stats(api, told, "ben")["ack_rate"] == 0.5
    assert act(api, told, "remind_unacked", "ben").json == {"reminded": 1}
    again = act(api, told, "remind_unacked", "ben")
    assert (again.status, again.code) == (429, "reminded_too_soon")
    assert 3590 < int(again.headers["Retry-After"]) <= 3600
    recipients = api.get(f"/api/announcements/{told['id']}/deliveries", as_="ben").json["items"]
    assert [(r["user"]["username"], r["state"], r["retry_count"]) for r in recipients] == [
        ("chloe", "acknowledged", 0),
        ("dai", "queued", 1),
    ]
    withdrawn = act(api, told, "withdraw", "ben").json
    assert withdrawn["status"] == "withdrawn"
    assert act(api, told, "withdraw", "ben").json == withdrawn
    assert inbox(api, "dai") == []
    assert unread(api, "dai") == 0
    refused = api.post(f"{path}/ack", as_="chloe")
    assert (refused.status, refused.code) == (409, "announcement_withdrawn")
    proof = api.get(f"/api/announcements/{told['id']}/proof", as_="ben").json["items"]
    kinds = [line.split("|")[2] for seal in proof for line in seal["events"]]
    assert kinds == ["queued", "shown", "acknowledged", "reminded", "withdrawn"]


def test_a_material_edition_asks_again(api: API) -> None:
    told = announce(api)
    (delivery,) = inbox(api, "chloe")
    api.post(f"/api/deliveries/{delivery['id']}/ack", as_="chloe")
    path = f"/api/announcements/{told['id']}"
    edited = api.patch(path, as_="rosa", body={"body": "A trip, on Monday.", "material": True})
    assert edited.json["version"] == 2
    # Before the fan-out has come to it, and after.
    for _ in range(2):
        (again,) = inbox(api, "chloe")
        assert (again["state"], again["version"], again["ack_at"]) == ("queued", 2, None)
        assert unread(api, "chloe") == 1
        assert stats(api, told)["queued"] == 2
        arrive(told)
    versions = api.get(f"{path}/versions", as_="rosa").json["items"]
    assert [v["version"] for v in versions] == [2, 1]
    assert "+A trip, on Monday." in versions[0]["diff"]
    api.patch(path, as_="rosa", body={"title": "Renamed"})
    arrive(told)
    assert inbox(api, "chloe")[0]["version"] == 2

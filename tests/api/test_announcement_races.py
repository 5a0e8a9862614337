"""Announcements under many hands at once, over HTTP: whoever races has a process of its own."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.announcements.fanout import fan_out

from .conftest import API, Answer

Race = Callable[[list[tuple[str, str, str, Any, dict[str, str]]]], list[Answer]]
_racers: list[API] = []


def _run(request: tuple[str, str, str, Any, dict[str, str]]) -> Answer:
    who, method, path, body, headers = request
    for _ in range(20):
        answer = _racers[-1](method, path, as_=who, body=body, headers=headers)
        if answer.status != 503:
            break
    return answer


@pytest.fixture
def race(api: API) -> Race:
    """Send all of these from processes of their own, as soon as all of them are there."""

    def send(requests: list[tuple[str, str, str, Any, dict[str, str]]]) -> list[Answer]:
        # the children find it here: they are forks, and routes cannot be pickled
        _racers.append(api)
        with multiprocessing.get_context("fork").Pool(min(len(requests), 10)) as pool:
            return pool.map(_run, requests, chunksize=1)

    return send


@pytest.fixture
def told(api: API) -> int:
    """An announcement that has reached chloe and dai."""
    body = {"title": "Trip", "body": "On Friday."}
    announcement: int = api.post("/api/announcements", as_="rosa", body=body).json["id"]
    fan_out(announcement, lambda: True)
    return announcement


def delivery_of(api: API, who: str) -> str:
    (item,) = api.get("/api/deliveries", as_=who).json["items"]
    return f"/api/deliveries/{item['id']}"


def events(owner: Connection, kind: str) -> int:
    count: int = owner.execute(
        text("SELECT count(*) FROM delivery_events WHERE kind = :kind"), {"kind": kind}
    ).scalar_one()
    owner.rollback()
    return count


def test_twenty_acknowledgements_at_once_are_one(
    api: API, told: int, race: Race, owner: Connection
) -> None:
    path = delivery_of(api, "chloe")
    answers = race([("chloe", "POST", f"{path}/ack", None, {})] * 20)
    assert {answer.status for answer in answers} == {200}
    (state,) = {answer.body for answer in answers}
    assert events(owner, "acknowledged") == 1
    assert api.post(f"{path}/ack", as_="chloe").body == state
    assert api.get("/api/unread_count", as_="chloe").json == {"unread": 0}


def test_acknowledged_and_shown_at_once_ends_acknowledged(
    api: API, told: int, race: Race, owner: Connection
) -> None:
    path = delivery_of(api, "chloe")
    verbs = ["ack", "delivered"] * 8
    answers = race([("chloe", "POST", f"{path}/{verb}", None, {}) for verb in verbs])
    for verb, answer in zip(verbs, answers, strict=True):
        assert answer.json["state"] == "acknowledged" or verb == "delivered"
    assert events(owner, "acknowledged") == 1
    assert events(owner, "shown") <= 1
    assert api.post(f"{path}/delivered", as_="chloe").json["state"] == "acknowledged"


def test_an_acknowledgement_beside_a_material_edition_is_of_one_version(
    api: API, told: int, race: Race
) -> None:
    path = delivery_of(api, "chloe")
    for version in range(2, 8):
        edition = (
            "rosa",
            "PATCH",
            f"/api/announcements/{told}",
            {"title": "Again", "material": True},
            {},
        )
        ack = ("chloe", "POST", f"{path}/ack", None, {})
        _, acked = race([edition, ack])
        assert acked.json["state"] == "acknowledged"
        for _ in range(2):
            (item,) = api.get("/api/deliveries", as_="chloe").json["items"]
            was_before = acked.json["version"] < version
            assert (item["version"], item["state"]) == (
                version,
                "queued" if was_before else "acknowledged",
            )
            assert api.get("/api/unread_count", as_="chloe").json["unread"] == was_before
            fan_out(told, lambda: True)


def test_an_acknowledgement_beside_a_withdrawal_comes_before_it_or_is_refused(
    api: API, told: int, race: Race, owner: Connection
) -> None:
    paths = {who: f"{delivery_of(api, who)}/ack" for who in ("chloe", "dai")}
    withdrawal = ("rosa", "POST", f"/api/announcements/{told}/withdraw", None, {})
    acks = [(who, "POST", path, None, {}) for who, path in paths.items()]
    withdrawn, *acked = race([withdrawal, *acks])
    assert withdrawn.json["status"] == "withdrawn"
    assert {answer.status for answer in acked} <= {200, 409}
    assert events(owner, "acknowledged") == sum(answer.status == 200 for answer in acked)
    for who, path in paths.items():
        assert api.post(path, as_=who).code == "announcement_withdrawn"
        assert api.get("/api/unread_count", as_=who).json == {"unread": 0}


def test_of_reminders_at_once_one_goes_out(
    api: API, told: int, race: Race, owner: Connection
) -> None:
    path = f"/api/announcements/{told}/remind_unacked"
    answers = race([("rosa", "POST", path, None, {})] * 10)
    assert Counter(answer.status for answer in answers) == {200: 1, 429: 9}
    assert events(owner, "reminded") == 1
    items = api.get(f"/api/announcements/{told}/deliveries", as_="rosa").json["items"]
    assert [item["retry_count"] for item in items] == [1, 1]


def test_of_editions_of_one_version_one_wins(api: API, told: int, race: Race) -> None:
    path = f"/api/announcements/{told}"
    etag = api.get(path, as_="rosa").headers["ETag"]
    answers = race(
        [("rosa", "PATCH", path, {"title": f"Trip {n}"}, {"If-Match": etag}) for n in range(10)]
    )
    assert Counter(answer.status for answer in answers) == {200: 1, 412: 9}
    assert api.get(path, as_="rosa").json["version"] == 2

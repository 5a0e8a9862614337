"""Announcements over HTTP: who may address whom, editions, reminders, withdrawal, and the proof."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from chalicelib.accounts.service import NewUser
from chalicelib.announcements.fanout import fan_out

from .conftest import API, AddSection, Answer
from .test_enrollments import enrol

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


def test_what_is_announced_is_read_by_its_author_and_the_office(api: API) -> None:
    told = announce(api, "ben")
    path = f"/api/announcements/{told['id']}"
    assert told["publisher"]["username"] == "ben"
    assert told["audience"] == {"kind": "all_students"}
    for reader in ("ben", "rosa", "amara"):
        read = api.get(path, as_=reader)
        assert read.json == told
        known = {"If-None-Match": read.headers["ETag"]}
        assert api.get(path, as_=reader, headers=known).status == 304
    for verb in ("", "/stats", "/deliveries", "/versions", "/proof"):
        assert api.get(path + verb, as_="tilda").status == 404
    for verb in ("withdraw", "remind_unacked"):
        assert act(api, told, verb, "tilda").status == 404
    assert api.patch(path, as_="tilda", body={"title": "Mine"}).status == 404
    assert listed(api, "tilda") == []
    assert listed(api, "ben") == listed(api, "amara") == [told["id"]]


def listed(api: API, as_: str, **query: Any) -> list[int]:
    items = api.get("/api/announcements", as_=as_, query=query).json["items"]
    return [item["id"] for item in items]


def test_announcements_are_paged_and_found(api: API) -> None:
    ids = [announce(api, title=f"Number {n}", body=f"Text {n} 通知")["id"] for n in range(5)]
    act(api, {"id": ids[0]}, "withdraw")
    assert listed(api, "rosa") == ids[::-1]
    assert listed(api, "rosa", q="number 3") == [ids[3]]
    assert listed(api, "rosa", q="通知") == ids[::-1]
    assert listed(api, "rosa", status="withdrawn") == [ids[0]]
    page = api.get("/api/announcements", as_="rosa", query={"limit": 2}).json
    rest = api.get("/api/announcements", as_="rosa", query={"cursor": page["next"]}).json
    assert [item["id"] for item in page["items"] + rest["items"]] == ids[::-1]


def refused(api: API, as_: str, **body: Any) -> tuple[int, str]:
    answer = api.post("/api/announcements", as_=as_, body=TITLE | body)
    preview = api.post(
        "/api/announcements/preview",
        as_=as_,
        body={name: value for name, value in body.items() if name == "audience"},
    )
    if "audience" in body:
        assert (preview.status, preview.code) == (answer.status, answer.code)
    return answer.status, answer.code


def test_a_teacher_reaches_own_sections_only(api: API, add_section: AddSection) -> None:
    own = add_section("01", teacher="ben")
    others = add_section("02", teacher="tilda")
    enrol(api, own, "chloe")
    enrol(api, others, "dai")
    chloe, dai = api.callers["chloe"].id, api.callers["dai"].id
    for audience in (
        {"kind": "section", "ids": [others["id"]]},
        {"kind": "section", "ids": [own["id"], others["id"]]},
        {"kind": "section", "ids": [999_999]},
        {"kind": "users", "ids": [dai]},
        {"kind": "users", "ids": [chloe, dai]},
        {"kind": "users", "ids": [api.callers["rosa"].id]},
        {"kind": "course", "ids": [999_999]},
        {"kind": "role", "roles": ["teacher"]},
        {"kind": "role", "roles": ["student", "teacher"]},
    ):
        assert refused(api, "ben", audience=audience) == (403, "not_your_students"), audience
    assert inbox(api, "chloe") == inbox(api, "dai") == []
    for audience in (
        {"kind": "section", "ids": [own["id"]]},
        {"kind": "users", "ids": [chloe]},
        # Both sections are of one course: the other one's students are not ben's.
        {"kind": "course", "ids": [own["course"]["id"]]},
    ):
        told = announce(api, "ben", audience=audience)
        assert stats(api, told)["audience"] == 1, audience
    assert len(inbox(api, "chloe")) == 3
    assert inbox(api, "dai") == []
    for audience in ({"kind": "role", "roles": ["student"]}, {"kind": "all_students"}):
        assert stats(api, announce(api, "ben", audience=audience))["audience"] == 2


def test_the_office_addresses_whom_it_wants(api: API, add_section: AddSection) -> None:
    section = add_section("01", teacher="ben", capacity=1)
    enrol(api, section, "chloe")
    enrol(api, section, "dai")
    for audience, names in (
        ({"kind": "section", "ids": [section["id"], section["id"]]}, ["chloe"]),
        ({"kind": "course", "ids": [section["course"]["id"]]}, ["chloe"]),
        ({"kind": "role", "roles": ["teacher", "registrar"]}, ["rosa", "ben", "tilda"]),
        ({"kind": "users", "ids": [api.callers["dai"].id]}, ["dai"]),
        ({"kind": "all_students"}, ["chloe", "dai"]),
    ):
        told = announce(api, "rosa", audience=audience)
        recipients = api.get(f"/api/announcements/{told['id']}/deliveries", as_="rosa").json
        found = [recipient["user"]["username"] for recipient in recipients["items"]]
        assert found == names, audience
    for kind in ("section", "course", "users"):
        wrong = {"kind": kind, "ids": [999_999]}
        assert refused(api, "rosa", audience=wrong) == (422, "invalid")
    api.patch(f"/api/users/{api.callers['dai'].id}", as_="amara", body={"active": False})
    assert stats(api, announce(api))["audience"] == 1


def test_what_is_no_announcement_is_refused(api: API) -> None:
    for body, fields in (
        ({}, {"title": "missing", "body": "missing"}),
        ({"title": " ", "body": "x"}, {"title": "too_short"}),
        ({"title": "a\nb", "body": "x"}, {"title": "invalid_format"}),
        ({"title": "x" * 201, "body": "x"}, {"title": "too_long"}),
        ({"title": "x", "body": " \n"}, {"body": "invalid_value"}),
        ({"title": "x", "body": "x" * 20_001}, {"body": "too_long"}),
        (TITLE | {"audience": {"kind": "section"}}, {"audience": "invalid_value"}),
        (TITLE | {"audience": {"kind": "section", "ids": []}}, {"audience": "invalid_value"}),
        (TITLE | {"audience": {"ids": [1]}}, {"audience": "invalid_value"}),
        (TITLE | {"audience": {"kind": "role"}}, {"audience": "invalid_value"}),
        (TITLE | {"attachments": [999_999]}, {"attachments": "not_one_of"}),
        (TITLE | {"publish_at": "2026-12-01T08:00:00"}, {"publish_at": "invalid_value"}),
        (TITLE | {"status": "published"}, {"status": "unknown_field"}),
    ):
        answer = api.post("/api/announcements", as_="rosa", body=body)
        assert (answer.status, set(answer.fields)) == (422, set(fields)), (body, answer.json)
    assert listed(api, "rosa") == []


def test_the_same_key_announces_once(api: API) -> None:
    key = {"Idempotency-Key": "friday"}
    first = api.post("/api/announcements", as_="ben", body=TITLE, headers=key)
    second = api.post("/api/announcements", as_="ben", body=TITLE, headers=key)
    assert first.json == second.json
    assert listed(api, "ben") == [first.json["id"]]


def test_a_preview_says_whom_no_mail_would_reach(api: API, owner: Connection) -> None:
    preferences = {"mail": "off", "digest_hour": 7, "timezone": "Asia/Shanghai", "locale": "zh-CN"}
    api("PUT", "/api/notification_preferences", as_="chloe", body=preferences)
    owner.execute(
        text(
            "INSERT INTO mail_suppressions (address, reason)"
            " VALUES ('dai@rollcall.example', 'bounce')"
        )
    )
    owner.commit()
    shown = api.post(
        "/api/announcements/preview",
        as_="rosa",
        body={"audience": {"kind": "role", "roles": ["student", "manager"]}, "body": "*now*"},
    ).json
    why = {person["user"]["username"]: person["reason"] for person in shown.pop("not_mailed")}
    assert why == {"chloe": "mail_off", "dai": "suppressed"}
    assert shown == {
        "audience": 3,
        "mailed_at_once": 0,
        "mailed_in_digest": 1,
        "no_address": 0,
        "suppressed": 1,
        "mail_off": 1,
        "html": "<p><em>now</em></p>\n",
    }
    assert listed(api, "rosa") == []


def test_what_is_for_later_can_still_change(api: API) -> None:
    later = {"publish_at": "2100-01-01T08:00:00+08:00"}
    told = announce(api, "ben", **later)
    path = f"/api/announcements/{told['id']}"
    assert (told["status"], told["publish_at"]) == ("scheduled", "2100-01-01T00:00:00Z")
    assert told["published_at"] is None
    assert inbox(api, "chloe") == []
    assert stats(api, told)["fanout"] == {"state": "pending", "done": 0, "total": 0}
    assert act(api, told, "remind_unacked", "ben").code == "announcement_scheduled"
    body = {"audience": {"kind": "section", "ids": [1]}}
    assert api.patch(path, as_="ben", body=body).code == "not_your_students"
    body = {"title": "Later", "publish_at": "2099-01-01T00:00:00Z", "material": True}
    changed = api.patch(path, as_="ben", body=body).json
    assert (changed["title"], changed["version"]) == ("Later", 2)
    assert changed["publish_at"] == "2099-01-01T00:00:00Z"
    assert act(api, told, "withdraw", "ben").json["status"] == "withdrawn"
    assert api.patch(path, as_="ben", body={"title": "x"}).code == "announcement_withdrawn"


def test_what_is_published_keeps_its_audience(api: API) -> None:
    told = announce(api, "ben")
    path = f"/api/announcements/{told['id']}"
    for body in ({"audience": {"kind": "all_students"}}, {"publish_at": "2099-01-01T00:00:00Z"}):
        answer = api.patch(path, as_="ben", body=body)
        assert (answer.status, answer.code) == (409, "announcement_published")
    tag = api.get(path, as_="ben").headers["ETag"]
    assert api.patch(path, as_="ben", body={"title": "a"}, headers={"If-Match": tag}).status == 200
    stale = api.patch(path, as_="ben", body={"title": "b"}, headers={"If-Match": tag})
    assert (stale.status, stale.code) == (412, "precondition_failed")
    assert inbox(api, "dai")[0]["announcement"]["title"] == "a"


def test_newcomers_are_not_told_what_the_school_was_told_before(
    api: API, owner: Connection
) -> None:
    later = api.post("/api/announcements", as_="rosa", body=TITLE).json
    api.add(NewUser("eva", "eva@rollcall.example", "Eva", "student"))
    arrive(later)
    assert inbox(api, "eva") == []
    assert stats(api, later)["audience"] == 2


def test_what_is_done_is_audited(api: API) -> None:
    told = announce(api, "ben")
    api.patch(f"/api/announcements/{told['id']}", as_="rosa", body={"title": "x"})
    act(api, told, "remind_unacked")
    act(api, told, "withdraw")
    act(api, told, "withdraw")
    query = {"object_kind": "announcement", "object_id": told["id"]}
    events = api.get("/api/audit", as_="amara", query=query).json["items"]
    assert [(event["actor"]["username"], event["action"]) for event in events[::-1]] == [
        ("ben", "announcement_created"),
        ("rosa", "announcement_updated"),
        ("rosa", "announcement_reminded"),
        ("rosa", "announcement_withdrawn"),
    ]

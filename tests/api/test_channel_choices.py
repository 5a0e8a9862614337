"""Which channels an announcement is posted to: who chooses, when a choice counts, who is told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from chalicelib.announcements.publishing import publish_due
from chalicelib.core import database

from .conftest import API
from .test_channels import BOT, HOOK, add, key

__all__ = ["key"]


def announce(api: API, as_: str = "rosa", **given: Any) -> Any:
    body = {"title": "No class", "body": "On **Friday**.", **given}
    return api.post("/api/announcements", as_=as_, body=body)


def change(api: API, announcement: Any, as_: str = "rosa", **given: Any) -> Any:
    return api.patch(f"/api/announcements/{announcement['id']}", as_=as_, body=given)


def end_posts(owner: Connection, state: str) -> None:
    """Let all posts have ended so."""
    owner.execute(
        text("UPDATE channel_posts SET state = :state, ended_at = now()"), {"state": state}
    )
    owner.commit()


def posts(owner: Connection) -> list[Any]:
    rows = owner.execute(
        text("SELECT channel_id, kind, about, occasion FROM channel_posts ORDER BY id")
    ).all()
    owner.rollback()
    return [tuple(row) for row in rows]


def test_each_channel_gets_one_post_of_each_version_that_is_news(
    api: API, owner: Connection
) -> None:
    hook, bot = add(api, HOOK)["id"], add(api, BOT)["id"]
    answer = announce(api, channels=[bot, hook, bot])
    assert answer.status == 201
    queued = {"state": "queued", "code": None}
    assert answer.json["channels"] == [
        {"id": hook, "name": "Staff room", **queued},
        {"id": bot, "name": "Bot", **queued},
    ]
    about = answer.json["id"]
    first = [(hook, "announcement", about, 1), (bot, "announcement", about, 1)]
    assert posts(owner) == first
    path = f"/api/announcements/{about}"
    api.patch(path, as_="rosa", body={"title": "A word corrected"})
    assert posts(owner) == first
    api.patch(path, as_="rosa", body={"title": "Moved", "material": True})
    again = [(hook, "announcement", about, 3), (bot, "announcement", about, 3)]
    assert posts(owner) == first + again


def test_what_is_for_later_is_posted_when_it_is_published(api: API, owner: Connection) -> None:
    hook = add(api, HOOK)["id"]
    later = announce(api, channels=[hook], publish_at="2099-01-01T00:00:00Z")
    assert later.json["channels"][0]["state"] is None
    assert posts(owner) == []
    owner.execute(text("UPDATE announcements SET publish_at = now()"))
    owner.commit()
    with database.transaction() as connection:
        publish_due(connection)
    assert posts(owner) == [(hook, "announcement", later.json["id"], 1)]


def test_a_teacher_names_none(api: API) -> None:
    hook = add(api, HOOK)["id"]
    answer = announce(api, as_="ben", channels=[hook])
    assert (answer.status, answer.code) == (403, "forbidden")
    assert announce(api, as_="ben", channels=[]).status == 201


def test_what_does_not_exist_or_is_not_active_is_refused(api: API) -> None:
    hook = add(api, HOOK | {"active": False})["id"]
    for channels in ([hook], [999]):
        answer = announce(api, channels=channels)
        assert answer.fields == {"channels": "not_one_of"}


def test_until_it_is_published_the_choice_can_change(api: API, owner: Connection) -> None:
    hook, bot = add(api, HOOK)["id"], add(api, BOT)["id"]
    later = announce(api, channels=[hook], publish_at="2099-01-01T00:00:00Z").json
    changed = change(api, later, channels=[bot, bot])
    assert changed.json["channels"] == [
        {"id": bot, "name": "Bot", "state": None, "code": None},
    ]
    left_alone = change(api, later, title="Moved", publish_at="2020-01-01T00:00:00Z")
    assert left_alone.json["channels"] == changed.json["channels"]
    assert posts(owner) == []
    with database.transaction() as connection:
        publish_due(connection)
    assert posts(owner) == [(bot, "announcement", later["id"], 3)]


def test_a_channel_that_is_new_is_told_and_nobody_is_told_twice(
    api: API, owner: Connection
) -> None:
    hook, bot = add(api, HOOK)["id"], add(api, BOT)["id"]
    told = announce(api, channels=[hook]).json
    about = told["id"]
    first = [(hook, "announcement", about, 1), (bot, "announcement", about, 2)]
    for channels in ([hook, bot], [bot, hook], [bot], [hook, bot]):
        assert change(api, told, channels=channels).status == 200
        assert posts(owner) == first
    end_posts(owner, "sent")
    for channels in ([], [hook]):
        answer = change(api, told, channels=channels)
        assert [channel["id"] for channel in answer.json["channels"]] == channels
    assert posts(owner) == first
    change(api, told, channels=[bot], title="Moved", material=True)
    assert posts(owner) == [*first, (bot, "announcement", about, 8)]


def test_one_that_failed_is_tried_anew_when_it_is_chosen_anew(api: API, owner: Connection) -> None:
    hook = add(api, HOOK)["id"]
    told = announce(api, channels=[hook]).json
    end_posts(owner, "failed")
    change(api, told, channels=[])
    answer = change(api, told, channels=[hook])
    assert answer.json["channels"][0]["state"] == "queued"
    about = told["id"]
    assert posts(owner) == [
        (hook, "announcement", about, 1),
        (hook, "announcement", about, 3),
    ]


def test_a_teacher_neither_adds_nor_takes_away_and_leaves_them_by_an_edit(
    api: API, owner: Connection
) -> None:
    hook = add(api, HOOK)["id"]
    told = announce(api, as_="ben").json
    assert change(api, told, channels=[hook]).status == 200
    for channels in ([hook], []):
        answer = change(api, told, as_="ben", channels=channels)
        assert (answer.status, answer.code) == (403, "forbidden")
    assert change(api, told, as_="tilda", channels=[]).status == 404
    edited = change(api, told, as_="ben", title="Moved", material=True)
    assert [channel["id"] for channel in edited.json["channels"]] == [hook]
    about = told["id"]
    assert posts(owner) == [
        (hook, "announcement", about, 2),
        (hook, "announcement", about, 3),
    ]


def test_what_is_new_has_to_be_there_and_active_and_what_was_chosen_may_be_paused(api: API) -> None:
    hook, paused = add(api, HOOK)["id"], add(api, BOT | {"active": False})["id"]
    told = announce(api, channels=[hook]).json
    for channels in ([hook, paused], [999], [0]):
        answer = change(api, told, channels=channels)
        assert answer.status == 422
    assert change(api, told, channels=[paused]).fields == {"channels": "not_one_of"}
    api.patch(f"/api/channels/{hook}", as_="amara", body={"active": False})
    assert change(api, told, channels=[hook]).status == 200
    assert change(api, told, channels=None).status == 422
    change(api, told, channels=[])
    assert change(api, told, channels=[hook]).status == 422


def test_a_choice_is_a_version_and_is_audited(api: API, owner: Connection) -> None:
    hook, bot = add(api, HOOK)["id"], add(api, BOT)["id"]
    told = announce(api, channels=[hook]).json
    path = f"/api/announcements/{told['id']}"
    tag = {"If-Match": api.get(path, as_="rosa").headers["ETag"]}
    changed = api.patch(path, as_="rosa", body={"channels": [bot, hook]}, headers=tag)
    assert (changed.status, changed.json["version"]) == (200, 2)
    assert api.patch(path, as_="rosa", body={"channels": []}, headers=tag).status == 412
    rows = owner.execute(
        text("SELECT after -> 'channels' FROM audit_events WHERE object_kind = 'announcement'")
    )
    assert list(rows.scalars()) == [[hook], sorted([hook, bot])]


def test_how_a_post_went_is_news_to_a_reader_and_in_no_editors_way(
    api: API, owner: Connection
) -> None:
    told = announce(api, channels=[add(api, HOOK)["id"]]).json
    path = f"/api/announcements/{told['id']}"
    tag = api.get(path, as_="rosa").headers["ETag"]
    assert api.get(path, as_="rosa", headers={"If-None-Match": tag}).status == 304
    end_posts(owner, "sent")
    again = api.get(path, as_="rosa", headers={"If-None-Match": tag})
    assert (again.status, again.json["channels"][0]["state"]) == (200, "sent")
    body = {"title": "A word corrected"}
    assert api.patch(path, as_="rosa", body=body, headers={"If-Match": tag}).status == 200
    assert api.patch(path, as_="rosa", body=body, headers={"If-Match": tag}).status == 412

"""The inbox and its badge over HTTP: what is in it, in which order, and when it is news."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event, text

from chalicelib.core import database

from .conftest import API
from .test_announcements import act, announce, arrive, inbox, unread


def read(api: API, path: str, tag: str | None = None) -> tuple[int, str]:
    """Read as chloe, knowing a tag; return the status and the tag that is now."""
    answer = api.get(path, as_="chloe", headers={"If-None-Match": tag} if tag else None)
    return answer.status, answer.headers["ETag"]


def test_an_inbox_is_paged_newest_first(api: API) -> None:
    told = [announce(api, title=f"Number {n}")["id"] for n in range(5)]
    pages = []
    query: dict[str, object] = {"limit": 2}
    while True:
        page = api.get("/api/deliveries", as_="chloe", query=query).json
        pages.append([item["announcement"]["id"] for item in page["items"]])
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert pages == [told[:2:-1], told[2:0:-1], told[:1]]


def test_what_is_unread_can_be_read_alone(api: API) -> None:
    told = [announce(api, title=f"Number {n}")["id"] for n in range(3)]
    api.post(f"/api/deliveries/{inbox(api, 'chloe')[1]['id']}/ack", as_="chloe")
    found = [item["announcement"]["id"] for item in inbox(api, "chloe", unread="true")]
    assert found == [told[2], told[0]]
    assert unread(api, "chloe") == 2


def test_listing_changes_no_state(api: API, owner: Connection) -> None:
    announce(api)
    for _ in range(2):
        assert [item["state"] for item in inbox(api, "chloe")] == ["queued"]
    states = owner.execute(text("SELECT DISTINCT state FROM deliveries")).scalars().all()
    owner.rollback()
    assert states == ["queued"]


def test_nobody_reads_or_acknowledges_for_others(api: API) -> None:
    announce(api)
    (mine,) = inbox(api, "chloe")
    (theirs,) = inbox(api, "dai")
    assert mine["id"] != theirs["id"]
    for verb in ("delivered", "ack"):
        for other in ("dai", "rosa", "amara"):
            assert api.post(f"/api/deliveries/{mine['id']}/{verb}", as_=other).status == 404
        assert api.post(f"/api/deliveries/999999/{verb}", as_="chloe").status == 404
    assert inbox(api, "rosa") == []


def test_polling_is_answered_by_304_until_something_changes(api: API) -> None:
    first = announce(api)
    (delivery,) = inbox(api, "chloe")
    deeds: list[Callable[[], object]] = [
        lambda: api.post(f"/api/deliveries/{delivery['id']}/delivered", as_="chloe"),
        lambda: api.post(f"/api/deliveries/{delivery['id']}/ack", as_="chloe"),
        lambda: announce(api),
        lambda: api.patch(f"/api/announcements/{first['id']}", as_="rosa", body={"title": "New"}),
        lambda: api.patch(f"/api/announcements/{first['id']}", as_="rosa", body={"material": True}),
        lambda: arrive(first),
        lambda: act(api, first, "remind_unacked"),
        lambda: act(api, first, "withdraw"),
    ]
    for path in ("/api/unread_count", "/api/deliveries", "/api/deliveries?unread=true&limit=1"):
        assert read(api, path)[0] == 200
    for deed in deeds:
        before = {p: read(api, p)[1] for p in ("/api/unread_count", "/api/deliveries")}
        for path, tag in before.items():
            assert read(api, path, tag) == (304, tag)
        deed()
        for path, tag in before.items():
            status, now = read(api, path, tag)
            assert status == 200
            assert now != tag


def test_what_others_do_is_no_news(api: API) -> None:
    announce(api)
    tag = read(api, "/api/unread_count")[1]
    api.post(f"/api/deliveries/{inbox(api, 'dai')[0]['id']}/ack", as_="dai")
    assert read(api, "/api/unread_count", tag) == (304, tag)
    assert read(api, "/api/unread_count", f'W/"other", {tag}') == (304, tag)
    assert read(api, "/api/unread_count", '"other"')[0] == 200
    assert read(api, "/api/unread_count", "*")[0] == 304


def test_a_304_looks_at_no_delivery(api: API, owner: Connection) -> None:
    announce(api)
    tags = {path: read(api, path)[1] for path in ("/api/unread_count", "/api/deliveries")}
    asked: list[tuple[str, Any]] = []

    def note(_1: object, _2: object, statement: str, parameters: Any, *_rest: object) -> None:
        asked.append((statement, parameters))

    engine = database.init()
    event.listen(engine, "before_cursor_execute", note)
    try:
        for path, tag in tags.items():
            assert read(api, path, tag)[0] == 304
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(asked) == len(tags)
    for statement, parameters in asked:
        assert looks(owner, statement, parameters) == 0
        forgotten = tuple("" if value in tags.values() else value for value in parameters)
        assert looks(owner, statement, forgotten) > 0


def looks(owner: Connection, statement: str, parameters: Any) -> int:
    """Return how often a statement looks into the deliveries, by Postgres's own count."""
    count = text(
        "SELECT seq_scan + idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'deliveries'"
    )
    before = owner.execute(count).scalar_one()
    owner.exec_driver_sql(statement, parameters)
    looked = owner.execute(count).scalar_one() - before
    owner.rollback()
    return int(looked)

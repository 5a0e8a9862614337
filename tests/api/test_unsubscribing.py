"""The link that ends mails: to open it changes nothing, its button or one click turns them off."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.accounts.unsubscribing import issue_link
from chalicelib.core import database

from .conftest import API, Answer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONE_CLICK = b"List-Unsubscribe=One-Click"
PARTS = (
    b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
)
PREFERENCES = {
    "mail": "immediate",
    "digest_hour": 7,
    "timezone": "Asia/Shanghai",
    "locale": "zh-CN",
}


def link(api: API, name: str = "chloe") -> str:
    """Return the path that is in somebody's mails."""
    with database.transaction() as connection:
        url = issue_link(connection, api.callers[name].id)
    return url.removeprefix("http://127.0.0.1:8000")


def preferences(api: API, name: str = "chloe") -> dict[str, Any]:
    found: dict[str, Any] = api.get("/api/notification_preferences", as_=name).json
    return found


def one_click(api: API, path: str) -> Answer:
    return api.post(path, raw=ONE_CLICK, headers=FORM)


def events(owner: Connection) -> list[Any]:
    rows = owner.execute(
        text(
            "SELECT actor_id, object_kind, object_id FROM audit_events"
            " WHERE action = 'mail_unsubscribed'"
        )
    ).all()
    owner.rollback()
    return [tuple(row) for row in rows]


def test_opening_the_link_shows_a_form_and_changes_nothing(api: API, owner: Connection) -> None:
    path = link(api)
    before = preferences(api)
    for _ in range(2):
        answer = api.get(path)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert '<form method="post"><button>Unsubscribe</button></form>' in answer.body.decode()
    assert preferences(api) == before
    assert owner.execute(text("SELECT count(*) FROM notification_preferences")).scalar_one() == 0
    assert events(owner) == []


def test_one_click_turns_mails_off_and_again_changes_nothing(api: API, owner: Connection) -> None:
    path = link(api)
    first, again = one_click(api, path), one_click(api, path)
    assert first.status == again.status == 200
    assert first.body == again.body
    assert "<form" not in first.body.decode()
    assert preferences(api)["mail"] == "off"
    assert events(owner) == [(None, "user", str(api.callers["chloe"].id))]
    assert "<form" not in api.get(path).body.decode()


def test_only_the_mail_of_the_links_owner_is_turned_off(api: API) -> None:
    for name in ("chloe", "dai"):
        api("PUT", "/api/notification_preferences", as_=name, body=PREFERENCES)
    one_click(api, link(api))
    assert preferences(api) == PREFERENCES | {"mail": "off"}
    assert preferences(api, "dai") == PREFERENCES


def test_mails_can_be_turned_on_again_and_off_by_the_same_link(api: API, owner: Connection) -> None:
    path = link(api)
    one_click(api, path)
    api("PUT", "/api/notification_preferences", as_="chloe", body=PREFERENCES)
    assert preferences(api)["mail"] == "immediate"
    assert link(api) == path
    one_click(api, path)
    assert preferences(api)["mail"] == "off"
    assert len(events(owner)) == 2


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        pytest.param(ONE_CLICK, FORM, id="one click"),
        pytest.param(b"", FORM, id="empty form"),
        pytest.param(b"", {}, id="empty"),
        pytest.param(None, {}, id="nothing"),
        pytest.param(b"a=1&b=%ff", FORM, id="any form"),
        pytest.param(b"\xff\xfe\x00", FORM, id="no text"),
        pytest.param(PARTS, {"Content-Type": "multipart/form-data; boundary=x"}, id="parts"),
        pytest.param(b"{", {"Content-Type": "application/json"}, id="json"),
        pytest.param(b"x" * 1_000_000, {"Content-Type": "text/plain"}, id="long"),
    ],
)
def test_any_body_will_do(api: API, raw: bytes | None, headers: dict[str, str]) -> None:
    assert api.post(link(api), raw=raw, headers=headers).status == 200
    assert preferences(api)["mail"] == "off"


def test_a_body_that_is_too_large_for_the_gateway_is_refused(api: API) -> None:
    status, _, _ = api._gateway.handle("POST", link(api), "", FORM, b"x" * 7_000_000)
    assert status == 413
    assert preferences(api)["mail"] == "digest"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "token", ["x", "A" * 43, "A" * 3000, "%00", "%C3%A9", "%F0%9F%98%80", "a%27%20OR%20%271"]
)
def test_an_unknown_link_is_404_whatever_it_looks_like(api: API, method: str, token: str) -> None:
    link(api)
    answer = api(method, f"/unsubscribe/{token}")
    assert (answer.status, answer.code) == (404, "not_found")


def test_the_page_speaks_the_language_of_the_links_owner(api: API) -> None:
    api.patch("/auth/me", as_="chloe", body={"locale": "zh-CN"})
    path = link(api)
    asked = api.get(path, headers={"Accept-Language": "en"}).body.decode()
    assert '<html lang="zh-CN">' in asked
    assert "<button>退订</button>" in asked
    assert "您将不再收到公告和报告邮件" in one_click(api, path).body.decode()
    assert '<html lang="en">' in api.get(link(api, "dai")).body.decode()


def test_the_page_needs_nothing_that_its_policy_forbids(api: API) -> None:
    path = link(api)
    for answer in (api.get(path), one_click(api, path)):
        html = answer.body.decode()
        style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
        assert style
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert answer.headers["Content-Security-Policy"] == (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            "form-action 'self'; frame-ancestors 'none'"
        )
        assert not re.search(r"<(script|link|img|iframe)\b|https?://|\bon\w+=|\bstyle=", html)


def test_the_page_tells_a_stranger_nothing_of_whose_it_is(api: API) -> None:
    path = link(api)
    html = api.get(path).body.decode()
    assert "chloe" not in html.lower()
    assert path.rpartition("/")[2] not in html


def test_the_link_is_in_no_log(api: API, written: io.StringIO) -> None:
    path = link(api)
    api.get(path)
    one_click(api, path)
    one_click(api, f"{path}x")
    log = written.getvalue()
    assert log.count("/unsubscribe/{token}") == 3
    assert path.rpartition("/")[2] not in log


def test_whoever_is_erased_leaves_no_link(api: API, owner: Connection) -> None:
    path = link(api)
    chloe = f"/api/users/{api.callers['chloe'].id}"
    assert api.post(f"{chloe}/erase", as_="amara", body={}).status == 204
    assert api.get(path).status == one_click(api, path).status == 404
    assert owner.execute(text("SELECT count(*) FROM unsubscribe_links")).scalar_one() == 0


def test_who_is_deactivated_may_unsubscribe(api: API, deactivate: Any, owner: Connection) -> None:
    path = link(api)
    deactivate("chloe")
    assert one_click(api, path).status == 200
    assert len(events(owner)) == 1


def test_an_export_says_that_there_is_a_link_and_not_which(api: API) -> None:
    assert api.get("/auth/me/export", as_="chloe").json["unsubscribe_link"] is None
    path = link(api)
    answer = api.get("/auth/me/export", as_="chloe")
    assert set(answer.json["unsubscribe_link"]) == {"created_at"}
    assert path.rpartition("/")[2] not in answer.body.decode()

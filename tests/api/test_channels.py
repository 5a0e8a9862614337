"""Channels over HTTP: who may keep them, what they take, and that a secret never comes out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.channels import service
from chalicelib.channels.errors import SecretUnreadable
from chalicelib.channels.sealing import Sealed, unseal
from chalicelib.core import database
from chalicelib.core.settings import reset_settings

from .conftest import API

KEY = "a key for channels that is long enough"
SIGNING_KEY = "not to be seen by anybody"
HOOK = {
    "kind": "webhook",
    "name": "Staff room",
    "url": "https://hooks.school.example/rollcall?room=1",
    "secret": SIGNING_KEY,
}
BOT = {
    "kind": "telegram",
    "name": "Bot",
    "chat_id": "-1001234567890",
    "secret": "123456:AbC-dEf_012345678901234567890",
}
RELAY = {
    "kind": "smtp",
    "name": "Relay",
    "host": "smtp.school.example",
    "port": 587,
    "security": "starttls",
    "username": "rollcall",
    "sender": "rollcall@school.example",
    "to": "staff@school.example",
    "secret": "a password that nobody knows",
}
# Addresses that are not public, as people who know more than one notation write them.
PRIVATE = [
    *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001"),
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "0xa9fea9fe"),
    *("0.0.0.0", "0", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "240.0.0.1"),
    *("168.63.129.16", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1]"),
    *("[fd00:ec2::254]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[ff02::1]"),
    *("[::127.0.0.1]", "localhost", "metadata", "127。0。0。1", "①②⑦.0.0.1"),
]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CHANNEL_KEY", KEY)
    reset_settings()
    yield
    monkeypatch.undo()
    reset_settings()


def add(api: API, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post("/api/channels", as_="amara", body=body)
    assert answer.status == 201, answer.body
    return answer.json


def row(owner: Connection, channel_id: int) -> Any:
    found = owner.execute(text("SELECT * FROM channels WHERE id = :id"), {"id": channel_id}).one()
    owner.rollback()
    return found


def audited(owner: Connection) -> list[Any]:
    rows = owner.execute(
        text("SELECT action, before, after FROM audit_events WHERE object_kind = 'channel'")
    ).all()
    owner.rollback()
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("body", [HOOK, BOT, RELAY], ids=lambda body: body["kind"])
def test_a_manager_adds_one_and_its_secret_is_never_shown(
    api: API, owner: Connection, body: dict[str, Any], written: Any
) -> None:
    added = api.post("/api/channels", as_="amara", body=body)
    assert added.status == 201
    told = {name: value for name, value in body.items() if name != "secret"}
    assert added.json | told == added.json
    assert (added.json["has_secret"], added.json["last_post"]) == (True, None)
    path = f"/api/channels/{added.json['id']}"
    assert added.headers["Location"] == path
    for name in ("amara", "rosa"):
        assert api.get(path, as_=name).json == added.json
        assert api.get("/api/channels", as_=name).json["items"] == [added.json]
    api.patch(path, as_="amara", body={"secret": body["secret"], "active": False})
    shown = added.body + api.get("/api/audit", as_="amara").body + written.getvalue().encode()
    secret = body["secret"].encode()
    assert secret not in shown + json.dumps(added.headers).encode()
    assert secret not in bytes(row(owner, added.json["id"]).secret)
    kept = owner.execute(text("SELECT coalesce(string_agg(body, ''), '') FROM idempotency_keys"))
    assert body["secret"] not in kept.scalar_one()


def test_a_first_answer_that_is_kept_holds_no_secret(api: API, owner: Connection) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = api.post("/api/channels", as_="amara", body=HOOK, headers=headers)
    again = api.post("/api/channels", as_="amara", body=HOOK, headers=headers)
    assert (first.status, again.json) == (201, first.json)
    (kept,) = owner.execute(text("SELECT body FROM idempotency_keys")).scalars()
    assert SIGNING_KEY not in kept


def test_what_is_audited_names_fields_and_no_values(api: API, owner: Connection) -> None:
    channel = add(api, HOOK)
    path = f"/api/channels/{channel['id']}"
    assert api.post(f"{path}/test", as_="amara").status == 202
    api.patch(path, as_="amara", body={"name": "Other", "secret": SIGNING_KEY * 2})
    assert api.delete(path, as_="amara").status == 204
    assert audited(owner) == [
        ("channel_created", None, {"kind": "webhook", "has_secret": True}),
        ("channel_tested", None, None),
        ("channel_updated", None, {"changed": ["name", "secret"]}),
        ("channel_deleted", {"kind": "webhook"}, None),
    ]


def test_removed_it_is_gone_with_its_secret_and_its_posts(api: API, owner: Connection) -> None:
    channel = add(api, HOOK)
    path = f"/api/channels/{channel['id']}"
    api.post(f"{path}/test", as_="amara")
    assert api.delete(path, as_="amara").status == 204
    for table in ("channels", "channel_posts"):
        assert owner.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
    owner.rollback()
    assert api.get(path, as_="amara").status == 404


@pytest.mark.parametrize(("method", "path"), [("PATCH", ""), ("DELETE", ""), ("POST", "/test")])
def test_the_office_reads_them_and_does_no_more(api: API, method: str, path: str) -> None:
    channel = add(api, HOOK)
    body = {"active": False} if method == "PATCH" else None
    answer = api(method, f"/api/channels/{channel['id']}{path}", as_="rosa", body=body)
    assert (answer.status, answer.code) == (403, "forbidden")
    assert api(method, f"/api/channels/999{path}", as_="amara", body=body).status == 404


def test_two_names_that_differ_in_case_are_one(api: API) -> None:
    add(api, HOOK)
    answer = api.post("/api/channels", as_="amara", body=BOT | {"name": "STAFF ROOM"})
    assert (answer.status, answer.code) == (409, "channel_name_taken")
    other = add(api, BOT)
    path = f"/api/channels/{other['id']}"
    answer = api.patch(path, as_="amara", body={"name": "staff room"})
    assert (answer.status, answer.code) == (409, "channel_name_taken")


@pytest.mark.parametrize("host", PRIVATE)
def test_a_host_that_is_not_public_is_refused_in_any_notation(api: API, host: str) -> None:
    for body in (
        HOOK | {"url": f"https://{host}/x"},
        RELAY | {"host": host},
        RELAY | {"host": host.strip("[]")},
    ):
        answer = api.post("/api/channels", as_="amara", body=body)
        assert answer.status == 422, answer.body


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.school.example/", "ftp://hooks.school.example/", "https:///x", "x"),
        *("https://user:pw@hooks.school.example/", "https://hooks.school.example@127.0.0.1/"),
        *("https://hooks.school.example:22/", "https://hooks.school.example:99999/"),
        *("https://hooks.school.example:0x1bb/", "https://hooks school.example/"),
        *("https://hooks.school.example/\r\nHost: x", "https://hooks..example/", "https://-/"),
        *("https://[::1/", "javascript:alert(1)", "file:///etc/passwd", "gopher://a.example/"),
    ],
)
def test_an_url_that_leads_elsewhere_is_refused(api: API, url: str) -> None:
    answer = api.post("/api/channels", as_="amara", body=HOOK | {"url": url})
    assert answer.status == 422
    assert set(answer.fields) == {"url"}


@pytest.mark.parametrize(
    "body",
    [
        HOOK | {"secret": "short"},
        {name: value for name, value in HOOK.items() if name != "secret"},
        HOOK | {"host": "smtp.school.example"},
        HOOK | {"secret": "a NUL \0 in what signs"},
        HOOK | {"kind": "pigeon"},
        BOT | {"secret": "no colon in this one"},
        BOT | {"secret": "123456:../../getMe?x=aaaaaaa"},
        BOT | {"chat_id": "12 34"},
        RELAY | {"port": 22},
        RELAY | {"security": "none"},
        RELAY | {"sender": "a@b\r\nBcc: all@school.example"},
        {name: value for name, value in RELAY.items() if name != "secret"},
        {name: value for name, value in RELAY.items() if name != "username"},
        {name: value for name, value in RELAY.items() if name != "to"},
        RELAY | {"url": HOOK["url"]},
    ],
    ids=str,
)
def test_what_is_no_channel_is_refused_without_repeating_it(api: API, body: dict[str, Any]) -> None:
    answer = api.post("/api/channels", as_="amara", body=body)
    assert answer.status == 422
    if secret := body.get("secret"):
        assert str(secret).encode() not in answer.body


def test_a_relay_without_a_login_has_no_secret(api: API) -> None:
    open_relay = {n: v for n, v in RELAY.items() if n not in ("username", "secret")}
    assert add(api, open_relay)["has_secret"] is False


def test_a_private_relay_has_to_be_named_in_the_settings(
    api: API, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = {n: v for n, v in RELAY.items() if n not in ("username", "secret")}
    inner |= {"host": "127.0.0.1", "port": 1025, "security": "none"}
    assert api.post("/api/channels", as_="amara", body=inner).status == 422
    monkeypatch.setenv("CHANNEL_PRIVATE_HOSTS", "Mail.inner:25, 127.0.0.1:1025")
    reset_settings()
    assert add(api, inner)["security"] == "none"
    answer = api.post("/api/channels", as_="amara", body=inner | {"name": "B", "port": 1026})
    assert answer.status == 422


def test_who_changes_where_it_goes_gives_the_secret_again(api: API, owner: Connection) -> None:
    channel = add(api, RELAY)
    path = f"/api/channels/{channel['id']}"
    for change in ({"host": "evil.example"}, {"port": 465}, {"security": "tls"}):
        answer = api.patch(path, as_="amara", body=change)
        assert (answer.status, answer.code) == (409, "secret_needed")
    assert api.patch(path, as_="amara", body={"to": "all@school.example"}).status == 200
    moved = {"host": "smtp.other.example", "secret": "another password"}
    assert api.patch(path, as_="amara", body=moved).json["host"] == "smtp.other.example"
    kept = row(owner, channel["id"])
    sealed = Sealed(kept.key_id, bytes(kept.secret))
    assert unseal(sealed, "smtp smtp.other.example:587 starttls") == "another password"
    with pytest.raises(SecretUnreadable):
        unseal(sealed, "smtp evil.example:587 starttls")


@pytest.mark.parametrize(
    "changes", [{"url": "https://a.example/"}, {"security": "none"}, {"port": 80}], ids=str
)
def test_changes_that_make_no_channel_of_it_are_refused(api: API, changes: dict[str, Any]) -> None:
    path = f"/api/channels/{add(api, RELAY)['id']}"
    assert api.patch(path, as_="amara", body=changes).status == 422


def test_a_change_honours_if_match(api: API) -> None:
    added = api.post("/api/channels", as_="amara", body=HOOK)
    path, headers = added.headers["Location"], {"If-Match": added.headers["ETag"]}
    assert api.patch(path, as_="amara", body={"active": False}, headers=headers).status == 200
    answer = api.patch(path, as_="amara", body={"active": True}, headers=headers)
    assert answer.status == 412
    assert api.delete(path, as_="amara", headers=headers).status == 412


def test_a_rotated_key_opens_until_all_is_sealed_anew(
    api: API, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = add(api, HOOK)
    before = row(owner, channel["id"])
    monkeypatch.setenv("CHANNEL_KEY", "another key that is long enough for all")
    monkeypatch.setenv("CHANNEL_KEY_PREVIOUS", KEY)
    reset_settings()
    purpose = f"webhook {HOOK['url']}"
    assert unseal(Sealed(before.key_id, bytes(before.secret)), purpose) == SIGNING_KEY
    with database.transaction() as connection:
        assert service.reseal(connection, 100) == 1
        assert service.reseal(connection, 100) == 0
    monkeypatch.setenv("CHANNEL_KEY_PREVIOUS", "")
    reset_settings()
    after = row(owner, channel["id"])
    assert unseal(Sealed(after.key_id, bytes(after.secret)), purpose) == SIGNING_KEY
    with pytest.raises(SecretUnreadable):
        unseal(Sealed(before.key_id, bytes(before.secret)), purpose)

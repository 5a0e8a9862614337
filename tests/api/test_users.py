"""User administration over HTTP: who is added, changed, let in and shut out, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.outbox.queues import temporary_queues

from .conftest import API

AddUser = Callable[..., dict[str, Any]]


@pytest.fixture
def add_user(api: API) -> AddUser:
    """Add a user as amara."""

    def add(username: str = "max", role: str = "student", **rest: Any) -> dict[str, Any]:
        body = {"username": username, "email": f"{username}@rollcall.example", "role": role}
        answer = api.post("/api/users", as_="amara", body=body | rest)
        assert answer.status == 201, answer.body
        return answer.json

    return add


def rows(owner: Connection, sql: str, **binds: Any) -> list[Any]:
    found = owner.execute(text(sql), binds).all()
    owner.rollback()
    return list(found)


def mails(owner: Connection, user_id: int) -> list[str]:
    """Return the kinds of the mails to a user."""
    sql = "SELECT kind FROM mails WHERE user_id = :id ORDER BY id"
    return [row.kind for row in rows(owner, sql, id=user_id)]


def events(owner: Connection, user_id: int) -> list[tuple[str, Any, Any]]:
    return [
        tuple(row)
        for row in rows(
            owner,
            "SELECT action, before, after FROM audit_events"
            " WHERE object_kind = 'user' AND object_id = :id ORDER BY id",
            id=str(user_id),
        )
    ]


def path_of(api: API, name: str) -> str:
    return f"/api/users/{api.callers[name].id}"


def test_a_user_is_added_read_and_invited(api: API, owner: Connection) -> None:
    body = {
        "username": " Max.Müller ",
        "email": " Max@Rollcall.Example ",
        "full_name": "Max 'Maxi' Müller",
        "role": "teacher",
        "locale": "zh-CN",
    }
    created = api.post("/api/users", as_="amara", body=body)
    assert created.status == 201
    read = api.get(created.headers["Location"], as_="amara")
    assert (read.body, read.headers["ETag"]) == (created.body, created.headers["ETag"])
    assert read.headers["Cache-Control"] == "no-store"
    user = read.json
    assert user.pop("created_at").endswith("Z")
    assert user == body | {
        "id": user["id"],
        "username": "max.müller",
        "email": "Max@Rollcall.Example",
        "active": True,
    }
    assert mails(owner, user["id"]) == ["invitation"]
    assert events(owner, user["id"]) == [
        ("user_created", None, {"role": "teacher", "active": True})
    ]


def test_each_mail_has_its_message(api: API, add_user: AddUser, owner: Connection) -> None:
    with temporary_queues() as queues:
        user = add_user()
        api.post(f"/api/users/{user['id']}/invite", as_="amara", body={})
        sent = {message["mail_id"] for message in queues.receive("mail")}
    assert sent == {row.id for row in rows(owner, "SELECT id FROM mails")}
    assert len(sent) == 2


def test_what_is_not_said_has_a_default(add_user: AddUser) -> None:
    user = add_user()
    assert (user["full_name"], user["locale"], user["active"]) == ("", "en", True)


def test_a_repeated_request_adds_one_and_invites_once(api: API, owner: Connection) -> None:
    body = {"username": "max", "email": "max@rollcall.example", "role": "student"}
    answers = [
        api.post("/api/users", as_="amara", body=body, headers={"Idempotency-Key": "once"})
        for _ in range(2)
    ]
    assert answers[0].body == answers[1].body
    assert mails(owner, answers[0].json["id"]) == ["invitation"]


@pytest.mark.parametrize("username", ["ROSA", "Ｒosa", "гosa", "r0sa"])
def test_a_name_is_taken_in_every_spelling_and_look(api: API, username: str) -> None:
    body = {"username": username, "email": "other@rollcall.example", "role": "student"}
    answer = api.post("/api/users", as_="amara", body=body)
    assert (answer.status, answer.code) == (409, "username_taken")


def test_an_address_is_taken_in_any_case(api: API, add_user: AddUser, owner: Connection) -> None:
    user = add_user()
    body = {"username": "other", "email": "MAX@rollcall.example", "role": "student"}
    refused = api.post("/api/users", as_="amara", body=body)
    assert (refused.status, refused.code) == (409, "email_taken")
    moved = api.patch(path_of(api, "dai"), as_="amara", body={"email": "Max@Rollcall.example"})
    assert (moved.status, moved.code) == (409, "email_taken")
    assert len(rows(owner, "SELECT 1 FROM mails")) == 1
    assert [event[0] for event in events(owner, user["id"])] == ["user_created"]


INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"email": "no address"}, "email", "invalid_character"),
    ({"email": "max@localhost"}, "email", "invalid_character"),
    ({"email": "m@x.yz\r\nBcc: a@b.cd"}, "email", "invalid_character"),
    ({"email": "a" * 250 + "@b.cd"}, "email", "too_long"),
    ({"email": ""}, "email", "too_short"),
    ({"email": None}, "email", "wrong_type"),
    ({"full_name": "x" * 201}, "full_name", "too_long"),
    ({"full_name": "two\nlines"}, "full_name", "invalid_character"),
    ({"full_name": "\u202egnp.exe"}, "full_name", "invalid_character"),
    ({"full_name": "\0"}, "full_name", "nul_character"),
    ({"role": "owner"}, "role", "not_one_of"),
    ({"role": None}, "role", "not_one_of"),
    ({"locale": "de"}, "locale", "not_one_of"),
    ({"password": "Rollcall-Demo-2026"}, "password", "unknown_field"),
    ({"id": 1}, "id", "unknown_field"),
    ({"created_at": "2026-01-01T00:00:00Z"}, "created_at", "unknown_field"),
]


@pytest.mark.parametrize(("change", "field", "code"), INVALID)
def test_a_field_that_is_not_valid_is_named(
    api: API, change: dict[str, Any], field: str, code: str
) -> None:
    body = {"username": "max", "email": "max@rollcall.example", "role": "student"}
    new = api.post("/api/users", as_="amara", body=body | change)
    assert (new.status, new.code, new.fields) == (422, "invalid", {field: code})
    changed = api.patch(path_of(api, "dai"), as_="amara", body=change)
    assert (changed.status, changed.fields) == (422, {field: code})


@pytest.mark.parametrize(
    ("username", "code"),
    [
        ("x", "too_short"),
        ("x" * 65, "too_long"),
        ("max@home", "invalid_character"),
        ("m x", "invalid_character"),
        ("_max", "invalid_character"),
        ("m\u200bx", "invalid_character"),
        (7, "wrong_type"),
    ],
)
def test_what_is_no_username(api: API, username: Any, code: str) -> None:
    body = {"username": username, "email": "max@rollcall.example", "role": "student"}
    assert api.post("/api/users", as_="amara", body=body).fields == {"username": code}


def test_a_username_never_changes(api: API) -> None:
    answer = api.patch(path_of(api, "dai"), as_="amara", body={"username": "other"})
    assert answer.fields == {"username": "unknown_field"}


def test_a_change_touches_what_it_names_and_is_written_down(api: API, owner: Connection) -> None:
    path, dai = path_of(api, "dai"), api.callers["dai"].id
    before = api.get(path, as_="amara").json
    changes = {"role": "teacher", "full_name": "Dai Nguyen", "email": "dai.n@rollcall.example"}
    answer = api.patch(path, as_="amara", body=changes)
    assert answer.json == before | changes
    assert events(owner, dai) == [
        ("authz_change", {"role": "student"}, {"role": "teacher"}),
        ("user_updated", None, {"changed": ["email", "full_name"]}),
    ]


def test_a_change_of_nothing_makes_no_new_version(api: API, owner: Connection) -> None:
    path = path_of(api, "dai")
    before = api.get(path, as_="amara")
    for body in ({}, {"role": "student", "active": True}, {"full_name": "Dai"}):
        after = api.patch(path, as_="amara", body=body)
        assert (after.status, after.body) == (200, before.body)
        assert after.headers["ETag"] == before.headers["ETag"]
    assert events(owner, api.callers["dai"].id) == []


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"role": "teacher"}), ("DELETE", None)])
def test_a_stale_editor_is_told(api: API, method: str, body: Any) -> None:
    path = path_of(api, "dai")
    tag = api.get(path, as_="amara").headers["ETag"]
    assert api.get(path, as_="amara", headers={"If-None-Match": tag}).status == 304
    api.patch(path, as_="amara", body={"locale": "zh-CN"}, headers={"If-Match": tag})
    answer = api(method, path, as_="amara", body=body, headers={"If-Match": tag})
    assert (answer.status, answer.code) == (412, "precondition_failed")
    assert api.get(path, as_="amara").json["role"] == "student"


def test_who_is_not_there_is_not_found(api: API) -> None:
    for method, path, body in (
        ("GET", "/api/users/999999", None),
        ("PATCH", "/api/users/999999", {}),
        ("DELETE", "/api/users/999999", None),
        ("POST", "/api/users/999999/invite", {}),
        ("GET", "/api/users/dai", None),
    ):
        assert api(method, path, as_="amara", body=body).status == 404


class TestAccess:
    """What a change does to the sessions of the user whom it is about."""

    @pytest.fixture
    def sessions(self, api: API, owner: Connection) -> Callable[[str], list[int]]:
        """Begin a session for dai and chloe each; return what access tokens of one must name."""
        owner.execute(text("DELETE FROM sessions"))
        for name in ("dai", "chloe"):
            owner.execute(
                text(
                    "INSERT INTO sessions (user_id, ip, expires_at)"
                    " VALUES (:id, '', now() + interval '1 day')"
                ),
                {"id": api.callers[name].id},
            )
        owner.commit()

        def sessions(name: str) -> list[int]:
            found = rows(
                owner,
                "SELECT access_version FROM sessions WHERE user_id = :id",
                id=api.callers[name].id,
            )
            return [row.access_version for row in found]

        return sessions

    @pytest.fixture
    def change(self, owner: Connection, api: API) -> Callable[[dict[str, Any]], None]:
        """Change dai past the API's own door, since that would end the session of the changer."""
        from chalicelib.accounts import administration
        from chalicelib.accounts.schemas import UserChanges
        from chalicelib.core import database

        def change(changes: dict[str, Any]) -> None:
            with database.transaction() as connection:
                amara = api.callers["amara"]
                dai = administration.lock_user_for(connection, amara, api.callers["dai"].id)
                administration.change_user(connection, amara, dai, UserChanges(**changes))

        return change

    def test_another_role_ends_the_access_tokens(
        self, sessions: Callable[[str], list[int]], change: Callable[[dict[str, Any]], None]
    ) -> None:
        change({"role": "teacher"})
        assert sessions("dai") == [2]
        assert sessions("chloe") == [1]

    def test_no_activity_ends_the_sessions(
        self, sessions: Callable[[str], list[int]], change: Callable[[dict[str, Any]], None]
    ) -> None:
        change({"active": False})
        assert sessions("dai") == []
        assert sessions("chloe") == [1]
        change({"active": True})
        assert sessions("dai") == []

    def test_anything_else_ends_nothing(
        self, sessions: Callable[[str], list[int]], change: Callable[[dict[str, Any]], None]
    ) -> None:
        change({"full_name": "Dai Nguyen", "locale": "zh-CN"})
        assert sessions("dai") == [1]


def test_a_user_is_deactivated_once_and_comes_back(api: API, owner: Connection) -> None:
    path, dai = path_of(api, "dai"), api.callers["dai"].id
    for _ in range(2):
        answer = api.delete(path, as_="amara")
        assert (answer.status, answer.body) == (204, b"")
    assert api.get(path, as_="amara").json["active"] is False
    back = api.patch(path, as_="amara", body={"active": True})
    assert (back.status, back.json["active"]) == (200, True)
    assert events(owner, dai) == [
        ("user_archived", {"active": True}, {"active": False}),
        ("user_reactivated", {"active": False}, {"active": True}),
    ]


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("PATCH", {"role": "registrar"}),
        ("PATCH", {"active": False}),
        ("PATCH", {"active": False, "role": "student"}),
        ("DELETE", None),
    ],
)
def test_the_last_manager_stays(
    api: API, add_user: AddUser, owner: Connection, method: str, body: Any
) -> None:
    path = path_of(api, "amara")
    refused = api(method, path, as_="amara", body=body)
    assert (refused.status, refused.code) == (409, "last_manager")
    gone = add_user("gone", "manager")
    assert api.delete(f"/api/users/{gone['id']}", as_="amara").status == 204
    assert api(method, path, as_="amara", body=body).code == "last_manager"
    assert events(owner, api.callers["amara"].id) == []
    add_user("max", "manager")
    assert api(method, path, as_="amara", body=body).status in (200, 204)


def test_whom_nobody_can_be_any_more_nobody_changes(
    api: API, add_user: AddUser, owner: Connection
) -> None:
    user = add_user()
    path = f"/api/users/{user['id']}"
    owner.execute(
        text("UPDATE users SET erased_at = now(), active = false WHERE id = :id"),
        {"id": user["id"]},
    )
    owner.commit()
    for body in ({"active": True}, {"full_name": "Max"}, {}):
        answer = api.patch(path, as_="amara", body=body)
        assert (answer.status, answer.code) == (409, "user_erased")
    invited = api.post(f"{path}/invite", as_="amara", body={})
    assert (invited.status, invited.code) == (409, "user_erased")
    assert api.delete(path, as_="amara").status == 204

    def listed(**query: Any) -> bool:
        page = api.get("/api/users", as_="amara", query={"q": "max", **query}).json
        return [item["id"] for item in page["items"]] == [user["id"]]

    assert listed()
    assert listed(active="false")
    assert not listed(active="true")


class TestInvitations:
    def test_who_has_no_password_is_invited_again(
        self, api: API, add_user: AddUser, owner: Connection
    ) -> None:
        user = add_user()
        answer = api.post(f"/api/users/{user['id']}/invite", as_="amara", body={})
        assert (answer.status, answer.body) == (202, b"")
        assert mails(owner, user["id"]) == ["invitation", "invitation"]
        assert events(owner, user["id"])[1] == ("user_invited", None, {"mail": "invitation"})

    def test_who_has_one_gets_a_link_for_a_new_one(self, api: API, owner: Connection) -> None:
        assert api.post(f"{path_of(api, 'dai')}/invite", as_="amara").status == 202
        assert mails(owner, api.callers["dai"].id) == ["forgot_password"]

    def test_a_repeated_request_sends_one_mail(self, api: API, owner: Connection) -> None:
        for _ in range(2):
            headers = {"Idempotency-Key": "once"}
            answer = api.post(f"{path_of(api, 'dai')}/invite", as_="amara", headers=headers)
            assert answer.status == 202
        assert mails(owner, api.callers["dai"].id) == ["forgot_password"]

    def test_who_is_not_active_is_not_invited(self, api: API, owner: Connection) -> None:
        path = path_of(api, "dai")
        api.delete(path, as_="amara")
        answer = api.post(f"{path}/invite", as_="amara", body={})
        assert (answer.status, answer.code) == (409, "user_inactive")
        assert mails(owner, api.callers["dai"].id) == []

    def test_nobody_is_invited_where_mails_come_back(self, api: API, owner: Connection) -> None:
        owner.execute(
            text(
                "INSERT INTO mail_suppressions (address, reason)"
                " VALUES ('dai@rollcall.example', 'bounce')"
            )
        )
        owner.execute(text("UPDATE users SET email = 'Dai@rollcall.example' WHERE email ~ '^dai'"))
        owner.commit()
        answer = api.post(f"{path_of(api, 'dai')}/invite", as_="amara", body={})
        assert (answer.status, answer.code) == (409, "mail_suppressed")
        assert mails(owner, api.callers["dai"].id) == []


class TestTheList:
    CAST = ("amara", "ben", "chloe", "dai", "rosa", "tilda")

    def names(self, api: API, **query: Any) -> list[str]:
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = api.get("/api/users", as_="amara", query=query | cursor)
            assert answer.status == 200, answer.body
            seen += [user["username"] for user in answer.json["items"]]
            if answer.json["next"] is None:
                return seen
            cursor = {"cursor": answer.json["next"]}

    @pytest.mark.parametrize("limit", [1, 4, 200])
    def test_by_username_at_first(self, api: API, limit: int) -> None:
        assert self.names(api, limit=limit) == list(self.CAST)
        assert self.names(api, limit=limit, sort="-username") == list(reversed(self.CAST))

    @pytest.mark.parametrize("column", ["email", "full_name", "created_at"])
    @pytest.mark.parametrize("direction", ["", "-"])
    def test_by_other_columns_ties_included(
        self, api: API, add_user: AddUser, column: str, direction: str
    ) -> None:
        for username in ("x1", "x2", "x3"):
            add_user(username, full_name="Same")
        whole = self.names(api, sort=direction + column)
        assert len(whole) == 9
        assert self.names(api, sort=direction + column, limit=2) == whole
        items = api.get("/api/users", as_="amara", query={"sort": direction + column}).json["items"]
        values = [item[column].lower() for item in items]
        assert values == sorted(values, reverse=bool(direction))

    def test_search(self, api: API, add_user: AddUser) -> None:
        add_user("xiaolong", full_name="李小龙")
        add_user("other", email="find.me@rollcall.example")
        assert self.names(api, q="小") == ["xiaolong"]
        assert self.names(api, q="FIND.me") == ["other"]
        assert self.names(api, q="TILD") == ["tilda"]
        assert self.names(api, q="%") == []
        assert self.names(api, q="rollcall", role="teacher") == ["ben", "tilda"]

    def test_filters(self, api: API) -> None:
        assert self.names(api, role="student") == ["chloe", "dai"]
        api.delete(path_of(api, "dai"), as_="amara")
        assert self.names(api, role="student", active="true") == ["chloe"]
        assert self.names(api, active="false") == ["dai"]
        assert self.names(api, active="0", limit=1) == ["dai"]

    def test_registrars_find_active_people_by_name_and_no_address(
        self, api: API, add_user: AddUser
    ) -> None:
        add_user("xiaolong", full_name="李小龙", email="find.me@rollcall.example")

        def found(**query: Any) -> list[str]:
            answer = api.get("/api/people", as_="rosa", query=query)
            assert answer.status == 200, answer.body
            assert all(
                person.keys() == {"id", "username", "full_name"} for person in answer.json["items"]
            )
            return [person["username"] for person in answer.json["items"]]

        assert found() == sorted([*self.CAST, "xiaolong"])
        assert found(q="小龙") == ["xiaolong"]
        assert found(q="find.me") == []
        assert found(role="student") == ["chloe", "dai", "xiaolong"]
        api.delete(path_of(api, "dai"), as_="amara")
        assert found(role="student") == ["chloe", "xiaolong"]
        first = api.get("/api/people", as_="rosa", query={"limit": 2}).json
        assert found(limit=200, cursor=first["next"]) == ["chloe", "rosa", "tilda", "xiaolong"]
        assert api.get("/api/people", as_="rosa", query={"role": "x"}).status == 422

    @pytest.mark.parametrize(
        ("query", "fields"),
        [
            ("role=owner", {"role": "not_one_of"}),
            ("active=maybe", {"active": "wrong_type"}),
            ("sort=password_hash", {"sort": "not_one_of"}),
            ("q=" + "x" * 201, {"q": "too_long"}),
        ],
    )
    def test_a_query_that_is_not_valid(self, api: API, query: str, fields: dict[str, str]) -> None:
        answer = api.get("/api/users", as_="amara", query=query)
        assert (answer.status, answer.fields) == (422, fields)

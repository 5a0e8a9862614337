"""To see all that is kept on oneself, and to be forgotten."""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.core import database
from chalicelib.mail.service import queue_mail
from chalicelib.privacy.queries import MOST_EVENTS

from .conftest import API, PASSWORD, AddSection
from .test_announcements import TITLE, announce, inbox

PREFERENCES = {"mail": "off", "digest_hour": 7, "timezone": "Asia/Shanghai", "locale": "zh-CN"}


def leave_traces(api: API) -> None:
    """Let chloe do all that leaves a trace of a person."""
    api.post("/auth/login", body={"username": "chloe", "password": PASSWORD}, ip="203.0.113.7")
    api.post("/auth/login", body={"username": "chloe", "password": "wrong"}, ip="203.0.113.8")
    api.patch("/auth/me", as_="chloe", body={"full_name": "Chloe Martin"})
    api("PUT", "/api/notification_preferences", as_="chloe", body=PREFERENCES)
    api.post("/auth/forgot-password", body={"email": "Chloe@rollcall.example"})
    with database.transaction() as connection:
        queue_mail(connection, "password_changed", user_id=api.callers["chloe"].id)
        connection.execute(
            text(
                "INSERT INTO mail_suppressions (address, reason)"
                " VALUES ('chloe@rollcall.example', 'bounce')"
            )
        )


def user_path(api: API, name: str) -> str:
    return f"/api/users/{api.callers[name].id}"


def test_an_export_has_all_that_is_kept(api: API) -> None:
    leave_traces(api)
    answer = api.get("/auth/me/export", as_="chloe")
    assert answer.status == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    kept = answer.json
    assert kept["account"]["email"] == "chloe@rollcall.example"
    assert kept["account"]["has_password"] is True
    assert kept["notification_preferences"]["timezone"] == "Asia/Shanghai"
    assert [session["ip"] for session in kept["sessions"]] == ["127.0.0.1", "203.0.113.7"]
    assert [mail["kind"] for mail in kept["mails"]] == ["forgot_password", "password_changed"]
    assert kept["mail_suppression"]["reason"] == "bounce"
    assert [(event["action"], event["by_me"]) for event in kept["events"]] == [
        ("user_updated", True),
        ("authn_login_fail", None),
        ("authn_login_success", True),
    ]
    assert kept["events_in_all"] == 3
    assert "argon2" not in answer.body.decode()


def test_an_export_names_tasks_and_kept_answers(api: API) -> None:
    body = {"code": "CS1", "title": "t"}
    api.post("/api/courses", as_="rosa", body=body, headers={"Idempotency-Key": "a-key"})
    api.post("/api/imports/courses", as_="rosa", body={"filename": "ours.csv"})
    kept = api.get("/auth/me/export", as_="rosa").json
    assert [answer["key"] for answer in kept["kept_answers"]] == ["POST /api/courses a-key"]
    assert [task["filename"] for task in kept["tasks"]] == ["ours.csv"]
    assert kept["attachments"] == []


def test_an_export_names_sections_that_are_attended_and_taught(
    api: API, add_section: AddSection
) -> None:
    section = add_section(teacher="ben")
    path = f"/api/sections/{section['id']}/enrollments"
    api.post(path, as_="rosa", body={"user_id": api.callers["chloe"].id})
    named = {"section": section["id"], "course": "CS101", "term": "2026-autumn"}
    assert api.get("/auth/me/export", as_="ben").json["sections_taught"] == [named]
    (attended,) = api.get("/auth/me/export", as_="chloe").json["enrollments"]
    assert attended.pop("enrolled_at")
    assert attended == named | {"status": "enrolled"}


def test_an_export_names_what_was_announced_and_what_became_of_it(api: API) -> None:
    told = announce(api, "ben")
    (delivery,) = inbox(api, "chloe")
    api.post(f"/api/deliveries/{delivery['id']}/ack", as_="chloe")
    (written,) = api.get("/auth/me/export", as_="ben").json["announcements"]
    assert (written["id"], written["title"], written["status"]) == (
        told["id"],
        TITLE["title"],
        "published",
    )
    (got,) = api.get("/auth/me/export", as_="chloe").json["deliveries"]
    assert (got["announcement"], got["title"]) == (told["id"], TITLE["title"])
    assert (got["state"], got["retry_count"], got["mail"]) == ("acknowledged", 0, None)
    assert got["ack_at"] == got["delivered_at"]
    (of_dai,) = api.get("/auth/me/export", as_="dai").json["deliveries"]
    assert (of_dai["state"], of_dai["ack_at"]) == ("queued", None)
    assert api.get("/auth/me/export", as_="dai").json["announcements"] == []


def test_an_export_has_nothing_of_others(api: API) -> None:
    leave_traces(api)
    kept = api.get("/auth/me/export", as_="dai")
    assert "chloe" not in kept.body.decode()
    assert kept.json["notification_preferences"] is None
    assert kept.json["events"] == []


def test_of_many_events_the_newest_are_shown_and_all_are_counted(
    api: API, owner: Connection
) -> None:
    owner.execute(
        text(
            "INSERT INTO audit_events (actor_id, action, object_kind, ip, request_id)"
            " SELECT :id, 'event_' || n, 'course', '', '' FROM generate_series(1, 2500) n"
        ),
        {"id": api.callers["chloe"].id},
    )
    owner.commit()
    kept = api.get("/auth/me/export", as_="chloe").json
    assert len(kept["events"]) == MOST_EVENTS
    assert kept["events"][0]["action"] == "event_2500"
    assert kept["events_in_all"] == 2500


def test_an_erased_user_is_nobody_any_more(api: API, owner: Connection) -> None:
    leave_traces(api)
    chloe = api.callers["chloe"].id
    assert api.post(f"{user_path(api, 'chloe')}/erase", as_="amara", body={}).status == 204
    row = owner.execute(
        text(
            "SELECT username, email, full_name, active, password_hash, locale,"
            " erased_at IS NOT NULL FROM users WHERE id = :id"
        ),
        {"id": chloe},
    ).one()
    assert row[0].startswith(f"erased-{chloe}-")
    assert tuple(row[1:]) == (f"erased-{chloe}@erased.invalid", "", False, None, "en", True)
    assert api.get("/auth/me", as_="chloe").status == 401
    login = {"username": "chloe", "password": PASSWORD}
    assert api.post("/auth/login", body=login).code == "invalid_credentials"
    tables = owner.execute(
        text(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type IN ('text', 'jsonb')"
        )
    ).all()
    for table, column in tables:
        found = owner.execute(
            text(f"SELECT count(*) FROM {table} WHERE CAST({column} AS text) ILIKE '%chloe%'")
        )
        assert found.scalar_one() == 0, (table, column)


def test_what_an_erased_user_did_stays_under_a_number(api: API, owner: Connection) -> None:
    api.post("/api/courses", as_="rosa", body={"code": "CS1", "title": "t"})
    rosa = api.callers["rosa"].id
    csv = b"code,title\nCS2,u\n"
    task = api.post(
        "/api/imports/courses", as_="rosa", raw=csv, headers={"Content-Type": "text/csv"}
    )
    assert api.post(f"{user_path(api, 'rosa')}/erase", as_="amara", body={}).status == 204
    kept = owner.execute(
        text("SELECT created_by FROM tasks WHERE id = CAST(:id AS uuid)"),
        {"id": task.json["task_id"]},
    ).scalar_one()
    assert kept == rosa
    assert api.get("/api/courses", as_="dai").json["items"][0]["code"] == "CS1"


def test_deliveries_to_an_erased_user_and_what_they_announced_stay_under_a_number(
    api: API,
) -> None:
    told = announce(api, "ben")
    (delivery,) = inbox(api, "chloe")
    api.post(f"/api/deliveries/{delivery['id']}/ack", as_="chloe")
    for name in ("chloe", "ben"):
        assert api.post(f"{user_path(api, name)}/erase", as_="amara", body={}).status == 204
    path = f"/api/announcements/{told['id']}/deliveries"
    recipients = api.get(path, as_="rosa").json["items"]
    users = {item["user"]["id"]: item for item in recipients}
    kept = users[api.callers["chloe"].id]
    assert kept["state"] == "acknowledged"
    assert kept["user"]["username"].startswith(f"erased-{api.callers['chloe'].id}-")
    (left,) = inbox(api, "dai")
    publisher = left["announcement"]["publisher"]
    assert publisher["username"].startswith(f"erased-{api.callers['ben'].id}-")


def test_to_be_forgotten_twice_or_as_the_last_manager_or_as_nobody(api: API) -> None:
    def erase(path: str) -> tuple[int, str]:
        answer = api.post(f"{path}/erase", as_="amara", body={})
        return answer.status, "" if answer.status == 204 else answer.code

    assert erase(user_path(api, "dai")) == (204, "")
    assert erase(user_path(api, "dai")) == (409, "user_erased")
    assert erase(user_path(api, "amara")) == (409, "last_manager")
    assert erase("/api/users/999999") == (404, "not_found")
    assert api.get("/auth/me", as_="amara").status == 200


def test_a_name_that_was_forgotten_is_free_again(api: API) -> None:
    assert api.post(f"{user_path(api, 'dai')}/erase", as_="amara", body={}).status == 204
    body = {"username": "dai", "email": "dai@rollcall.example", "password": PASSWORD}
    assert api.post("/auth/register", body=body).status == 201

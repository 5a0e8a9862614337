"""Idempotency-Key over HTTP: once, whatever is sent how often, and by how many at a time."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.core import database
from chalicelib.idempotency.service import expire_keys

from .conftest import API, Answer, AtOnce, Sent

BODY = {"code": "CS101", "title": "Computing"}


def send(
    api: API, key: str, body: Any = BODY, as_: str = "rosa", path: str = "/api/courses"
) -> Answer:
    return api.post(path, as_=as_, body=body, headers={"Idempotency-Key": key})


def count(owner: Connection, table: str = "courses") -> int:
    counted = int(owner.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
    owner.rollback()
    return counted


def test_the_second_request_gets_the_first_answer(api: API, owner: Connection) -> None:
    first, second, third = (send(api, "k-1") for _ in range(3))
    assert first.status == second.status == third.status == 201
    assert first.body == second.body == third.body
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    for name in ("ETag", "Location", "Content-Type", "Cache-Control"):
        assert second.headers[name] == first.headers[name]
    assert second.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert count(owner) == 1


def test_the_first_answer_stays_when_the_course_changes(api: API) -> None:
    first = send(api, "k-1")
    api.patch(first.headers["Location"], as_="rosa", body={"title": "Changed"})
    assert send(api, "k-1").body == first.body


def test_a_slash_at_the_end_is_the_same_request(api: API) -> None:
    first = send(api, "k-1")
    assert send(api, "k-1", path="/api/courses/").body == first.body


def test_another_body_is_refused(api: API, owner: Connection) -> None:
    send(api, "k-1")
    answer = send(api, "k-1", BODY | {"code": "CS102"})
    assert (answer.status, answer.code) == (422, "idempotency_key_reused")
    assert count(owner) == 1


def test_a_key_is_the_senders_own(api: API, owner: Connection) -> None:
    send(api, "k-1")
    answer = send(api, "k-1", BODY | {"code": "CS102"}, as_="amara")
    assert answer.status == 201
    assert "Idempotency-Replayed" not in answer.headers
    assert count(owner) == 2


def test_a_key_is_of_its_route(api: API) -> None:
    assert send(api, "k-1").status == 201
    elsewhere = send(api, "k-1", {"q": "x"}, path="/api/exports/courses")
    assert elsewhere.status == 202
    again = send(api, "k-1", {"q": "x"}, path="/api/exports/courses")
    assert again.json == elsewhere.json
    other = send(api, "k-1", {"q": "x"}, path="/api/exports/others")
    assert other.status in (404, 422)


def test_a_refusal_is_not_kept(api: API, owner: Connection) -> None:
    first = send(api, "k-0")
    assert send(api, "k-1").code == "course_code_taken"
    assert send(api, "k-2", {"code": ""}).status == 422
    assert count(owner, "idempotency_keys") == 1
    api.delete(first.headers["Location"], as_="rosa")
    assert send(api, "k-1").status == 201
    assert send(api, "k-2", BODY | {"code": "CS102"}).status == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "é", "a\x7f"])
def test_a_key_that_is_none(api: API, key: str) -> None:
    answer = send(api, key)
    assert (answer.status, answer.code) == (400, "malformed_idempotency_key")


@pytest.mark.parametrize("key", [str(uuid.uuid4()), '"quoted"', "x" * 200, "k:1/2;3"])
def test_a_key_that_is_one(api: API, key: str) -> None:
    assert send(api, key).status == 201


def test_a_key_is_free_again_after_a_day(api: API, owner: Connection) -> None:
    first = send(api, "k-1")
    api.delete(first.headers["Location"], as_="rosa")
    owner.execute(text("UPDATE idempotency_keys SET created_at = now() - interval '24:00:01'"))
    owner.commit()
    again = send(api, "k-1", BODY | {"title": "Another"})
    assert again.status == 201
    assert again.json["title"] == "Another"
    assert send(api, "k-1", BODY | {"title": "Another"}).body == again.body


def test_old_keys_are_swept(api: API, owner: Connection) -> None:
    send(api, "old")
    owner.execute(text("UPDATE idempotency_keys SET created_at = now() - interval '24:00:01'"))
    owner.commit()
    send(api, "new", BODY | {"code": "CS102"})
    with database.transaction() as connection:
        assert expire_keys(connection, 10) == 1
        assert expire_keys(connection, 10) == 0


def test_no_body_can_be_guessed_from_what_is_kept(api: API, owner: Connection) -> None:
    send(api, "k-1")
    kept = owner.execute(text("SELECT request_hash FROM idempotency_keys")).scalar_one()
    owner.rollback()
    assert bytes(kept) != hashlib.sha256(json.dumps(BODY).encode()).digest()
    assert len(kept) == 32


def keyed(key: str, body: Any = BODY) -> Sent:
    return "POST", "/api/courses", body, {"Idempotency-Key": key}


def test_duplicates_at_the_same_time_do_it_once(at_once: AtOnce, owner: Connection) -> None:
    answers = at_once([keyed("k-1")] * 5)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 4
    assert count(owner) == 1


def test_of_two_bodies_at_the_same_time_one_is_refused(at_once: AtOnce, owner: Connection) -> None:
    answers = at_once([keyed("k-1"), keyed("k-1", BODY | {"code": "CS102"})])
    assert sorted(answer.status for answer in answers) == [201, 422]
    assert count(owner) == 1


def test_two_keys_for_one_course_at_the_same_time(at_once: AtOnce, owner: Connection) -> None:
    """Without the same key the unique code decides: one 201, the others 409."""
    answers = at_once([keyed(f"k-{n}") for n in range(6)])
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5
    assert count(owner) == 1

"""Adding users, one and many."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from chalicelib.accounts import service
from chalicelib.accounts.errors import EmailTaken, UsernameTaken
from chalicelib.accounts.service import NewUser
from chalicelib.core import database

pytestmark = pytest.mark.usefixtures("clean_database")

ROSA = NewUser("rosa", "rosa@rollcall.example", "Rosa Delgado", "registrar")


def add(user: NewUser) -> int:
    with database.transaction() as connection:
        return service.create_user(connection, user)


def test_a_user_gets_an_id() -> None:
    assert add(ROSA) < add(ROSA._replace(username="ben", email="ben@rollcall.example"))


def test_a_name_or_address_is_taken_in_any_case() -> None:
    add(ROSA)
    with pytest.raises(UsernameTaken):
        add(ROSA._replace(username="ROSA", email="other@rollcall.example"))
    with pytest.raises(EmailTaken):
        add(ROSA._replace(username="other", email="Rosa@Rollcall.Example"))


def test_of_many_those_that_are_missing_are_added(owner: Connection) -> None:
    add(ROSA)
    many = [
        ROSA._replace(username="Rosa", full_name="Another"),
        ROSA._replace(username="null", email="null@rollcall.example", full_name="NULL"),
        ROSA._replace(username="quo'te", email="q@rollcall.example", full_name='{a,"b"}'),
    ]
    with database.transaction() as connection:
        assert service.create_missing_users(connection, many) == 2
        assert service.create_missing_users(connection, many) == 0
    kept = owner.execute(text("SELECT username, full_name FROM users ORDER BY id")).all()
    owner.rollback()
    assert [tuple(row) for row in kept] == [
        ("rosa", "Rosa Delgado"),
        ("null", "NULL"),
        ("quo'te", '{a,"b"}'),
    ]

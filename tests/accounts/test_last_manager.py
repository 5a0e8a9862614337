"""However many managers demote each other at once, one is left."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chalicelib.accounts import administration, service
from chalicelib.accounts.errors import LastManager
from chalicelib.accounts.rules import Caller
from chalicelib.accounts.schemas import UserChanges
from chalicelib.core import database

pytestmark = pytest.mark.usefixtures("clean_database")

AT_ONCE = 50
CHANGES: list[dict[str, Any]] = [{"role": "student"}, {"active": False}, {"role": "registrar"}]


def demote(job: tuple[int, int]) -> str:
    """Take one of the managers away, from a process and a connection of its own."""
    number, user_id = job
    caller = Caller(user_id, "max", "manager")
    try:
        with database.transaction() as connection:
            user = administration.lock_user_for(connection, caller, user_id)
            changes = UserChanges(**CHANGES[number % len(CHANGES)])
            administration.change_user(connection, caller, user, changes)
    except LastManager:
        return "last_manager"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "done"


def test_fifty_demotions_at_once_leave_one_of_two(owner: Connection) -> None:
    with database.transaction() as connection:
        managers = [
            service.create_user(
                connection, service.NewUser(name, f"{name}@rollcall.example", "", "manager")
            )
            for name in ("amara", "max")
        ]
    with multiprocessing.get_context("fork").Pool(AT_ONCE) as pool:
        for _ in range(4):
            jobs = [(number, managers[number % 2]) for number in range(AT_ONCE)]
            outcomes = pool.map(demote, jobs, chunksize=1)
            assert set(outcomes) <= {"done", "last_manager"}
            assert {"done", "last_manager"} <= set(outcomes)
            left = owner.execute(text("SELECT id FROM users WHERE active AND role = 'manager'"))
            assert len(left.all()) == 1
            owner.execute(text("UPDATE users SET active = true, role = 'manager'"))
            owner.commit()

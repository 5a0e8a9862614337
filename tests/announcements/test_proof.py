"""The seals of the ledger: what they prove to whoever kept one; and nobody changes an event."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from chalicelib.announcements import ledger
from chalicelib.core import database
from chalicelib.core.dialect import sqlstate
from tests.announcements.proofs import check, check_saved, save_proof, seal
from tests.announcements.school import School, fan_out

Pages = list[dict[str, Any]]
STUDENTS = 4
_ADD_EVENT = text(
    "INSERT INTO delivery_events (announcement_id, kind, version, user_ids)"
    " VALUES (:id, 'shown', 1, '{1}')"
)
_ADD_EVENTS = """
INSERT INTO delivery_events (announcement_id, kind, version, user_ids)
SELECT :id, 'shown', 1, ARRAY[n] FROM generate_series(1, :count) n
"""


@pytest.fixture
def school(clean_database: None, owner: Connection) -> School:
    return School(owner, STUDENTS)


@pytest.fixture
def told(school: School) -> int:
    """An announcement with a ledger of several seals."""
    announcement = school.announce()
    fan_out(announcement)
    seal(announcement)
    for student in school.students[:2]:
        [(delivery,)] = school.read(
            "SELECT id FROM deliveries WHERE user_id = :student", student=student
        )
        school.mark_delivered(student, delivery)
        school.acknowledge(student, delivery)
        seal(announcement)
    school.withdraw(announcement)
    return announcement


def test_the_program_of_the_page_checks_a_proof_offline(told: int) -> None:
    for limit in (200, 1):
        pages = save_proof(told, limit)
        assert len(pages) == (1 if limit == 200 else 4)
        assert check_saved([json.dumps(page).encode() for page in pages]) == 0
    pages[2]["items"][0]["events"][0] += "0"
    assert check_saved([json.dumps(page).encode() for page in pages]) == 1


def _drop_event(seals: Pages) -> None:
    del seals[1]["events"][0]


def _swap_events(seals: Pages) -> None:
    seals[1]["events"].reverse()


def _move_event(seals: Pages) -> None:
    seals[2]["events"].insert(0, seals[1]["events"].pop())


def _merge_events(seals: Pages) -> None:
    seals[1]["events"] = ["\n".join(seals[1]["events"])]


def _drop_seal(seals: Pages) -> None:
    del seals[1]


def _drop_first(seals: Pages) -> None:
    del seals[0]


def _swap_seals(seals: Pages) -> None:
    seals[1], seals[2] = seals[2], seals[1]


def _repeat_seal(seals: Pages) -> None:
    seals.insert(1, seals[1])


@pytest.mark.parametrize(
    "forge",
    [
        *(_drop_event, _swap_events, _move_event, _merge_events),
        *(_drop_seal, _drop_first, _swap_seals, _repeat_seal),
    ],
)
def test_what_is_left_out_or_moved_is_found(told: int, forge: Callable[[Pages], None]) -> None:
    (page,) = save_proof(told)
    assert [len(found["events"]) for found in page["items"]] == [1, 2, 2, 1]
    assert check([page]) == 0
    forge(page["items"])
    assert check([page]) == 1


def test_a_changed_character_of_any_field_is_found(told: int) -> None:
    (page,) = save_proof(told)
    for place, found in enumerate(page["items"]):
        for name, value in found.items():
            for change in _changes(value):
                forged = copy.deepcopy(page)
                forged["items"][place][name] = change
                assert check([forged]) == 1, (place, name, change)


def _changes(value: Any) -> list[Any]:
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, list):
        return [[*value[:n], c, *value[n + 1 :]] for n, v in enumerate(value) for c in _changes(v)]
    return [
        f"{value[:n]}{'0' if value[n] != '0' else '1'}{value[n + 1 :]}" for n in range(len(value))
    ]


def test_a_changed_byte_of_the_file_is_found_or_says_nothing_else(told: int) -> None:
    (page,) = save_proof(told)
    whole = json.dumps(page).encode()
    chance = random.Random(whole)
    for _ in range(400):
        changed = bytearray(whole)
        changed[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        if read := _read(bytes(changed)):
            says_the_same = read.get("items") == page["items"]
            assert (check([read]) == 0) == says_the_same


def _read(saved: bytes) -> Any:
    try:
        return json.loads(saved)
    except ValueError:
        return None


def test_events_that_commit_out_of_order_are_each_sealed_once(
    school: School, told: int, owner_engine: Any
) -> None:
    seal(told)
    with owner_engine.connect() as slow:
        slow.execute(_ADD_EVENT, {"id": told})
        school.owner.execute(_ADD_EVENT, {"id": told})
        school.owner.commit()
        assert seal(told) == 1
        slow.commit()
    assert seal(told) == 1
    (page,) = save_proof(told)
    earlier, later = (int(found["events"][0].split("|")[0]) for found in page["items"][-2:])
    assert earlier > later, "the first to be sealed was the second to be written"
    assert check([page]) == 0


def test_sealers_at_once_seal_each_event_once(school: School, told: int) -> None:
    school.write(_ADD_EVENTS, id=told, count=12_000)
    engine = create_engine(database.init().url, creator=database._connect, poolclass=NullPool)

    def seal_at_once(_: int) -> int:
        with engine.begin() as connection:
            return ledger.seal_events(connection, told)

    with ThreadPoolExecutor(4) as hands:
        made = list(hands.map(seal_at_once, range(4)))
    assert sum(made) == 3
    assert school.read("SELECT count(*) FROM delivery_events WHERE seal IS NULL") == [(0,)]
    assert check(save_proof(told)) == 0


def test_a_large_ledger_is_sealed_in_transactions_of_a_bounded_size(
    school: School, told: int
) -> None:
    school.write(_ADD_EVENTS, id=told, count=60_000)
    sizes = []
    while True:
        with database.transaction() as connection:
            made = ledger.seal_events(connection, told)
        if not made:
            break
        sizes.append(made)
    assert max(sizes) <= 10
    assert len(sizes) == 2
    largest = school.read("SELECT max(events) FROM announcement_seals")
    assert largest == [(5000,)]
    assert check(save_proof(told)) == 0


@pytest.mark.parametrize("who", ["application", "owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE delivery_events SET at = now()",
        "UPDATE delivery_events SET user_ids = '{}'",
        "UPDATE delivery_events SET seal = 99 WHERE seal IS NOT NULL",
        "UPDATE delivery_events SET seal = NULL WHERE seal IS NOT NULL",
        "DELETE FROM delivery_events",
        "UPDATE announcement_seals SET sha256 = repeat('0', 64)",
        "DELETE FROM announcement_seals",
    ],
)
def test_nobody_changes_what_is_written(
    school: School, told: int, who: str, statement: str
) -> None:
    seal(told)
    before = school.read("SELECT * FROM delivery_events ORDER BY id")
    with pytest.raises(DBAPIError) as refused:
        if who == "owner":
            school.write(statement)
        else:
            with database.transaction() as connection:
                connection.execute(text(statement))
    assert sqlstate(refused.value) == "42501"
    school.owner.rollback()
    assert school.read("SELECT * FROM delivery_events ORDER BY id") == before
    assert check(save_proof(told)) == 0

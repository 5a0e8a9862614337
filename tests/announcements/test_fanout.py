"""Fan-outs: an audience of any size is frozen a part at a time, and goes on where it was left."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from chalicelib.announcements import audience
from tests.announcements.school import School, fan_out


@pytest.fixture
def school(clean_database: None, owner: Connection) -> School:
    return School(owner, 25)


@pytest.mark.parametrize(("chunk", "most"), [(2, 3), (5, 5), (5, 1), (25, 1), (7, 20)])
def test_an_audience_is_frozen_in_parts_each_of_its_people_once(
    school: School, monkeypatch: pytest.MonkeyPatch, chunk: int, most: int
) -> None:
    monkeypatch.setattr(audience, "CHUNK_SIZE", chunk)
    monkeypatch.setattr(audience, "_MOST_CHUNKS", most)
    everybody = [
        school.announce(),
        school.announce(audience={"kind": "users", "ids": school.students}),
    ]
    for told in everybody:
        # Out of time again and again.
        for _ in range(60):
            fan_out(told, most_steps=2)
        assert list(school.deliveries(told)) == school.students
        assert school.queued(told) == [(1, student) for student in school.students]
        sizes = school.read(
            "SELECT size FROM fanout_chunks WHERE announcement_id = :id ORDER BY number", id=told
        )
        assert sum(size for (size,) in sizes) == 25
        assert {size for (size,) in sizes[:-1]} <= {chunk}
        assert school.read("SELECT fanout_state FROM announcements WHERE id = :id", id=told) == [
            ("done",)
        ]


def test_who_comes_after_it_was_published_is_not_in_it(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "CHUNK_SIZE", 10)
    monkeypatch.setattr(audience, "_MOST_CHUNKS", 1)
    told = school.announce()
    fan_out(told, most_steps=0)
    school.write(
        "INSERT INTO users (username, email, full_name, role)"
        " VALUES ('late', 'late@rollcall.example', 'Late', 'student')"
    )
    fan_out(told)
    assert list(school.deliveries(told)) == school.students

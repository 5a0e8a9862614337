"""Whom an audience means, and what differs between two versions."""

from __future__ import annotations

from chalicelib.announcements.rules import changed_lines, roles_of


def test_only_the_whole_school_is_addressed_by_role() -> None:
    assert roles_of({"kind": "all_students"}) == ["student"]
    assert roles_of({"kind": "role", "roles": ["manager", "teacher"]}) == ["manager", "teacher"]
    assert roles_of({"kind": "section", "ids": [1]}) == []


def test_what_differs_is_shown_with_its_neighbours() -> None:
    before = "Dear all,\n\nNo class on Friday.\n\nRosa"
    after = "Dear all,\n\nNo class on Monday.\n\nRosa"
    assert changed_lines(before, after) == (
        "@@ -1,5 +1,5 @@\n Dear all,\n \n-No class on Friday.\n+No class on Monday.\n \n Rosa"
    )
    assert changed_lines(before, before) == ""

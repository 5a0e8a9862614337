"""Meetings as text: what is read, what is refused, and that one gives the other back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.scheduling.meetings import Meeting, format_meetings, meeting_errors, ordered
from tests.scheduling.meeting_reader import UnreadableMeetings, parse_meetings

SIXTEEN = tuple(range(1, 17))


@pytest.mark.parametrize(
    ("text", "meetings"),
    [
        ("", []),
        ("  ", []),
        ("1:1-2:1-16", [Meeting(1, 1, 2, SIXTEEN)]),
        ("1:1-2:all", [Meeting(1, 1, 2, SIXTEEN)]),
        ("7:3-3:odd", [Meeting(7, 3, 3, SIXTEEN[::2])]),
        ("7:3-3:EVEN@", [Meeting(7, 3, 3, SIXTEEN[1::2])]),
        ("2:1-2:1-3,10,2@A101", [Meeting(2, 1, 2, (1, 2, 3, 10), "A101")]),
        (" 2 : 1 - 2 : 1 - 3 , 10 @ 东上院 202 ", [Meeting(2, 1, 2, (1, 2, 3, 10), "东上院 202")]),
        ("1:1-2:1@a@b:c-d", [Meeting(1, 1, 2, (1,), "a@b:c-d")]),
        (
            "3:3-4:odd;1:1-2:1-16@东上院202",
            [Meeting(1, 1, 2, SIXTEEN, "东上院202"), Meeting(3, 3, 4, SIXTEEN[::2])],
        ),
    ],
)
def test_what_is_read(text: str, meetings: list[Meeting]) -> None:
    assert parse_meetings(text, 16) == meetings


@pytest.mark.parametrize(
    "text",
    [
        ";",
        "1:1-2:1;",
        "1",
        "1:1:1",
        "1:1-2",
        "1:1-2:",
        "1:1-2:@A",
        "1:1-2:1,,2",
        "1:1-2:1 2",
        "1:1-2:odd,2",
        "1:1-2:2-1",
        "1:1-2:0-3",
        "1:1-2:17",
        "1:1-2:1-99999999999999999999",
        "0:1-2:1",
        "8:1-2:1",
        "1:2-1:1",
        "1:0-1:1",
        "1:1-100:1",
        "1:1-" + "9" * 5000 + ":1",
        "Mon:1-2:1",
        "１:1-2:1",
        "-1:1-2:1",
        "1:1-2:1@" + "x" * 65,
        "1:1-2:1@a\nb",
        ";".join(["1:1-2:1"] * 51),
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(UnreadableMeetings) as refused:
        parse_meetings(text, 16)
    assert len(str(refused.value)) < 200


def test_even_weeks_of_a_term_of_one_week_are_none() -> None:
    assert parse_meetings("1:1-2:odd", 1) == [Meeting(1, 1, 2, (1,))]
    with pytest.raises(UnreadableMeetings):
        parse_meetings("1:1-2:even", 1)


@pytest.mark.parametrize(
    ("weeks", "text"),
    [
        (SIXTEEN, "all"),
        (SIXTEEN[::2], "odd"),
        (SIXTEEN[1::2], "even"),
        (SIXTEEN[:-1], "1-15"),
        ((1, 2, 4, 7, 8, 9, 16), "1-2,4,7-9,16"),
    ],
)
def test_weeks_are_written_as_short_as_they_are_said(weeks: tuple[int, ...], text: str) -> None:
    assert format_meetings([Meeting(1, 1, 2, weeks)], 16) == f"1:1-2:{text}"


rooms = (
    st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=";"), max_size=64)
    .map(str.strip)
    .filter(lambda room: len(room) <= 64)
)
some_meetings = st.lists(
    st.builds(
        lambda weekday, periods, weeks, room: Meeting(
            weekday, min(periods), max(periods), tuple(sorted(weeks)), room
        ),
        st.integers(1, 7),
        st.tuples(st.integers(1, 99), st.integers(1, 99)),
        st.sets(st.integers(1, 20), min_size=1),
        rooms,
    ),
    max_size=50,
)


@given(some_meetings, st.integers(20, 60))
def test_what_is_written_is_read_again(meetings: list[Meeting], last_week: int) -> None:
    text = format_meetings(meetings, last_week)
    assert parse_meetings(text, last_week) == ordered(meetings)


@given(st.text(max_size=40) | st.text("0123456789:-,;@ oddevnal", max_size=40), st.integers(1, 60))
def test_any_text_is_read_or_refused(text: str, last_week: int) -> None:
    try:
        meetings = parse_meetings(text, last_week)
    except UnreadableMeetings:
        return
    assert all(1 <= week <= last_week for meeting in meetings for week in meeting.weeks)
    assert parse_meetings(format_meetings(meetings, last_week), last_week) == meetings


def test_a_meeting_fits_into_its_term_or_is_named() -> None:
    fits = Meeting(1, 1, 3, (1, 16))
    meetings = [fits, Meeting(1, 2, 3, (17,)), Meeting(1, 3, 1, (1,)), Meeting(1, 4, 4, (1,))]
    errors = meeting_errors(meetings, 16, {1, 3})
    assert [(error.field, error.code) for error in errors] == [
        ("meetings.1.first_period", "not_one_of"),
        ("meetings.1.weeks", "out_of_range"),
        ("meetings.2.last_period", "out_of_range"),
        ("meetings.3.first_period", "not_one_of"),
        ("meetings.3.last_period", "not_one_of"),
    ]

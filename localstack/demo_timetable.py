"""The demo school's two terms, a section of each course in both, when they meet, and who attends.

Worked out, not drawn by lot: each of the two teachers has fifteen sections a term, which fill the
thirty double periods of a week once, so that nobody and no room is in two places at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

TERMS = (
    ("2026-autumn", "Autumn 2026 秋季学期", "2026-09-07", "2026-12-27"),
    ("2027-spring", "Spring 2027 春季学期", "2027-02-22", "2027-06-13"),
)
WEEKS = 16
CAPACITY = 40
# The choir practises in odd weeks and sings in even ones; few fit into the laboratory.
FORTNIGHTLY = "MU105"
SMALL, SMALL_CAPACITY = "PH110", 20
SECTIONS_A_STUDENT = 4

_DAYS = 5
_TEACHERS = (("ben", "A101"), ("tilda", "B202"))

_ADD_TERMS = text(
    """
    INSERT INTO terms (code, name, starts_on, ends_on, timezone, period_starts, period_ends)
    SELECT code, name, CAST(starts_on AS date), CAST(ends_on AS date), 'Asia/Shanghai',
           ARRAY(SELECT time '08:00' + make_interval(mins => 55 * n) FROM generate_series(0, 11) n),
           ARRAY(SELECT time '08:45' + make_interval(mins => 55 * n) FROM generate_series(0, 11) n)
      FROM unnest(CAST(:codes AS text[]), CAST(:names AS text[]), CAST(:starts AS text[]),
                  CAST(:ends AS text[])) AS new (code, name, starts_on, ends_on)
        ON CONFLICT (lower(code)) DO NOTHING
    """
)
# The nth course of a term goes to the teachers in turn.
_ADD_SECTIONS = text(
    """
    INSERT INTO sections (course_id, term_id, section_code, teacher_id, capacity, status)
    SELECT courses.id, terms.id, '01', users.id,
           CASE WHEN courses.code = :small THEN CAST(:small_capacity AS integer)
                ELSE CAST(:capacity AS integer) END,
           CASE WHEN terms.code = :present OR mod(n, 3) > 0 THEN 'published' ELSE 'draft' END
      FROM unnest(CAST(:codes AS text[])) WITH ORDINALITY AS listed (code, n)
      JOIN courses ON lower(courses.code) = lower(listed.code)
     CROSS JOIN terms
      JOIN users ON users.username = (CAST(:teachers AS text[]))[mod(n, 2) + 1]
     WHERE terms.code = ANY (CAST(:terms AS text[]))
        ON CONFLICT (course_id, term_id, lower(section_code)) DO NOTHING
    """
)
# Two double periods a week: slot k and slot k + 15 of the teacher's thirty.
_ADD_MEETINGS = text(
    """
    INSERT INTO meetings (section_id, number, weekday, first_period, last_period, weeks, room)
    SELECT sections.id, half + 1, mod(slot, days) + 1, slot / days * 2 + 1, slot / days * 2 + 2,
           ARRAY(SELECT CAST(week AS smallint) FROM generate_series(1, CAST(:weeks AS integer)) week
                  WHERE courses.code <> :fortnightly OR mod(week, 2) <> half),
           (CAST(:rooms AS text[]))[mod(n, 2) + 1]
      FROM unnest(CAST(:codes AS text[])) WITH ORDINALITY AS listed (code, n)
      JOIN courses ON lower(courses.code) = lower(listed.code)
      JOIN sections ON sections.course_id = courses.id AND sections.section_code = '01'
      JOIN terms ON terms.id = sections.term_id AND terms.code = ANY (CAST(:terms AS text[]))
     CROSS JOIN generate_series(0, 1) half
     CROSS JOIN LATERAL (SELECT CAST((n - 1) / 2 + 15 * half AS integer) AS slot,
                                CAST(:days AS integer) AS days) placed
     WHERE NOT EXISTS (SELECT FROM meetings WHERE section_id = sections.id)
    """
)
# The nth student attends sections that are eleven apart; who comes beyond the capacity waits.
_ADD_ENROLLMENTS = text(
    """
    INSERT INTO enrollments (section_id, user_id, status)
    SELECT section_id, user_id,
           CASE WHEN row_number() OVER (PARTITION BY section_id ORDER BY n) <= capacity
                THEN 'enrolled' ELSE 'waitlisted' END
      FROM (SELECT sections.id AS section_id, capacity, students.id AS user_id, students.n
              FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM users
                     WHERE username = ANY (CAST(:students AS text[]))) students
             CROSS JOIN generate_series(0, CAST(:each AS integer) - 1) chosen
              JOIN unnest(CAST(:codes AS text[])) WITH ORDINALITY AS listed (code, place)
                ON place - 1 = mod(students.n * 7 + chosen * 11, CAST(:courses AS integer))
              JOIN courses ON lower(courses.code) = lower(listed.code)
              JOIN sections ON sections.course_id = courses.id AND section_code = '01'
              JOIN terms ON terms.id = sections.term_id AND terms.code = :present) attended
     ORDER BY section_id, n
        ON CONFLICT (section_id, user_id) DO NOTHING
    """
)


def load(connection: Connection, course_codes: Sequence[str], students: Sequence[str]) -> None:
    """Add what is missing; courses and people are there already."""
    codes, names, starts, ends = (list(column) for column in zip(*TERMS, strict=True))
    connection.execute(_ADD_TERMS, {"codes": codes, "names": names, "starts": starts, "ends": ends})
    teachers, rooms = (list(column) for column in zip(*_TEACHERS, strict=True))
    of_all = {"codes": list(course_codes), "terms": codes}
    seats = {"small": SMALL, "small_capacity": SMALL_CAPACITY, "capacity": CAPACITY}
    connection.execute(_ADD_SECTIONS, of_all | seats | {"teachers": teachers, "present": codes[0]})
    weeks = {"days": _DAYS, "weeks": WEEKS, "fortnightly": FORTNIGHTLY}
    connection.execute(_ADD_MEETINGS, of_all | weeks | {"rooms": rooms})
    connection.execute(
        _ADD_ENROLLMENTS,
        {
            "codes": list(course_codes),
            "courses": len(course_codes),
            "students": list(students),
            "each": SECTIONS_A_STUDENT,
            "present": codes[0],
        },
    )

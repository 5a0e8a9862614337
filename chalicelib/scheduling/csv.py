"""What the bulk engine must know of sections and timetables: columns, rules and fields of a CSV
file, the meetings in it, and who gets a seat that a larger capacity brings.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

from chalicelib.accounts.rules import STAFF
from chalicelib.core.kinds import Export, Field, Kind, Rule
from chalicelib.scheduling import queries
from chalicelib.scheduling.conflicts import NOTICED
from chalicelib.scheduling.queries import LAST_WEEK, SECTIONS_WITH_COURSE
from chalicelib.scheduling.rules import Status, may_become

SPACE = r"E' \t\r\n'"
_CONTROLS = r"[\x01-\x1f\x7f-\x9f]"
_STATUSES: tuple[Status, ...] = get_args(Status)
_ANY_STATUS = ", ".join(f"'{status}'" for status in _STATUSES)
_STEPS = ", ".join(
    f"('{status}', '{wanted}')"
    for status in _STATUSES
    for wanted in _STATUSES
    if may_become(status, wanted)
)
# Separates the parts of a key; none of them may hold it.
AND = "|| chr(31) ||"

# As meetings.py orders them; see migration 0007 for the form.
_MEETINGS = """
    coalesce((SELECT jsonb_agg(jsonb_build_array(weekday, first_period, last_period, weeks, room)
                               ORDER BY number)
                FROM meetings WHERE section_id = {section}), '[]')
"""
_SECTION_OF_ROW = f"""
    LEFT JOIN courses course ON lower(course.code) = lower(r.course_code)
    LEFT JOIN (SELECT *, {LAST_WEEK} AS last_week FROM terms) term
           ON lower(term.code) = lower(r.term)
"""  # noqa: S608
_TEACHER = "CASE WHEN r.teacher_name = '' THEN 0 ELSE teacher.id END"
_CAPACITY = f"btrim(r.capacity, {SPACE})"

LOCK_SECTIONS = """
    SELECT FROM sections
     WHERE id IN (SELECT sections.id FROM r
                    JOIN courses ON lower(courses.code) = lower(r.course_code)
                    JOIN terms ON lower(terms.code) = lower(r.term)
                    JOIN sections ON course_id = courses.id AND term_id = terms.id
                                 AND lower(sections.section_code) = lower(r.section_code))
     ORDER BY id FOR NO KEY UPDATE
"""
# No meeting slips past the grid of its term.
_LOCK_TERMS = """
    SELECT FROM terms WHERE lower(code) IN (SELECT lower(term) FROM r) ORDER BY id FOR SHARE
"""

_MET = """
    INSERT INTO meetings (section_id, number, weekday, first_period, last_period, weeks, room)
    SELECT id, number, weekday, first_period, last_period, weeks, room
      FROM (SELECT added.id, value_meetings
              FROM added JOIN outcomes ON outcome = 'created' AND new_course_id = course_id
                              AND new_term_id = term_id AND new_section_code = section_code
             UNION ALL
            SELECT changed.id, value_meetings
              FROM changed JOIN outcomes ON outcome = 'updated' AND target_id = changed.id) written
     CROSS JOIN LATERAL meetings_in(value_meetings)
    ON CONFLICT (section_id, number) DO UPDATE
       SET weekday = excluded.weekday, first_period = excluded.first_period,
           last_period = excluded.last_period, weeks = excluded.weeks, room = excluded.room
"""
_GIVEN_UP = """
    DELETE FROM meetings
     USING changed JOIN outcomes ON outcome = 'updated' AND target_id = changed.id
     WHERE section_id = changed.id AND number > jsonb_array_length(value_meetings)
"""
# As waitlist.py does it, section by section. The counts of the locked sections hold.
_PROMOTED = """
    UPDATE enrollments SET status = 'enrolled', enrolled_at = statement_timestamp()
      FROM (SELECT enrollments.id, capacity - enrolled AS free,
                   row_number() OVER (PARTITION BY section_id ORDER BY enrollments.id) AS place
              FROM changed JOIN enrollments ON section_id = changed.id
             WHERE changed.status <> 'archived' AND enrollments.status = 'waitlisted') line
     WHERE line.id = enrollments.id AND place <= free
    RETURNING section_id, user_id
"""
_WRITTEN_DOWN = """
    INSERT INTO audit_events
        (actor_id, action, object_kind, object_id, before, after, ip, request_id)
    SELECT actor_id, 'enrollment_promoted', 'section', section_id::text, NULL,
           jsonb_build_object('count', count(*),
                              'users', (array_agg(user_id ORDER BY user_id))[1 : 1000]),
           '', request_id
      FROM promoted, asked
     GROUP BY section_id, actor_id, request_id
"""


def _exported_sections(filters: Collection[str]) -> str:
    return f"""
        SELECT course_code, terms.code AS term, section_code,
               coalesce((SELECT username FROM users WHERE users.id = teacher_id), '') AS teacher,
               capacity::text AS capacity, status,
               format_meetings({_MEETINGS.format(section="sections.id")}, {LAST_WEEK}) AS meetings
          FROM (SELECT * FROM {SECTIONS_WITH_COURSE} {queries.SECTIONS.where(filters)}) sections
          JOIN terms ON terms.id = term_id
         ORDER BY lower(course_code), lower(terms.code), lower(section_code)
    """  # noqa: S608


SECTIONS = Kind(
    name="sections",
    roles=STAFF,
    table="sections",
    columns=("course_code", "term", "section_code", "teacher", "capacity", "status", "meetings"),
    key=("course_code", "term", "section_code"),
    match_key=f"lower(r.course_code) {AND} lower(r.term) {AND} lower(r.section_code)",
    joins=f"""
        {_SECTION_OF_ROW}
        LEFT JOIN sections t ON t.course_id = course.id AND t.term_id = term.id
                            AND lower(t.section_code) = lower(r.section_code)
        LEFT JOIN users teacher ON teacher.username = r.teacher_name
        CROSS JOIN LATERAL parse_meetings(r.meetings, term.last_week, term.period_starts) said
        CROSS JOIN LATERAL (SELECT {_MEETINGS.format(section="t.id")} AS meetings OFFSET 0) held
    """,
    target_keys=f"""
        SELECT sections.id,
               lower(courses.code) {AND} lower(terms.code) {AND} lower(section_code) AS key
          FROM sections
          JOIN courses ON courses.id = course_id
          JOIN terms ON terms.id = term_id
    """,  # noqa: S608
    parsed={
        "teacher_name": f"canonical_username(btrim(r.teacher, {SPACE}))",
        "capacity_value": f"CASE WHEN {_CAPACITY} = '' THEN 50"
        f" WHEN {_CAPACITY} ~ '^[+-]?[0-9]{{1,18}}$' THEN {_CAPACITY}::bigint END",
        "status_value": f"nullif(lower(btrim(r.status, {SPACE})), '')",
    },
    columns_of_new={
        "course_id": "course.id",
        "term_id": "term.id",
        "section_code": "r.section_code",
    },
    fields=(
        Field(
            name="teacher_id",
            column="teacher",
            value=_TEACHER,
            default="0",
            shown="r.teacher_name",
            shown_before="(SELECT username FROM users WHERE users.id = t.teacher_id)",
            nothing="0",
        ),
        Field(name="capacity", column="capacity", value="r.capacity_value", default="50"),
        Field(name="status", column="status", value="r.status_value", default="'draft'::text"),
        Field(
            name="meetings",
            column="meetings",
            value="said.meetings",
            default="'[]'::jsonb",
            shown="format_meetings(said.meetings, term.last_week)",
            shown_before="CASE WHEN t.id IS NOT NULL"
            " THEN format_meetings(held.meetings, term.last_week) END",
            kept="held.meetings",
        ),
    ),
    rules=(
        Rule(
            field="course_code",
            code="required",
            message="A course is needed.",
            broken="r.course_code = ''",
        ),
        Rule(
            field="course_code",
            code="unknown_course",
            message="There is no course of this code.",
            broken="r.course_code <> '' AND course.id IS NULL",
        ),
        Rule(field="term", code="required", message="A term is needed.", broken="r.term = ''"),
        Rule(
            field="term",
            code="unknown_term",
            message="There is no term of this code.",
            broken="r.term <> '' AND term.id IS NULL",
        ),
        Rule(
            field="section_code",
            code="required",
            message="A section code is needed.",
            broken="r.section_code = ''",
        ),
        Rule(
            field="section_code",
            code="too_long",
            message="A section code has at most 32 characters.",
            broken="char_length(r.section_code) > 32",
        ),
        Rule(
            field="section_code",
            code="invalid_character",
            message="A section code holds no tabs, line breaks or other control characters.",
            broken=f"r.section_code ~ '{_CONTROLS}'",
        ),
        Rule(
            field="teacher",
            code="unknown_teacher",
            message="There is no active teacher of this username.",
            # who stays need not be active any more
            broken="r.teacher_name <> '' AND (teacher.id IS NULL"
            " OR NOT (teacher.active AND teacher.role = 'teacher')"
            " AND teacher.id IS DISTINCT FROM t.teacher_id)",
        ),
        Rule(
            field="capacity",
            code="invalid_number",
            message="A capacity is a whole number such as 50.",
            broken=f"{_CAPACITY} <> '' AND r.capacity_value IS NULL",
        ),
        Rule(
            field="capacity",
            code="out_of_range",
            message="A capacity is between 0 and 100,000.",
            broken="r.capacity_value NOT BETWEEN 0 AND 100000",
        ),
        Rule(
            field="status",
            code="not_one_of",
            message=f"A status is one of {', '.join(_STATUSES)}.",
            broken=f"r.status_value NOT IN ({_ANY_STATUS})",
        ),
        Rule(
            field="status",
            code="invalid_transition",
            message="A section goes from draft to published to archived, and back to published.",
            broken=f"r.status_value IN ({_ANY_STATUS})"
            f" AND (t.status, r.status_value) NOT IN ({_STEPS})",
        ),
        Rule(
            field="meetings",
            code="invalid_meetings",
            message="Meetings are WEEKDAY:FIRST-LAST:WEEKS[@ROOM], joined by semicolons.",
            broken="said.problem IS NOT NULL",
            told="said.problem",
        ),
    ),
    filters=("q", "course", "term", "teacher", "status"),
    export=_exported_sections,
    compared={
        "term_then": "term.id",
        "teacher_then": f"nullif(coalesce({_TEACHER}, t.teacher_id), 0)",
        "status_then": "coalesce(r.status_value, t.status, 'draft')",
        "meetings_then": "coalesce(said.meetings, held.meetings)",
    },
    consequences={
        "met": _MET,
        "given_up": _GIVEN_UP,
        "promoted": _PROMOTED,
        "written_down": _WRITTEN_DOWN,
    },
    # A course or a term is removed meanwhile.
    contended=("sections_course_id_fkey", "sections_term_id_fkey"),
    locks=(LOCK_SECTIONS, _LOCK_TERMS),
    noticed=NOTICED,
)


def _exported_timetable(filters: Collection[str]) -> str:
    return f"""
        SELECT course_code, course_title AS title, terms.code AS term, section_code,
               coalesce((SELECT username FROM users WHERE users.id = teacher_id), '') AS teacher,
               weekday::text AS weekday, first_period::text AS first_period,
               last_period::text AS last_period,
               format_weeks(weeks::integer[], {LAST_WEEK}) AS weeks, room,
               to_char(period_starts[first_period], 'HH24:MI') AS starts_at,
               to_char(period_ends[last_period], 'HH24:MI') AS ends_at
          FROM (SELECT * FROM {SECTIONS_WITH_COURSE} {queries.SECTIONS.where(filters)}) sections
          JOIN terms ON terms.id = term_id
          JOIN meetings ON section_id = sections.id
         ORDER BY lower(course_code), lower(terms.code), lower(section_code), number
    """  # noqa: S608


# A row for each meeting, with its local times.
TIMETABLE = Export(
    name="timetable",
    roles=STAFF,
    columns=(
        *("course_code", "title", "term", "section_code", "teacher", "weekday"),
        *("first_period", "last_period", "weeks", "room", "starts_at", "ends_at"),
    ),
    filters=SECTIONS.filters,
    export=_exported_timetable,
)

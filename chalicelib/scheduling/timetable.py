"""The week of a person: the meetings of the sections that one teaches or is enrolled in, on their
days. Drafts do not meet yet, and the archive no more.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import STAFF, Caller
from chalicelib.core.errors import Forbidden, found
from chalicelib.scheduling.rules import monday_of, monday_of_week, week_of
from chalicelib.scheduling.schemas import TimetableQuery

_INSTANT = """'YYYY-MM-DD"T"HH24:MI:SS"Z"'"""
_WEEK = text(
    f"""
    WITH monday AS (SELECT CAST(:monday AS date) AS monday),
    own AS MATERIALIZED (
        SELECT section_id AS id FROM enrollments WHERE user_id = :user AND status = 'enrolled'
         UNION
        SELECT id FROM sections WHERE teacher_id = :user),
    held AS MATERIALIZED (
        SELECT sections.id, course_id, section_code, terms.id AS term_id, terms.code AS term,
               monday + weekday - 1 AS held_on, first_period, last_period, room,
               (monday + weekday - 1 + period_starts[first_period]) AT TIME ZONE timezone AS starts,
               (monday + weekday - 1 + period_ends[last_period]) AT TIME ZONE timezone AS ends
          FROM monday
         CROSS JOIN own
          JOIN sections ON sections.id = own.id AND status = 'published'
          JOIN terms ON terms.id = term_id AND monday >= first_monday
          JOIN meetings ON section_id = sections.id
                       AND (monday - first_monday) / 7 + 1 = ANY (weeks)),
    present AS (
        SELECT code, (monday - first_monday) / 7 + 1 AS week_number
          FROM monday JOIN terms ON monday BETWEEN first_monday AND ends_on
         ORDER BY id IN (SELECT term_id FROM held) DESC, starts_on DESC, id DESC
         LIMIT 1)
    SELECT row_to_json(timetable)::text
      FROM (SELECT (SELECT code FROM present) AS term, CAST(:week AS text) AS week,
                   (SELECT week_number FROM present) AS week_number,
                   (SELECT json_agg(day ORDER BY day.weekday)
                      FROM monday CROSS JOIN generate_series(1, 7) weekday
                     CROSS JOIN LATERAL (
                        SELECT monday + weekday - 1 AS date, weekday,
                               (SELECT coalesce(json_agg(meeting ORDER BY starts, ends, id), '[]')
                                  FROM held
                                 CROSS JOIN LATERAL (
                                    SELECT json_build_object(
                                               'id', held.id,
                                               'course', (SELECT row_to_json(course)
                                                            FROM (SELECT courses.id, code, title
                                                                    FROM courses
                                                                   WHERE courses.id = course_id)
                                                                 course),
                                               'section_code', section_code,
                                               'term', held.term) AS section,
                                           first_period, last_period,
                                           to_char(starts AT TIME ZONE 'UTC', {_INSTANT})
                                           AS starts_at,
                                           to_char(ends AT TIME ZONE 'UTC', {_INSTANT}) AS ends_at,
                                           room) meeting
                                 WHERE held_on = monday + weekday - 1) AS meetings) day)
                   AS days) timetable
     WHERE EXISTS (SELECT FROM users WHERE id = :user)
    """  # noqa: S608
)


def get_timetable_for(
    connection: Connection, caller: Caller, query: TimetableQuery, today: date
) -> str:
    """Return a week as JSON text: the present one, the caller's own, unless the query says so.

    Raises:
        Forbidden: it is another's week, and the caller is neither registrar nor manager.
        NotFound: there is no such user.
    """
    user = query.user or caller.id
    if user != caller.id and caller.role not in STAFF:
        raise Forbidden("Only registrars see the weeks of others.")
    monday = monday_of_week(query.week) if query.week else monday_of(today)
    binds = {"user": user, "monday": monday, "week": week_of(monday)}
    return str(found(connection.execute(_WEEK, binds).scalar_one_or_none()))

"""Clashes of a section with others: the same teacher or the same room at the same time, and as a
mere warning the same students.

They are looked for by real dates, across terms and time zones, in one statement. Meetings of others
are found by the indexes on teacher and room and held against the own ones in pairs; only pairs that
can meet at all are spread into dates. A section in the archive meets no more and clashes with none.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, TextClause, text

# Of what is told at once; the number of all is told besides.
MOST_TOLD = 100

_BOOKED = """
    SELECT 'teacher' AS kind, term_id, meetings.*
      FROM sections JOIN meetings ON meetings.section_id = sections.id
     WHERE teacher_id = (SELECT teacher_id FROM own LIMIT 1)
       AND sections.id <> :id AND status <> 'archived'
     UNION ALL
    SELECT 'room', term_id, meetings.*
      FROM meetings JOIN sections ON sections.id = meetings.section_id
     WHERE meetings.room = ANY (ARRAY(SELECT room FROM own)) AND meetings.room <> ''
       AND sections.id <> :id AND status <> 'archived'
"""
_ATTENDED = """
    SELECT 'student' AS kind, term_id, meetings.*
      FROM sections JOIN meetings ON meetings.section_id = sections.id
     WHERE sections.id IN (SELECT its.section_id
                             FROM enrollments ours JOIN enrollments its USING (user_id)
                            WHERE ours.section_id = :id AND its.section_id <> :id
                              AND ours.status = 'enrolled' AND its.status = 'enrolled')
       AND sections.status <> 'archived'
"""
# How many days a meeting's counterpart of another weekday is away: it has only one that can be the
# same moment, the nearest.
_APART = "mod(near.weekday - own.weekday + 10, 7) - 3"
# What becomes of pairs of meetings: the dates on which they are held at the same moment.
_SPREAD = """
      FROM pairs
     CROSS JOIN LATERAL unnest(weeks) week
     CROSS JOIN LATERAL (SELECT first_monday + 7 * (week - 1) + weekday - 1 AS held_on) day
     WHERE held_on + apart >= other_first_monday
       AND (held_on + apart - other_first_monday) / 7 + 1 = ANY (other_weeks)
       AND (held_on + starts) AT TIME ZONE timezone
           < (held_on + apart + other_ends) AT TIME ZONE other_timezone
       AND (held_on + apart + other_starts) AT TIME ZONE other_timezone
           < (held_on + ends) AT TIME ZONE timezone
"""


def _clashes(near: str) -> str:
    """Return the parts of a WITH that end in `clashes`; `near` are meetings to hold against."""
    # In one time zone the same moment is on the same day, and no other pair is looked at. The parts
    # are materialised so that the planner has few joins to order at a time.
    return f"""
        own AS MATERIALIZED (
            SELECT teacher_id, number, weekday, weeks, room, first_monday, timezone,
                   period_starts[first_period] AS starts, period_ends[last_period] AS ends
              FROM sections
              JOIN terms ON terms.id = sections.term_id
              JOIN meetings ON meetings.section_id = sections.id
             WHERE sections.id = :id AND status <> 'archived'),
        near AS MATERIALIZED ({near}),
        pairs AS MATERIALIZED (
            SELECT kind, own.number, own.weekday, own.weeks, own.first_monday,
                   own.timezone, own.starts, own.ends,
                   near.section_id, near.number AS other_number,
                   {_APART} AS apart,
                   near.weeks AS other_weeks, terms.first_monday AS other_first_monday,
                   terms.timezone AS other_timezone,
                   period_starts[first_period] AS other_starts,
                   period_ends[last_period] AS other_ends
              FROM near
              JOIN terms ON terms.id = near.term_id
              JOIN own ON (kind <> 'room' OR near.room = own.room)
                      AND CASE WHEN terms.timezone = own.timezone
                               THEN near.weekday = own.weekday
                                    AND period_starts[first_period] < own.ends
                                    AND own.starts < period_ends[last_period]
                               ELSE true END),
        clashes AS MATERIALIZED (
            SELECT kind, section_id, number, other_number,
                   array_agg(held_on ORDER BY held_on) AS dates
            {_SPREAD}
             GROUP BY kind, section_id, number, other_number)
    """  # noqa: S608


_SECTION = """
    (SELECT row_to_json(section)
       FROM (SELECT sections.id,
                    (SELECT row_to_json(course)
                       FROM (SELECT id, code, title FROM courses WHERE id = course_id) course)
                    AS course,
                    section_code,
                    (SELECT code FROM terms WHERE id = term_id) AS term
               FROM sections WHERE id = clashes.section_id) section)
"""
_MEETING = """
    (SELECT row_to_json(meeting)
       FROM (SELECT weekday, first_period, last_period, weeks, room
               FROM meetings
              WHERE section_id = {section_id} AND number = clashes.{number}) meeting)
"""
_SHOWN = f"""
    {_SECTION} AS section,
    {_MEETING.format(section_id=":id", number="number")} AS meeting,
    {_MEETING.format(section_id="clashes.section_id", number="other_number")} AS other_meeting,
    dates
"""
_STUDENTS = """
    (SELECT count(*)
       FROM enrollments ours JOIN enrollments its USING (user_id)
      WHERE ours.section_id = :id AND its.section_id = clashes.section_id
        AND ours.status = 'enrolled' AND its.status = 'enrolled') AS students
"""


def _told(near: str, fields: str) -> TextClause:
    """Return the statement of one row: the first clashes as a JSON array, and the number of all."""
    return text(
        f"""
        WITH {_clashes(near)}
        SELECT coalesce(json_agg(clash), '[]')::text, (SELECT count(*) FROM clashes)
          FROM (SELECT * FROM clashes ORDER BY dates, kind, section_id, number, other_number
                 LIMIT :most) clashes
         CROSS JOIN LATERAL (SELECT {fields}) clash
        """  # noqa: S608
    )


_CONFLICTS = _told(_BOOKED, f"kind, {_SHOWN}")
_WARNINGS = _told(_ATTENDED, f"{_SHOWN}, {_STUDENTS}")
_DATES = text(
    f"WITH {_clashes(_BOOKED)} SELECT kind, section_id, unnest(dates) FROM clashes"  # noqa: S608
)
# Of sections that a file brings, as rows of `beside` (see core/kinds.py): all clashes at once, on
# the data as it will be. What the table has of them gives way to what the file says.
NOTICED = f"""
    WITH booked AS MATERIALIZED (
        SELECT line, -line AS id, key AS label, term_then AS term_id, teacher_then AS teacher_id,
               weekday, first_period, last_period, weeks, room
          FROM beside CROSS JOIN LATERAL meetings_in(meetings_then)
         WHERE good AND status_then <> 'archived'
         UNION ALL
        SELECT NULL, sections.id, concat_ws(' ', courses.code, terms.code, section_code),
               term_id, teacher_id, weekday, first_period, last_period, weeks, room
          FROM sections
          JOIN courses ON courses.id = course_id
          JOIN terms ON terms.id = term_id
          JOIN meetings ON section_id = sections.id
         WHERE status <> 'archived'
           AND NOT EXISTS (SELECT FROM beside WHERE good AND target_id = sections.id)),
    taken AS MATERIALIZED (
        SELECT kind, what, line, booked.id, label, weekday, weeks, first_monday, timezone,
               period_starts[first_period] AS starts, period_ends[last_period] AS ends
          FROM booked
          JOIN terms ON terms.id = term_id
         CROSS JOIN LATERAL (VALUES ('teacher', teacher_id::text), ('room', nullif(room, '')))
                         AS either (kind, what)
         WHERE what IS NOT NULL),
    pairs AS MATERIALIZED (
        SELECT own.kind, own.line, own.weekday, own.weeks, own.first_monday, own.timezone,
               own.starts, own.ends, near.id AS other, near.label, {_APART} AS apart,
               near.weeks AS other_weeks, near.first_monday AS other_first_monday,
               near.timezone AS other_timezone, near.starts AS other_starts, near.ends AS other_ends
          FROM taken own
          JOIN taken near ON near.kind = own.kind AND near.what = own.what AND near.id <> own.id
           AND CASE WHEN near.timezone = own.timezone
                    THEN near.weekday = own.weekday
                         AND near.starts < own.ends AND own.starts < near.ends
                    ELSE true END
         WHERE own.line IS NOT NULL),
    clashes AS (
        SELECT kind, line, other, label, min(held_on) AS first_day,
               count(DISTINCT held_on) - 1 AS more_days {_SPREAD}
         GROUP BY kind, line, other, label)
    SELECT line, jsonb_agg(jsonb_build_object(
               'field', CASE kind WHEN 'teacher' THEN 'teacher' ELSE 'meetings' END,
               'code', 'schedule_conflict',
               'message', concat('The ', kind, ' is taken by ', label, ' on ', first_day,
                                 CASE WHEN more_days > 0
                                      THEN concat(' and ', more_days, ' more days') END, '.'),
               'severity', 'warning') ORDER BY place) AS found
      FROM (SELECT *, row_number() OVER (PARTITION BY line ORDER BY first_day, kind, other) AS place
              FROM clashes) told
     WHERE place <= {MOST_TOLD}
     GROUP BY line
"""  # noqa: S608
# Whoever books a teacher or a room waits for others who do, and then sees their bookings.
_LOCK_BOOKINGS = text(
    """
    SELECT pg_advisory_xact_lock(4701003, booked)
      FROM (SELECT hashtext('teacher ' || teacher_id) AS booked FROM sections
             WHERE id = :id AND teacher_id IS NOT NULL
             UNION
            SELECT hashtext('room ' || room) FROM meetings WHERE section_id = :id AND room <> ''
             ORDER BY booked) bookings
    """
)

Clash = tuple[Literal["teacher", "room"], int, date]


class Conflicts(NamedTuple):
    """The clashes of a section: a JSON array of the first ones, and how many there are."""

    items: str
    total: int

    @property
    def told(self) -> list[dict[str, Any]]:
        """Return what the JSON says."""
        told: list[dict[str, Any]] = json.loads(self.items)
        return told


def find_conflicts(connection: Connection, section_id: int) -> Conflicts:
    """Return the clashes of a section, one for each kind and pair of meetings, by date."""
    binds = {"id": section_id, "most": MOST_TOLD}
    return Conflicts(*connection.execute(_CONFLICTS, binds).one())


def find_warnings(connection: Connection, section_id: int) -> Conflicts:
    """Return where students of a section have another one at the same time, likewise."""
    binds = {"id": section_id, "most": MOST_TOLD}
    return Conflicts(*connection.execute(_WARNINGS, binds).one())


def find_clashes(connection: Connection, section_id: int) -> set[Clash]:
    """Return each clash as its kind, the other section and the date."""
    return {(row[0], row[1], row[2]) for row in connection.execute(_DATES, {"id": section_id})}


def lock_bookings(connection: Connection, section_id: int) -> None:
    """Keep others from booking the teacher and the rooms of a section until this transaction ends.

    Take the lock of the section first; bookings are locked in one order, so that none wait in a
    circle.
    """
    connection.execute(_LOCK_BOOKINGS, {"id": section_id})

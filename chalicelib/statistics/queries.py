"""Figures, each picture of them one statement; nothing here writes."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, TextClause, text

from chalicelib.accounts.rules import Caller
from chalicelib.announcements.queries import STATE, share
from chalicelib.core.errors import FieldError, Invalid

_MOST_COURSES = 5000
_SUMS = f"""
    coalesce(sum(capacity), 0) AS capacity,
    coalesce(sum(enrolled), 0) AS enrolled,
    coalesce(sum(waitlisted), 0) AS waitlisted,
    {share("sum(enrolled)", "sum(capacity)")} AS fill_rate
"""
# What is live of what was announced; the audience is what its chunks hold, delivered or not yet.
_ANNOUNCED = f"""
    SELECT count(*) AS published, coalesce(sum(addressed), 0) AS audience,
           coalesce(sum(read), 0) AS acknowledged
      FROM announcements
     CROSS JOIN LATERAL (
        SELECT sum(size) AS addressed FROM fanout_chunks
         WHERE announcement_id = announcements.id) chunks
     CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE {STATE} = 'acknowledged') AS read FROM deliveries
         WHERE announcement_id = announcements.id) counted
"""  # noqa: S608
_WEEK = text(
    f"""
    SELECT *
      FROM (SELECT count(*) FILTER (WHERE status = 'published') AS published,
                   count(*) FILTER (WHERE status = 'draft') AS draft,
                   count(*) FILTER (WHERE status = 'archived') AS archived,
                   coalesce(sum(capacity) FILTER (WHERE status = 'published'), 0) AS capacity,
                   coalesce(sum(enrolled) FILTER (WHERE status = 'published'), 0) AS enrolled,
                   coalesce(sum(waitlisted) FILTER (WHERE status = 'published'), 0) AS waitlisted
              FROM sections) sections
     CROSS JOIN (
        SELECT published AS announcements, audience, acknowledged
          FROM ({_ANNOUNCED}
                 WHERE status = 'published' AND published_at >= now() - interval '7 days')
            told) week
    """  # noqa: S608
)


def get_week(connection: Connection) -> dict[str, int]:
    """Return what there is now and what was announced in the last seven days; rates in percent."""
    week = {name: int(value) for name, value in connection.execute(_WEEK).one()._mapping.items()}
    return week | {
        "fill_rate": round(100 * week["enrolled"] / (week["capacity"] or 1)),
        "ack_rate": round(100 * week["acknowledged"] / (week["audience"] or 1)),
    }


def get_overview_for(connection: Connection, caller: Caller, term: str) -> str:
    """Return sections, seats and announcements of a term, or of all, as JSON text; of a teacher the
    own ones.

    The counts are those that the sections carry, so that no enrolment is read; an announcement is
    of the term on whose days it was published.

    Raises:
        Invalid: there is no such term.
    """
    own = caller.role == "teacher"
    binds: dict[str, object] = {"most": _MOST_COURSES}
    if term:
        binds["term"] = term
    if own:
        binds["teacher"] = caller.id
    overview = connection.execute(_overview(bool(term), own), binds).scalar_one_or_none()
    if overview is None:
        raise Invalid(errors=[FieldError("term", "not_one_of", "There is no such term.")])
    return str(overview)


@cache
def _overview(of_a_term: bool, of_a_teacher: bool) -> TextClause:
    conditions = ["true"]
    announced = ["status = 'published'"]
    term = "SELECT CAST(NULL AS bigint) AS id, CAST(NULL AS text) AS code"
    if of_a_term:
        term = "SELECT id, code, starts_on, ends_on, timezone FROM terms"
        term += " WHERE lower(code) = lower(:term)"
        conditions.append("term_id = (SELECT id FROM chosen)")
        announced.append(
            "(SELECT CAST(published_at AT TIME ZONE timezone AS date) BETWEEN starts_on AND ends_on"
            " FROM chosen)"
        )
    if of_a_teacher:
        conditions.append("teacher_id = :teacher")
        announced.append("publisher_id = :teacher")
    return text(
        f"""
        WITH chosen AS ({term}),
        counted AS MATERIALIZED (
            SELECT course_id, status, capacity, enrolled, waitlisted
              FROM sections WHERE {" AND ".join(conditions)}),
        by_course AS (
            SELECT json_build_object('id', courses.id, 'code', courses.code,
                                     'title', courses.title) AS course,
                   lower(courses.code) AS place, figures.*
              FROM (SELECT course_id, count(*) AS sections, {_SUMS}
                      FROM counted GROUP BY course_id) figures
              JOIN courses ON courses.id = course_id
             ORDER BY place LIMIT :most)
        SELECT row_to_json(overview)::text
          FROM chosen
         CROSS JOIN LATERAL (
            SELECT chosen.code AS term,
                   json_build_object(
                       'draft', count(*) FILTER (WHERE status = 'draft'),
                       'published', count(*) FILTER (WHERE status = 'published'),
                       'archived', count(*) FILTER (WHERE status = 'archived'),
                       'total', count(*)) AS sections,
                   {_SUMS},
                   (SELECT coalesce(json_agg(row_to_json(figures) ORDER BY place), '[]')
                      FROM by_course
                     CROSS JOIN LATERAL (SELECT course, sections, capacity, enrolled, waitlisted,
                                                fill_rate) figures) AS courses,
                   (SELECT row_to_json(figures)
                      FROM (SELECT published, audience, acknowledged,
                                   {share("acknowledged", "audience")} AS ack_rate
                              FROM ({_ANNOUNCED} WHERE {" AND ".join(announced)}) told) figures)
                       AS announcements
              FROM counted) overview
        """  # noqa: S608
    )

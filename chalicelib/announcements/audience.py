"""Whom an announcement is for: who may address whom, and the audience, frozen into chunks.

The people of sections, courses and lists are frozen when it is published; those of the whole
school by the first steps of the fan-out, moments later and a part at a time, among the users that
there were then.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, TextClause, text

from chalicelib.accounts.rules import STAFF, Caller
from chalicelib.announcements.errors import NotYourStudents
from chalicelib.announcements.rules import roles_of
from chalicelib.core.errors import FieldError, Invalid

CHUNK_SIZE = 10_000
# So many chunks are frozen in one transaction, in a fraction of a second.
_MOST_CHUNKS = 20

_OF_ROLES = "role = ANY(CAST(:roles AS text[]))"
_OF_USERS = "id = ANY(CAST(:ids AS bigint[]))"
_OF_SECTIONS = """
    role = 'student'
    AND id IN (SELECT user_id FROM enrollments
                WHERE status = 'enrolled' AND section_id = ANY(CAST(:sections AS bigint[])))
"""
_FREEZE = """
    INSERT INTO fanout_chunks (announcement_id, number, user_ids, size)
    SELECT :announcement_id, number, array_agg(id ORDER BY id), count(*)
      FROM (SELECT id, :frozen + 1 + (row_number() OVER (ORDER BY id) - 1) / :chunk AS number
              FROM (SELECT id FROM users
                     WHERE active AND id BETWEEN :first_user_id AND :last_user_id AND {who}
                     ORDER BY id LIMIT :most) next_ones) numbered
     GROUP BY number
"""
_FREEZERS = {who: text(_FREEZE.format(who=who)) for who in (_OF_ROLES, _OF_USERS, _OF_SECTIONS)}
_LAST_FROZEN = text(
    """
    SELECT coalesce(max(number), 0), coalesce(max(user_ids[size]), 0)
      FROM (SELECT * FROM fanout_chunks WHERE announcement_id = :announcement_id
             ORDER BY number DESC LIMIT 1) last
    """
)
# A course means the sections that are open to students; a teacher reaches the own ones only.
_SECTIONS = {
    kind: text(
        f"""
        SELECT id FROM sections
         WHERE {which} AND (CAST(:teacher AS bigint) IS NULL OR teacher_id = :teacher)
         ORDER BY id
        """  # noqa: S608
    )
    for kind, which in (
        ("section", "id = ANY(CAST(:ids AS bigint[]))"),
        ("course", "course_id = ANY(CAST(:ids AS bigint[])) AND status = 'published'"),
    )
}
_EXISTING = {
    "course": text("SELECT count(*) FROM courses WHERE id = ANY(CAST(:ids AS bigint[]))"),
    "section": text("SELECT count(*) FROM sections WHERE id = ANY(CAST(:ids AS bigint[]))"),
    "users": text("SELECT count(*) FROM users WHERE active AND id = ANY(CAST(:ids AS bigint[]))"),
}
_OWN = {
    "course": text(
        "SELECT count(DISTINCT course_id) FROM sections"
        " WHERE teacher_id = :teacher AND course_id = ANY(CAST(:ids AS bigint[]))"
    ),
    "section": text(
        "SELECT count(*) FROM sections"
        " WHERE teacher_id = :teacher AND id = ANY(CAST(:ids AS bigint[]))"
    ),
    "users": text(
        "SELECT count(DISTINCT user_id) FROM enrollments"
        " JOIN sections ON sections.id = section_id"
        " WHERE teacher_id = :teacher AND enrollments.status = 'enrolled'"
        " AND user_id = ANY(CAST(:ids AS bigint[]))"
    ),
}
_ADDRESS_SECTIONS = text(
    """
    INSERT INTO announcement_sections (announcement_id, section_id, joins_seen)
    SELECT :announcement_id, id, joins FROM sections WHERE id = ANY(CAST(:sections AS bigint[]))
    """
)
# Reasons in the order in which they would stop a mail.
_REACHED = """
    SELECT json_build_object(
        'audience', count(*),
        'mailed_at_once', count(*) FILTER (WHERE reason IS NULL AND mail = 'immediate'),
        'mailed_in_digest', count(*) FILTER (WHERE reason IS NULL AND mail = 'digest'),
        'no_address', count(*) FILTER (WHERE reason = 'no_address'),
        'suppressed', count(*) FILTER (WHERE reason = 'suppressed'),
        'mail_off', count(*) FILTER (WHERE reason = 'mail_off'),
        'not_mailed', coalesce(json_agg(json_build_object(
                          'user', json_build_object('id', id, 'username', username,
                                                    'full_name', full_name),
                          'reason', reason) ORDER BY id)
                          FILTER (WHERE reason IS NOT NULL AND place <= 100), '[]'),
        'html', CAST(:html AS text))::text
      FROM (SELECT reached.*, row_number() OVER (PARTITION BY reason IS NULL ORDER BY id) AS place
              FROM (SELECT id, username, full_name, coalesce(mail, 'digest') AS mail,
                           CASE WHEN erased_at IS NOT NULL THEN 'no_address'
                                WHEN EXISTS (SELECT FROM mail_suppressions
                                              WHERE address = lower(email)) THEN 'suppressed'
                                WHEN mail = 'off' THEN 'mail_off' END AS reason
                      FROM users LEFT JOIN notification_preferences ON user_id = id
                     WHERE active AND {who}) reached) placed
"""
_REACHERS = {who: text(_REACHED.format(who=who)) for who in (_OF_ROLES, _OF_USERS, _OF_SECTIONS)}


def check_audience(connection: Connection, caller: Caller, audience: dict[str, Any]) -> None:
    """Check that an audience exists, and that the caller may address it.

    Raises:
        Invalid: an id is of nothing that there is.
        NotYourStudents: the caller is a teacher, and addresses others than all students or those of
            own sections.
    """
    ids = audience.get("ids", [])
    if caller.role not in STAFF:
        if roles_of(audience) not in ([], ["student"]):
            raise NotYourStudents
        if ids:
            own = connection.execute(_OWN[audience["kind"]], {"ids": ids, "teacher": caller.id})
            if own.scalar_one() < len(ids):
                raise NotYourStudents
    elif ids:
        existing = connection.execute(_EXISTING[audience["kind"]], {"ids": ids}).scalar_one()
        if existing < len(ids):
            message = "Some of these do not exist."
            raise Invalid(errors=[FieldError("audience.ids", "not_one_of", message)])


def address_sections(
    connection: Connection, announcement_id: int, audience: dict[str, Any], teacher: int | None
) -> None:
    """Write down the sections that an audience means, and how many have joined them so far.

    Before the people are frozen: who joins in between is then found by both, and told once.
    """
    sections = _sections_of(connection, audience, teacher)
    if sections:
        binds = {"announcement_id": announcement_id, "sections": sections}
        connection.execute(_ADDRESS_SECTIONS, binds)


def freeze(
    connection: Connection,
    announcement_id: int,
    audience: dict[str, Any],
    last_user_id: int,
    teacher: int | None,
) -> bool:
    """Write down the next of those whom an audience means, in chunks by rising id; return whether
    these were the last.
    """
    statement, binds = _chosen(_FREEZERS, connection, audience, teacher)
    frozen, user_id = connection.execute(_LAST_FROZEN, {"announcement_id": announcement_id}).one()
    added = connection.execute(
        statement,
        binds
        | {
            "announcement_id": announcement_id,
            "frozen": frozen,
            "chunk": CHUNK_SIZE,
            "most": _MOST_CHUNKS * CHUNK_SIZE,
            "first_user_id": user_id + 1,
            "last_user_id": last_user_id,
        },
    )
    return added.rowcount < _MOST_CHUNKS


def preview(
    connection: Connection, audience: dict[str, Any], teacher: int | None, html: str | None
) -> str:
    """Return whom an audience means and whom of them no mail would reach, as JSON text."""
    statement, binds = _chosen(_REACHERS, connection, audience, teacher)
    return str(connection.execute(statement, binds | {"html": html}).scalar_one())


def _chosen(
    statements: dict[str, TextClause],
    connection: Connection,
    audience: dict[str, Any],
    teacher: int | None,
) -> tuple[TextClause, dict[str, Any]]:
    if roles := roles_of(audience):
        return statements[_OF_ROLES], {"roles": roles}
    if audience["kind"] == "users":
        return statements[_OF_USERS], {"ids": audience["ids"]}
    sections = _sections_of(connection, audience, teacher)
    return statements[_OF_SECTIONS], {"sections": sections}


def _sections_of(
    connection: Connection, audience: dict[str, Any], teacher: int | None
) -> list[int]:
    statement = _SECTIONS.get(audience["kind"])
    if statement is None:
        return []
    binds = {"ids": audience["ids"], "teacher": teacher}
    return list(connection.execute(statement, binds).scalars())

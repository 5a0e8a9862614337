"""Who joins a section later is told what its students were told: whoever gets a seat in a section
that was addressed gets what is live of it, as long as the section is not archived.

Found by counting, not by the clock: a section counts who ever got a seat, an announcement keeps
how many it has seen. What the whole school was told is not repeated to newcomers.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.outbox import service as outbox

_JOINED = text(
    """
    SELECT announcements.id FROM announcements
     WHERE status = 'published' AND fanout_state = 'done'
       AND EXISTS (SELECT FROM announcement_sections
                     JOIN sections ON sections.id = section_id
                    WHERE announcement_id = announcements.id AND joins <> joins_seen
                      AND sections.status <> 'archived')
     ORDER BY announcements.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    """
)
_SEEN = text(
    """
    UPDATE announcement_sections SET joins_seen = joins
      FROM sections WHERE sections.id = section_id AND announcement_id = :id
    """
)
# In a later statement than the count: who joins in between is found twice and told once.
_ADD = text(
    """
    INSERT INTO fanout_chunks (announcement_id, number, user_ids, size)
    SELECT :id,
           (SELECT coalesce(max(number), 0) + 1 FROM fanout_chunks WHERE announcement_id = :id),
           array_agg(user_id ORDER BY user_id), count(*)
      FROM (SELECT DISTINCT user_id
              FROM announcement_sections
              JOIN sections ON sections.id = section_id AND sections.status <> 'archived'
              JOIN enrollments USING (section_id) JOIN users ON users.id = user_id
             WHERE announcement_id = :id AND enrollments.status = 'enrolled' AND active
               AND role = 'student'
               AND NOT EXISTS (SELECT FROM deliveries
                                WHERE deliveries.announcement_id = :id
                                  AND deliveries.user_id = enrollments.user_id)) joined
    HAVING count(*) > 0
    """
)
_REOPEN = text(
    "UPDATE announcements SET fanout_state = 'running', fanout_at = now() WHERE id = :id"
)


def address_joined(connection: Connection) -> int | None:
    """Have an announcement delivered to those who joined its sections; return its id, None where
    nobody joined any.
    """
    announcement_id = connection.execute(_JOINED).scalar_one_or_none()
    if announcement_id is None:
        return None
    connection.execute(_SEEN, {"id": announcement_id})
    if connection.execute(_ADD, {"id": announcement_id}).rowcount:
        connection.execute(_REOPEN, {"id": announcement_id})
        outbox.add(connection, "fanout", {"announcement_id": announcement_id})
    return int(announcement_id)

"""All that is kept on a person, over the tables of every area, as one SELECT."""

from __future__ import annotations

from sqlalchemy import Connection, text

MOST_EVENTS = 2000


def _moment(column: str) -> str:
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"


_PERSONAL_DATA = text(
    f"""
    SELECT json_build_object(
        'account', (
            SELECT json_build_object(
                'id', id, 'username', username, 'email', email, 'full_name', full_name,
                'role', role, 'active', active, 'locale', locale,
                'has_password', password_hash IS NOT NULL,
                'created_at', {_moment("created_at")}, 'updated_at', {_moment("updated_at")})
              FROM users WHERE id = :id),
        'notification_preferences', (
            SELECT json_build_object('mail', mail, 'digest_hour', digest_hour,
                                     'timezone', timezone)
              FROM notification_preferences WHERE user_id = :id),
        'sessions', (
            SELECT coalesce(json_agg(json_build_object(
                       'ip', ip, 'created_at', {_moment("created_at")},
                       'used_at', {_moment("used_at")}, 'expires_at', {_moment("expires_at")})
                       ORDER BY id), '[]')
              FROM sessions WHERE user_id = :id),
        'links', (
            SELECT coalesce(json_agg(json_build_object(
                       'created_at', {_moment("created_at")},
                       'expires_at', {_moment("expires_at")}) ORDER BY created_at), '[]')
              FROM recovery_tokens WHERE user_id = :id),
        'mails', (
            SELECT coalesce(json_agg(json_build_object(
                       'kind', kind, 'state', state, 'reason', reason,
                       'created_at', {_moment("created_at")}, 'ended_at', {_moment("ended_at")})
                       ORDER BY id), '[]')
              FROM mails
             WHERE user_id = :id
                OR lower(address) = (SELECT lower(email) FROM users WHERE id = :id)),
        'mail_suppression', (
            SELECT json_build_object('reason', reason, 'at', {_moment("at")})
              FROM mail_suppressions
             WHERE address = (SELECT lower(email) FROM users WHERE id = :id)),
        'unsubscribe_link', (
            SELECT json_build_object('created_at', {_moment("created_at")})
              FROM unsubscribe_links WHERE user_id = :id),
        'enrollments', (
            SELECT coalesce(json_agg(json_build_object(
                       'section', section_id, 'course', courses.code, 'term', terms.code,
                       'status', enrollments.status,
                       'enrolled_at', {_moment("enrolled_at")}) ORDER BY enrollments.id), '[]')
              FROM enrollments JOIN sections ON sections.id = section_id
              JOIN courses ON courses.id = course_id JOIN terms ON terms.id = term_id
             WHERE user_id = :id),
        'sections_taught', (
            SELECT coalesce(json_agg(json_build_object(
                       'section', sections.id, 'course', courses.code, 'term', terms.code)
                       ORDER BY sections.id), '[]')
              FROM sections JOIN courses ON courses.id = course_id
              JOIN terms ON terms.id = term_id
             WHERE teacher_id = :id),
        'tasks', (
            SELECT coalesce(json_agg(json_build_object(
                       'id', id, 'kind', kind, 'job', job, 'mode', mode, 'state', state,
                       'filename', filename, 'created_at', {_moment("created_at")})
                       ORDER BY number), '[]')
              FROM tasks WHERE created_by = :id),
        'attachments', (
            SELECT coalesce(json_agg(json_build_object(
                       'id', id, 'course', course_id, 'title', title, 'filename', filename,
                       'size', size_bytes, 'created_at', {_moment("created_at")})
                       ORDER BY id), '[]')
              FROM course_attachments WHERE uploaded_by = :id),
        'announcements', (
            SELECT coalesce(json_agg(json_build_object(
                       'id', id, 'title', title, 'status', status, 'version', version,
                       'created_at', {_moment("created_at")},
                       'published_at', {_moment("published_at")}) ORDER BY id), '[]')
              FROM announcements WHERE publisher_id = :id),
        'deliveries', (
            SELECT coalesce(json_agg(json_build_object(
                       'announcement', announcement_id, 'title', title, 'state', state,
                       'version', deliveries.version,
                       'delivered_at', {_moment("delivered_at")}, 'ack_at', {_moment("ack_at")},
                       'last_push_at', {_moment("last_push_at")}, 'retry_count', retry_count,
                       'mail', mail) ORDER BY deliveries.id), '[]')
              FROM deliveries JOIN announcements ON announcements.id = announcement_id
             WHERE user_id = :id),
        'calendar_feed', (
            SELECT json_build_object(
                       'created_at', {_moment("created_at")},
                       'departures', (
                           SELECT coalesce(json_agg(json_build_object(
                                      'section', section_id, 'left_at', {_moment("left_at")})
                                      ORDER BY left_at, section_id), '[]')
                             FROM feed_departures WHERE user_id = :id))
              FROM calendar_feeds WHERE user_id = :id),
        'kept_answers', (
            SELECT coalesce(json_agg(json_build_object(
                       'key', key, 'status', status, 'created_at', {_moment("created_at")})
                       ORDER BY created_at), '[]')
              FROM idempotency_keys WHERE caller_id = :id),
        'events', (
            SELECT coalesce(json_agg(json_build_object(
                       'at', {_moment("at")}, 'by_me', actor_id = :id, 'action', action,
                       'object', json_build_object('kind', object_kind, 'id', object_id),
                       'before', before, 'after', after, 'ip', ip) ORDER BY id DESC), '[]')
              FROM (SELECT * FROM audit_events
                     WHERE actor_id = :id OR object_kind = 'user' AND object_id = :text_id
                     ORDER BY id DESC LIMIT :most) events),
        'events_in_all', (
            SELECT count(*) FROM audit_events
             WHERE actor_id = :id OR object_kind = 'user' AND object_id = :text_id)
    )::text
    """  # noqa: S608
)


def find_personal_data(connection: Connection, user_id: int) -> str:
    """Return all that is kept on a user as JSON text; of events the newest 2,000, and how many
    there are.
    """
    binds = {"id": user_id, "text_id": str(user_id), "most": MOST_EVENTS}
    return str(connection.execute(_PERSONAL_DATA, binds).scalar_one())

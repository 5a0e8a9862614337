"""What readers ask for all day as functions, which a server plans once and not at each call.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

# Plans that are kept were made when the tables had another size: they stay off sequential scans.
INBOX_TAG = """
CREATE FUNCTION inbox_tag(reader bigint) RETURNS text
    LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    RETURN (SELECT coalesce(sum(changes), 0) FROM announcement_changes)
           || '-' || coalesce((SELECT changes FROM inbox_changes WHERE user_id = reader), 0);
END $$;
"""

# Out of two indexes: the few that are not acknowledged, less those withdrawn; and, while a new
# version goes out that asks everybody again, those that it has not come to.
COUNT_UNREAD = """
CREATE FUNCTION count_unread(reader bigint, known text, OUT tag text, OUT unread bigint)
    LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    tag = inbox_tag(reader);
    IF strpos(known, '"' || tag || '"') > 0 THEN
        RETURN;
    END IF;
    unread = (
        SELECT count(*) FROM deliveries
         WHERE user_id = reader AND state <> 'acknowledged'
           AND NOT EXISTS (SELECT FROM announcements
                            WHERE id = announcement_id AND status = 'withdrawn')
        ) + (
        SELECT count(*) FROM announcements
         WHERE status = 'published' AND (fanout_state <> 'done' OR reminded_to IS NOT NULL)
           AND EXISTS (SELECT FROM deliveries
                        WHERE announcement_id = announcements.id AND user_id = reader
                          AND deliveries.version < asked_version AND state = 'acknowledged'));
END $$;
"""

# Up to `most` items, newest first; fewer where they would have more characters than `longest`.
LIST_INBOX = """
CREATE FUNCTION list_inbox(reader bigint, known text, before bigint, only_unread boolean,
                           most integer, longest integer,
                           OUT tag text, OUT items text, OUT more boolean, OUT last_id bigint)
    LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    tag = inbox_tag(reader);
    IF strpos(known, '"' || tag || '"') > 0 THEN
        RETURN;
    END IF;
    SELECT concat('[', string_agg(item, ',' ORDER BY id DESC) FILTER (WHERE fits), ']'),
           NOT coalesce(bool_and(fits), true), min(id) FILTER (WHERE fits)
      INTO items, more, last_id
      FROM (
        SELECT id, item, number = 1 OR number <= most AND characters <= longest AS fits
          FROM (
            SELECT id, item, row_number() OVER newest AS number,
                   sum(length(item)) OVER newest AS characters
              FROM (
                SELECT deliveries.id, json_build_object(
                    'id', deliveries.id,
                    'announcement', json_build_object(
                        'id', announcement_id, 'title', title, 'body', body, 'html', html,
                        'publisher', (
                            SELECT json_build_object('id', id, 'username', username,
                                                     'full_name', full_name)
                              FROM users WHERE id = publisher_id),
                        'published_at', to_char(published_at AT TIME ZONE 'UTC',
                                                'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                        'requires_ack', requires_ack, 'version', announcements.version,
                        'attachments', coalesce((
                            SELECT json_agg(json_build_object(
                                       'id', file.id, 'title', file.title,
                                       'filename', file.filename,
                                       'content_type', file.content_type,
                                       'size', file.size_bytes) ORDER BY number)
                              FROM announcement_attachments attached
                              JOIN course_attachments file ON file.id = attachment_id
                             WHERE attached.announcement_id = announcements.id), '[]')),
                    'state', CASE WHEN counts THEN state ELSE 'queued' END,
                    'delivered_at', CASE WHEN counts THEN
                        to_char(delivered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END,
                    'ack_at', CASE WHEN counts THEN
                        to_char(ack_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END,
                    'version', greatest(deliveries.version, asked_version))::text AS item
                  FROM deliveries
                  JOIN announcements ON announcements.id = announcement_id
                 CROSS JOIN LATERAL (SELECT deliveries.version >= asked_version AS counts) asked
                 WHERE user_id = reader AND deliveries.id < before AND status = 'published'
                   AND (NOT only_unread OR state <> 'acknowledged' OR NOT counts)
                 ORDER BY deliveries.id DESC LIMIT most + 1) shown
            WINDOW newest AS (ORDER BY id DESC ROWS UNBOUNDED PRECEDING)) placed) page;
END $$;
"""

# Onwards only, and the first time is kept; what was done with a version before the one that asks
# again counts for nothing. The event and the change are written with it, or not at all.
GO_ON = """
CREATE FUNCTION go_on(reader bigint, delivery bigint, acknowledges boolean,
                      OUT announced text, OUT shown text)
    LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    gone_on deliveries;
BEGIN
    UPDATE deliveries
       SET state = CASE WHEN acknowledges THEN 'acknowledged' ELSE 'delivered' END,
           version = greatest(deliveries.version, asked_version),
           delivered_at = CASE WHEN deliveries.version >= asked_version
                               THEN coalesce(delivered_at, now()) ELSE now() END,
           ack_at = CASE WHEN acknowledges THEN now() END
      FROM announcements
     WHERE deliveries.id = delivery AND user_id = reader AND announcements.id = announcement_id
       AND status = 'published'
       AND (deliveries.version < asked_version OR state = 'queued'
            OR acknowledges AND state = 'delivered')
    RETURNING deliveries.* INTO gone_on;
    IF FOUND THEN
        announced = 'published';
        INSERT INTO delivery_events (announcement_id, kind, version, user_ids)
        VALUES (gone_on.announcement_id,
                CASE WHEN acknowledges THEN 'acknowledged' ELSE 'shown' END,
                gone_on.version, ARRAY[reader]);
        INSERT INTO inbox_changes AS counted (user_id, changes) VALUES (reader, 1)
            ON CONFLICT (user_id) DO UPDATE SET changes = counted.changes + 1;
    ELSE
        -- It had gone on before, or did so while we waited for its row.
        SELECT deliveries.* INTO gone_on FROM deliveries
         WHERE id = delivery AND user_id = reader;
        SELECT status INTO announced FROM announcements WHERE id = gone_on.announcement_id;
    END IF;
    shown = json_build_object(
        'id', gone_on.id, 'state', gone_on.state,
        'delivered_at',
        to_char(gone_on.delivered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'ack_at', to_char(gone_on.ack_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'version', gone_on.version)::text;
END $$;
"""


def upgrade() -> None:
    for part in (INBOX_TAG, COUNT_UNREAD, LIST_INBOX, GO_ON):
        op.execute(part)


def downgrade() -> None:
    op.execute("DROP FUNCTION go_on, list_inbox, count_unread, inbox_tag")

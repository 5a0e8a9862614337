"""Announcements: what is told to whom, each delivery of it, and the ledger of what became of them.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

# `asked_version` is the last one that asks everybody again; what a reader did with an earlier one
# no longer counts.
ANNOUNCEMENTS = """
CREATE TABLE announcements (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT announcements_pkey PRIMARY KEY,
    publisher_id bigint NOT NULL
        CONSTRAINT announcements_publisher_id_fkey REFERENCES users (id),
    title text NOT NULL,
    body text NOT NULL,
    html text NOT NULL,
    requires_ack boolean NOT NULL DEFAULT true,
    audience jsonb NOT NULL,
    status text NOT NULL,
    publish_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    withdrawn_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    asked_version integer NOT NULL DEFAULT 1,
    fanout_state text NOT NULL DEFAULT 'pending',
    fanout_at timestamptz,
    last_user_id bigint,
    frozen_at timestamptz,
    reminders integer NOT NULL DEFAULT 0,
    reminded_at timestamptz,
    reminded_to bigint,
    remind_all boolean NOT NULL DEFAULT true,
    seals integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT announcements_title_length_check CHECK (char_length(title) BETWEEN 1 AND 200),
    CONSTRAINT announcements_body_length_check CHECK (char_length(body) BETWEEN 1 AND 20000),
    CONSTRAINT announcements_status_check
        CHECK (status IN ('scheduled', 'published', 'withdrawn')),
    CONSTRAINT announcements_fanout_state_check
        CHECK (fanout_state IN ('pending', 'running', 'done')),
    CONSTRAINT announcements_published_check
        CHECK (status = 'withdrawn' OR (status = 'published') = (published_at IS NOT NULL)),
    CONSTRAINT announcements_withdrawn_check
        CHECK ((status = 'withdrawn') = (withdrawn_at IS NOT NULL))
);
CREATE INDEX announcements_publisher_id_idx ON announcements (publisher_id, id);
CREATE INDEX announcements_withdrawn_idx ON announcements (id) WHERE status = 'withdrawn';
CREATE INDEX announcements_due_idx ON announcements (publish_at) WHERE status = 'scheduled';
CREATE INDEX announcements_unfinished_idx ON announcements (id)
    WHERE status = 'published' AND (fanout_state <> 'done' OR reminded_to IS NOT NULL);

CREATE TABLE announcement_versions (
    announcement_id bigint NOT NULL
        CONSTRAINT announcement_versions_announcement_id_fkey REFERENCES announcements (id),
    version integer NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    requires_ack boolean NOT NULL,
    material boolean NOT NULL,
    edited_by bigint NOT NULL
        CONSTRAINT announcement_versions_edited_by_fkey REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT announcement_versions_pkey PRIMARY KEY (announcement_id, version)
);

CREATE TABLE announcement_attachments (
    announcement_id bigint NOT NULL
        CONSTRAINT announcement_attachments_announcement_id_fkey REFERENCES announcements (id),
    attachment_id bigint NOT NULL
        CONSTRAINT announcement_attachments_attachment_id_fkey
        REFERENCES course_attachments (id) ON DELETE CASCADE,
    number smallint NOT NULL,
    CONSTRAINT announcement_attachments_pkey PRIMARY KEY (announcement_id, attachment_id)
);
CREATE INDEX announcement_attachments_attachment_id_idx
    ON announcement_attachments (attachment_id);

CREATE TABLE announcement_sections (
    announcement_id bigint NOT NULL
        CONSTRAINT announcement_sections_announcement_id_fkey REFERENCES announcements (id),
    section_id bigint NOT NULL
        CONSTRAINT announcement_sections_section_id_fkey
        REFERENCES sections (id) ON DELETE CASCADE,
    joins_seen bigint NOT NULL,
    CONSTRAINT announcement_sections_pkey PRIMARY KEY (announcement_id, section_id)
);
CREATE INDEX announcement_sections_section_id_idx ON announcement_sections (section_id);
"""

# The chunks of an announcement are its audience, frozen; each is delivered in a transaction of its
# own, and remembers for which version it was.
DELIVERIES = """
CREATE TABLE fanout_chunks (
    announcement_id bigint NOT NULL
        CONSTRAINT fanout_chunks_announcement_id_fkey REFERENCES announcements (id),
    number integer NOT NULL,
    user_ids bigint[] NOT NULL,
    size integer NOT NULL,
    done_version integer NOT NULL DEFAULT 0,
    CONSTRAINT fanout_chunks_pkey PRIMARY KEY (announcement_id, number),
    CONSTRAINT fanout_chunks_size_check CHECK (size = cardinality(user_ids))
);

CREATE TABLE deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT deliveries_pkey PRIMARY KEY,
    announcement_id bigint NOT NULL
        CONSTRAINT deliveries_announcement_id_fkey REFERENCES announcements (id),
    user_id bigint NOT NULL CONSTRAINT deliveries_user_id_fkey REFERENCES users (id),
    version integer NOT NULL,
    retry_count integer NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    ack_at timestamptz,
    last_push_at timestamptz,
    state text NOT NULL DEFAULT 'queued',
    mail text,
    CONSTRAINT deliveries_state_check CHECK (state IN ('queued', 'delivered', 'acknowledged')),
    CONSTRAINT deliveries_times_check
        CHECK ((state = 'queued') = (delivered_at IS NULL)
               AND (state = 'acknowledged') = (ack_at IS NOT NULL)),
    CONSTRAINT deliveries_mail_check CHECK (mail IN ('mailed', 'bounced'))
);
CREATE UNIQUE INDEX deliveries_announcement_id_user_id_key
    ON deliveries (announcement_id, user_id) INCLUDE (state, version);
CREATE INDEX deliveries_inbox_idx ON deliveries (user_id, id);
CREATE INDEX deliveries_unread_idx ON deliveries (user_id, announcement_id)
    WHERE state <> 'acknowledged';

-- What an inbox shows is unchanged while the changes of its user and of all announcements are the
-- same in number; those of announcements are counted on several rows, so that none is contended.
CREATE TABLE inbox_changes (
    user_id bigint CONSTRAINT inbox_changes_pkey PRIMARY KEY
        CONSTRAINT inbox_changes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    changes bigint NOT NULL
);
CREATE TABLE announcement_changes (
    shard smallint CONSTRAINT announcement_changes_pkey PRIMARY KEY,
    changes bigint NOT NULL
);
"""

# An event is about one delivery, many, or (withdrawn) all of an announcement. Nothing of it ever
# changes but that it gets the number of its seal, once.
LEDGER = """
CREATE TABLE delivery_events (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT delivery_events_pkey PRIMARY KEY,
    announcement_id bigint NOT NULL
        CONSTRAINT delivery_events_announcement_id_fkey REFERENCES announcements (id),
    kind text NOT NULL,
    version integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    user_ids bigint[] NOT NULL,
    seal integer,
    CONSTRAINT delivery_events_kind_check
        CHECK (kind IN ('queued', 'mailed', 'bounced', 'shown', 'acknowledged', 'reminded',
                        'withdrawn'))
);
CREATE INDEX delivery_events_sealed_idx ON delivery_events (announcement_id, seal, id);
CREATE INDEX delivery_events_unsealed_idx ON delivery_events (announcement_id, id)
    WHERE seal IS NULL;

CREATE TABLE announcement_seals (
    announcement_id bigint NOT NULL
        CONSTRAINT announcement_seals_announcement_id_fkey REFERENCES announcements (id),
    number integer NOT NULL,
    previous text NOT NULL,
    sha256 text NOT NULL,
    events integer NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT announcement_seals_pkey PRIMARY KEY (announcement_id, number),
    CONSTRAINT announcement_seals_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$')
);

CREATE FUNCTION refuse_change_of_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE '% are only ever added to', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER delivery_events_append_only BEFORE UPDATE ON delivery_events FOR EACH ROW
    WHEN (OLD.seal IS NOT NULL OR NEW.seal IS NULL
          OR (OLD.id, OLD.announcement_id, OLD.kind, OLD.version, OLD.at, OLD.user_ids)
             IS DISTINCT FROM
             (NEW.id, NEW.announcement_id, NEW.kind, NEW.version, NEW.at, NEW.user_ids))
    EXECUTE FUNCTION refuse_change_of_ledger();
CREATE TRIGGER delivery_events_kept BEFORE DELETE ON delivery_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger();
CREATE TRIGGER announcement_seals_append_only BEFORE UPDATE OR DELETE ON announcement_seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger();
REVOKE UPDATE, DELETE, TRUNCATE ON delivery_events, announcement_seals FROM rollcall_app;
GRANT UPDATE (seal) ON delivery_events TO rollcall_app;
"""

# A mail with an occasion (the version that it tells of, the round of a reminder, the day of a
# digest) is queued once, whatever comes twice. `told` is the fate that the ledger knows of.
MAIL = """
ALTER TABLE mails ADD COLUMN occasion integer, ADD COLUMN told text;
CREATE UNIQUE INDEX mails_once_key ON mails (kind, user_id, about, occasion) NULLS NOT DISTINCT
    WHERE occasion IS NOT NULL AND user_id IS NOT NULL;
CREATE INDEX mails_untold_idx ON mails (id)
    WHERE occasion IS NOT NULL AND about IS NOT NULL AND state IN ('sent', 'bounced', 'complained')
          AND told IS DISTINCT FROM state;
"""

# `joins` counts who ever got a seat, so that whoever looks again knows whether somebody joined.
JOINS = """
ALTER TABLE sections ADD COLUMN joins bigint NOT NULL DEFAULT 0;
CREATE OR REPLACE FUNCTION count_seats() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    overbooked bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE sections
           SET enrolled = sections.enrolled - gone.enrolled,
               waitlisted = sections.waitlisted - gone.waitlisted
          FROM (SELECT section_id, count(*) FILTER (WHERE status = 'enrolled') AS enrolled,
                       count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted
                  FROM before GROUP BY section_id) gone
         WHERE id = section_id;
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        WITH counted AS (
            UPDATE sections
               SET enrolled = sections.enrolled + come.enrolled,
                   waitlisted = sections.waitlisted + come.waitlisted,
                   joins = sections.joins + come.enrolled
              FROM (SELECT section_id, count(*) FILTER (WHERE status = 'enrolled') AS enrolled,
                           count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted
                      FROM after GROUP BY section_id) come
             WHERE id = section_id
            RETURNING id, come.enrolled > 0 AND sections.enrolled > capacity AS over)
        SELECT min(id) INTO overbooked FROM counted WHERE over;
    ELSE
        WITH counted AS (
            UPDATE sections
               SET enrolled = sections.enrolled + moved.enrolled,
                   waitlisted = sections.waitlisted + moved.waitlisted,
                   joins = sections.joins + moved.joined
              FROM (SELECT section_id,
                           coalesce(sum(step) FILTER (WHERE status = 'enrolled'), 0) AS enrolled,
                           coalesce(sum(step) FILTER (WHERE status = 'waitlisted'), 0)
                               AS waitlisted,
                           count(*) FILTER (WHERE status = 'enrolled' AND step = 1) AS joined
                      FROM (SELECT section_id, status, 1 AS step FROM after
                             UNION ALL SELECT section_id, status, -1 FROM before) steps
                     GROUP BY section_id) moved
             WHERE id = section_id
            RETURNING id, moved.enrolled > 0 AND sections.enrolled > capacity AS over)
        SELECT min(id) INTO overbooked FROM counted WHERE over;
    END IF;
    IF overbooked IS NOT NULL THEN
        RAISE 'section % has no seat left', overbooked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'enrollments_capacity';
    END IF;
    RETURN NULL;
END $$;
"""
COUNT_SEATS = """
CREATE OR REPLACE FUNCTION count_seats() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    overbooked bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE sections
           SET enrolled = sections.enrolled - gone.enrolled,
               waitlisted = sections.waitlisted - gone.waitlisted
          FROM (SELECT section_id, count(*) FILTER (WHERE status = 'enrolled') AS enrolled,
                       count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted
                  FROM before GROUP BY section_id) gone
         WHERE id = section_id;
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        WITH counted AS (
            UPDATE sections
               SET enrolled = sections.enrolled + come.enrolled,
                   waitlisted = sections.waitlisted + come.waitlisted
              FROM (SELECT section_id, count(*) FILTER (WHERE status = 'enrolled') AS enrolled,
                           count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted
                      FROM after GROUP BY section_id) come
             WHERE id = section_id
            RETURNING id, come.enrolled > 0 AND sections.enrolled > capacity AS over)
        SELECT min(id) INTO overbooked FROM counted WHERE over;
    ELSE
        WITH counted AS (
            UPDATE sections
               SET enrolled = sections.enrolled + moved.enrolled,
                   waitlisted = sections.waitlisted + moved.waitlisted
              FROM (SELECT section_id,
                           coalesce(sum(step) FILTER (WHERE status = 'enrolled'), 0) AS enrolled,
                           coalesce(sum(step) FILTER (WHERE status = 'waitlisted'), 0) AS waitlisted
                      FROM (SELECT section_id, status, 1 AS step FROM after
                             UNION ALL SELECT section_id, status, -1 FROM before) steps
                     GROUP BY section_id) moved
             WHERE id = section_id
            RETURNING id, moved.enrolled > 0 AND sections.enrolled > capacity AS over)
        SELECT min(id) INTO overbooked FROM counted WHERE over;
    END IF;
    IF overbooked IS NOT NULL THEN
        RAISE 'section % has no seat left', overbooked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'enrollments_capacity';
    END IF;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    for part in (ANNOUNCEMENTS, DELIVERIES, LEDGER, MAIL, JOINS):
        op.execute(part)


def downgrade() -> None:
    op.execute(COUNT_SEATS)
    op.execute("ALTER TABLE sections DROP COLUMN joins")
    op.execute("DROP INDEX mails_untold_idx, mails_once_key")
    op.execute("ALTER TABLE mails DROP COLUMN told, DROP COLUMN occasion")
    op.execute("DROP TABLE announcement_seals, delivery_events")
    op.execute("DROP FUNCTION refuse_change_of_ledger")
    op.execute("DROP TABLE announcement_changes, inbox_changes, deliveries, fanout_chunks")
    op.execute(
        "DROP TABLE announcement_sections, announcement_attachments, announcement_versions,"
        " announcements"
    )

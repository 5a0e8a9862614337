"""Calendar feeds: their secrets, and what a calendar that reads one must be told is cancelled.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

# The secret is kept as it is, since its owner is shown it again; docs/decisions/0015 says why.
FEEDS = """
CREATE TABLE calendar_feeds (
    user_id bigint CONSTRAINT calendar_feeds_pkey PRIMARY KEY
        CONSTRAINT calendar_feeds_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    name uuid NOT NULL DEFAULT gen_random_uuid(),
    secret text NOT NULL CONSTRAINT calendar_feeds_secret_key UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT calendar_feeds_secret_length_check CHECK (char_length(secret) = 43)
);
CREATE TABLE feed_departures (
    user_id bigint NOT NULL CONSTRAINT feed_departures_user_id_fkey
        REFERENCES calendar_feeds (user_id) ON DELETE CASCADE,
    section_id bigint NOT NULL CONSTRAINT feed_departures_section_id_fkey
        REFERENCES sections (id) ON DELETE CASCADE,
    times integer NOT NULL DEFAULT 1,
    left_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feed_departures_pkey PRIMARY KEY (user_id, section_id)
);
CREATE INDEX feed_departures_section_id_idx ON feed_departures (section_id);
CREATE INDEX feed_departures_left_at_idx ON feed_departures (left_at);
CREATE TABLE dropped_meetings (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT dropped_meetings_pkey PRIMARY KEY,
    section_id bigint NOT NULL CONSTRAINT dropped_meetings_section_id_fkey
        REFERENCES sections (id) ON DELETE CASCADE,
    number smallint NOT NULL,
    weekday smallint NOT NULL,
    first_period smallint NOT NULL,
    last_period smallint NOT NULL,
    weeks smallint[] NOT NULL,
    room text NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dropped_meetings_section_id_idx ON dropped_meetings (section_id);
CREATE INDEX dropped_meetings_dropped_at_idx ON dropped_meetings (dropped_at);
"""

# For whatever writes, one by one or by the file: who leaves a section, or stops teaching it, and
# which meetings a section had. Only people with a feed are written down, and nothing of drafts,
# which no feed has.
LEAVING = """
CREATE FUNCTION note_departures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_departures (user_id, section_id)
    SELECT before.user_id, before.section_id
      FROM before
      JOIN calendar_feeds ON calendar_feeds.user_id = before.user_id
      JOIN sections ON sections.id = section_id AND sections.status <> 'draft'
     WHERE before.status = 'enrolled'
     ORDER BY 1, 2
        ON CONFLICT (user_id, section_id)
        DO UPDATE SET times = feed_departures.times + 1, left_at = now();
    RETURN NULL;
END $$;
CREATE TRIGGER enrollments_note_departures AFTER DELETE ON enrollments
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION note_departures();

CREATE FUNCTION note_teachers_departure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_departures (user_id, section_id)
    SELECT user_id, OLD.id FROM calendar_feeds WHERE user_id = OLD.teacher_id
        ON CONFLICT (user_id, section_id)
        DO UPDATE SET times = feed_departures.times + 1, left_at = now();
    RETURN NULL;
END $$;
CREATE TRIGGER sections_note_teachers_departure AFTER UPDATE OF teacher_id ON sections
    FOR EACH ROW
    WHEN (OLD.status <> 'draft' AND OLD.teacher_id IS DISTINCT FROM NEW.teacher_id)
    EXECUTE FUNCTION note_teachers_departure();

CREATE FUNCTION note_dropped_meetings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dropped_meetings
           (section_id, number, weekday, first_period, last_period, weeks, room)
    SELECT section_id, number, weekday, first_period, last_period, weeks, room
      FROM before JOIN sections ON sections.id = section_id AND status = 'published';
    RETURN NULL;
END $$;
CREATE TRIGGER meetings_note_dropped AFTER DELETE ON meetings
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION note_dropped_meetings();
CREATE TRIGGER meetings_note_changed AFTER UPDATE ON meetings
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION note_dropped_meetings();
"""

# The SEQUENCE of an event adds up the versions of section, term and course. A section that moves
# to a younger term or course takes the difference along, so that the sum never falls.
SEQUENCE = """
ALTER TABLE terms ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE sections ADD COLUMN sequence_base integer NOT NULL DEFAULT 0;
CREATE FUNCTION keep_sequence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sequence_base := coalesce(
        OLD.sequence_base
        + (SELECT version FROM terms WHERE id = OLD.term_id)
        + (SELECT version FROM courses WHERE id = OLD.course_id)
        - (SELECT version FROM terms WHERE id = NEW.term_id)
        - (SELECT version FROM courses WHERE id = NEW.course_id), OLD.sequence_base);
    RETURN NEW;
END $$;
CREATE TRIGGER sections_keep_sequence BEFORE UPDATE OF term_id, course_id ON sections
    FOR EACH ROW
    WHEN (OLD.term_id IS DISTINCT FROM NEW.term_id OR OLD.course_id IS DISTINCT FROM NEW.course_id)
    EXECUTE FUNCTION keep_sequence();
"""


def upgrade() -> None:
    for part in (FEEDS, LEAVING, SEQUENCE):
        op.execute(part)


def downgrade() -> None:
    op.execute("DROP TRIGGER sections_keep_sequence ON sections")
    op.execute("DROP TRIGGER meetings_note_changed ON meetings")
    op.execute("DROP TRIGGER meetings_note_dropped ON meetings")
    op.execute("DROP TRIGGER sections_note_teachers_departure ON sections")
    op.execute("DROP TRIGGER enrollments_note_departures ON enrollments")
    op.execute(
        "DROP FUNCTION keep_sequence, note_dropped_meetings, note_teachers_departure,"
        " note_departures"
    )
    op.execute("ALTER TABLE sections DROP COLUMN sequence_base")
    op.execute("ALTER TABLE terms DROP COLUMN updated_at")
    op.execute("DROP TABLE dropped_meetings, feed_departures, calendar_feeds")

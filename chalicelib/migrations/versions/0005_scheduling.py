"""Terms with their periods, sections with their meetings, and who is enrolled.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

# Week 1 of a term is the ISO week of its first day; a meeting of week w is w - 1 weeks after the
# weekday of that week, so that dates are arithmetic. Element n of the arrays is period n, null
# where there is none: the times of a meeting are two subscripts, where a table would be two joins.
TERMS = """
CREATE TABLE terms (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT terms_pkey PRIMARY KEY,
    code text NOT NULL,
    name text NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    timezone text NOT NULL,
    first_monday date NOT NULL
        GENERATED ALWAYS AS (starts_on - extract(isodow FROM starts_on)::integer + 1)
        STORED,
    period_starts time[] NOT NULL DEFAULT '{}',
    period_ends time[] NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT terms_code_length_check CHECK (char_length(code) BETWEEN 1 AND 32),
    CONSTRAINT terms_name_length_check CHECK (char_length(name) BETWEEN 1 AND 128),
    CONSTRAINT terms_length_check CHECK (ends_on >= starts_on AND ends_on - starts_on <= 400),
    CONSTRAINT terms_periods_check CHECK (cardinality(period_starts) <= 99
                                          AND cardinality(period_starts) = cardinality(period_ends))
);
CREATE UNIQUE INDEX terms_code_key ON terms (lower(code));
CREATE INDEX terms_starts_on_idx ON terms (starts_on, id);
"""

# The counts on a section are what lists show; a trigger on the enrolments keeps them.
SECTIONS = """
CREATE TABLE sections (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT sections_pkey PRIMARY KEY,
    course_id bigint NOT NULL CONSTRAINT sections_course_id_fkey REFERENCES courses (id),
    term_id bigint NOT NULL CONSTRAINT sections_term_id_fkey REFERENCES terms (id),
    section_code text NOT NULL,
    teacher_id bigint CONSTRAINT sections_teacher_id_fkey REFERENCES users (id),
    capacity integer NOT NULL DEFAULT 50,
    status text NOT NULL DEFAULT 'draft',
    enrolled integer NOT NULL DEFAULT 0,
    waitlisted integer NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT sections_section_code_length_check
        CHECK (char_length(section_code) BETWEEN 1 AND 32),
    CONSTRAINT sections_capacity_range_check CHECK (capacity BETWEEN 0 AND 100000),
    CONSTRAINT sections_status_check CHECK (status IN ('draft', 'published', 'archived')),
    CONSTRAINT sections_counts_check CHECK (enrolled >= 0 AND waitlisted >= 0)
);
CREATE UNIQUE INDEX sections_code_key ON sections (course_id, term_id, lower(section_code));
CREATE INDEX sections_term_id_idx ON sections (term_id);
CREATE INDEX sections_teacher_id_idx ON sections (teacher_id);

CREATE TABLE meetings (
    section_id bigint NOT NULL CONSTRAINT meetings_section_id_fkey REFERENCES sections (id)
        ON DELETE CASCADE,
    number smallint NOT NULL,
    weekday smallint NOT NULL,
    first_period smallint NOT NULL,
    last_period smallint NOT NULL,
    weeks smallint[] NOT NULL,
    room text NOT NULL DEFAULT '',
    CONSTRAINT meetings_pkey PRIMARY KEY (section_id, number),
    CONSTRAINT meetings_weekday_check CHECK (weekday BETWEEN 1 AND 7),
    CONSTRAINT meetings_periods_check CHECK (first_period <= last_period),
    CONSTRAINT meetings_weeks_check
        CHECK (cardinality(weeks) BETWEEN 1 AND 60 AND 1 <= ALL (weeks) AND 60 >= ALL (weeks)),
    CONSTRAINT meetings_room_length_check CHECK (char_length(room) <= 64)
);
CREATE INDEX meetings_room_idx ON meetings (room) WHERE room <> '';
"""

# The id is the place in line: it is given out under the section's lock, and so rises with it.
ENROLLMENTS = """
CREATE TABLE enrollments (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT enrollments_pkey PRIMARY KEY,
    section_id bigint NOT NULL CONSTRAINT enrollments_section_id_fkey REFERENCES sections (id),
    user_id bigint NOT NULL CONSTRAINT enrollments_user_id_fkey REFERENCES users (id),
    status text NOT NULL,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT enrollments_section_id_user_id_key UNIQUE (section_id, user_id),
    CONSTRAINT enrollments_status_check CHECK (status IN ('enrolled', 'waitlisted'))
);
CREATE INDEX enrollments_line_idx ON enrollments (section_id, status, id);
CREATE INDEX enrollments_user_id_idx ON enrollments (user_id);

-- Both hold for whatever writes enrolments, one by one or a hundred thousand at once: a section's
-- counts are those of its rows, and nobody gets a seat that is not there.
CREATE FUNCTION count_seats() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER enrollments_count_new AFTER INSERT ON enrollments
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION count_seats();
CREATE TRIGGER enrollments_count_moved AFTER UPDATE ON enrollments
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION count_seats();
CREATE TRIGGER enrollments_count_gone AFTER DELETE ON enrollments
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION count_seats();
"""


def upgrade() -> None:
    for part in (TERMS, SECTIONS, ENROLLMENTS):
        op.execute(part)


def downgrade() -> None:
    op.execute("DROP TABLE enrollments, meetings, sections, terms")
    op.execute("DROP FUNCTION count_seats")

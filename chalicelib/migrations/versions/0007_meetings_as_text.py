"""Meetings as text and back in SQL, for files of thousands of sections.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

# Written by scheduling/meetings.py, too; a test holds the two against each other, and the reader
# against one of its own. Between text and rows meetings
# are a JSON array of [weekday, first_period, last_period, [weeks], room], in the order of the week.
PARSE = r"""
CREATE FUNCTION parse_meetings(said text, last_week integer, period_starts time[],
                               OUT meetings jsonb, OUT problem text)
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    part text;
    found text[];
    weekday integer;
    first_period integer;
    last_period integer;
    named text;
    weeks integer[];
    within boolean;
    room text;
    several jsonb[] = '{}';
BEGIN
    meetings = '[]';
    IF said !~ '\S' THEN
        RETURN;
    END IF;
    IF char_length(said) > 20000 OR cardinality(string_to_array(said, ';')) > 50 THEN
        problem = 'More than 50 meetings.';
        RETURN;
    END IF;
    FOREACH part IN ARRAY string_to_array(said, ';') LOOP
        found = regexp_match(part,
            '^\s*([0-9]{1,4})\s*[:]\s*([0-9]{1,4})\s*-\s*([0-9]{1,4})\s*[:]([^@]*)(@(.*))?$');
        IF found IS NULL THEN
            problem = concat('“', left(btrim(part), 80),
                             '” is not WEEKDAY:FIRST-LAST:WEEKS[@ROOM].');
            RETURN;
        END IF;
        weekday = found[1];
        first_period = found[2];
        last_period = found[3];
        named = lower(btrim(found[4], E' \t\r\n'));
        room = btrim(coalesce(found[6], ''), E' \t\r\n\u00a0\u3000');
        IF weekday NOT BETWEEN 1 AND 7 THEN
            problem = concat(weekday, ' is no weekday; they are 1 (Monday) to 7.');
        ELSIF first_period > last_period
              OR period_starts[first_period] IS NULL OR period_starts[last_period] IS NULL THEN
            problem = concat(first_period, '-', last_period, ' are no periods of this term.');
        ELSIF char_length(room) > 64 THEN
            problem = 'A room has at most 64 characters.';
        ELSIF room ~ '[\x01-\x1f\x7f-\x9f]' THEN
            problem = 'A room holds no control characters.';
        ELSIF named IN ('all', 'odd', 'even') AND (named <> 'even' OR last_week > 1) THEN
            weeks = ARRAY(SELECT generate_series(CASE named WHEN 'even' THEN 2 ELSE 1 END,
                                                 last_week,
                                                 CASE named WHEN 'all' THEN 1 ELSE 2 END));
        ELSIF named !~ '^[0-9]{1,4}\s*(-\s*[0-9]{1,4}\s*)?(,\s*[0-9]{1,4}\s*(-\s*[0-9]{1,4}\s*)?)*$'
        THEN
            problem = concat('“', left(named, 80), '” are no weeks, such as 1-8,10 or odd.');
        ELSE
            SELECT bool_and(1 <= bounds[1] AND bounds[1] <= bounds[2] AND bounds[2] <= last_week)
              INTO within
              FROM string_to_table(named, ',') piece
             CROSS JOIN LATERAL (SELECT ARRAY[split_part(piece, '-', 1)::integer,
                 coalesce(nullif(split_part(piece, '-', 2), ''), piece)::integer] AS bounds) ranges;
            IF within THEN
                weeks = ARRAY(
                    SELECT DISTINCT week
                      FROM string_to_table(named, ',') piece
                     CROSS JOIN LATERAL generate_series(split_part(piece, '-', 1)::integer,
                         coalesce(nullif(split_part(piece, '-', 2), ''), piece)::integer) week
                     ORDER BY week);
            ELSE
                problem = concat('Weeks are 1 to ', last_week, ' in this term.');
            END IF;
        END IF;
        IF problem IS NOT NULL THEN
            RETURN;
        END IF;
        several = several || jsonb_build_array(weekday, first_period, last_period, weeks, room);
    END LOOP;
    SELECT jsonb_agg(m ORDER BY (m->>0)::integer, (m->>1)::integer, (m->>2)::integer,
                                (m->>4) COLLATE "C",
                                ARRAY(SELECT w::integer FROM jsonb_array_elements_text(m->3) w))
      INTO meetings
      FROM unnest(several) m;
END $$;
"""

FORMAT = """
CREATE FUNCTION format_weeks(weeks integer[], last_week integer) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE weeks
        WHEN ARRAY(SELECT generate_series(1, last_week)) THEN 'all'
        WHEN ARRAY(SELECT generate_series(1, last_week, 2)) THEN 'odd'
        WHEN ARRAY(SELECT generate_series(2, last_week, 2)) THEN 'even'
        ELSE (SELECT string_agg(concat(first, CASE WHEN last > first THEN -last END), ','
                                ORDER BY first)
                FROM (SELECT min(week) AS first, max(week) AS last
                        FROM (SELECT week, week - row_number() OVER (ORDER BY week) AS run
                                FROM unnest(weeks) week) numbered
                       GROUP BY run) ranges)
    END;
CREATE FUNCTION meetings_in(meetings jsonb)
    RETURNS TABLE (number smallint, weekday smallint, first_period smallint, last_period smallint,
                   weeks smallint[], room text)
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT number::smallint, (m->>0)::smallint, (m->>1)::smallint, (m->>2)::smallint,
           ARRAY(SELECT w::smallint FROM jsonb_array_elements_text(m->3) w), m->>4
      FROM jsonb_array_elements(meetings) WITH ORDINALITY AS each (m, number);
END;
CREATE FUNCTION format_meetings(meetings jsonb, last_week integer) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(string_agg(
               concat(weekday, ':', first_period, '-', last_period, ':',
                      format_weeks(weeks::integer[], last_week), '@' || nullif(room, '')),
               ';' ORDER BY number), '')
      FROM meetings_in(meetings);
END;
"""


def upgrade() -> None:
    op.execute(PARSE)
    op.execute(FORMAT)


def downgrade() -> None:
    op.execute("DROP FUNCTION format_meetings, meetings_in, format_weeks, parse_meetings")

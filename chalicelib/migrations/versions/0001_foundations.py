"""People, courses, the outbox and kept answers; the application's role and its limits.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT users_pkey PRIMARY KEY,
    username text NOT NULL,
    email text NOT NULL,
    full_name text NOT NULL DEFAULT '',
    role text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    locale text NOT NULL DEFAULT 'en',
    password_hash text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT users_role_check CHECK (role IN ('student', 'teacher', 'registrar', 'manager')),
    CONSTRAINT users_locale_check CHECK (locale IN ('en', 'zh-CN')),
    CONSTRAINT users_username_length_check CHECK (char_length(username) BETWEEN 1 AND 150),
    CONSTRAINT users_email_length_check CHECK (char_length(email) BETWEEN 3 AND 254),
    CONSTRAINT users_full_name_length_check CHECK (char_length(full_name) <= 200)
);
CREATE UNIQUE INDEX users_username_key ON users (lower(username));
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

CREATE TABLE courses (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT courses_pkey PRIMARY KEY,
    code text NOT NULL,
    title text NOT NULL,
    description text NOT NULL DEFAULT '',
    credits numeric(4, 1) NOT NULL DEFAULT 3.0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT courses_code_length_check CHECK (char_length(code) BETWEEN 1 AND 32),
    CONSTRAINT courses_title_length_check CHECK (char_length(title) BETWEEN 1 AND 128),
    CONSTRAINT courses_description_length_check CHECK (char_length(description) <= 10000),
    CONSTRAINT courses_credits_range_check CHECK (credits BETWEEN 0 AND 999.9)
);
CREATE UNIQUE INDEX courses_code_key ON courses (lower(code));

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_pkey PRIMARY KEY,
    queue text NOT NULL,
    body jsonb NOT NULL,
    correlation_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0
);
CREATE INDEX outbox_claimed_until_idx ON outbox (claimed_until);

CREATE TABLE idempotency_keys (
    caller_id bigint NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status integer,
    headers jsonb,
    body text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (caller_id, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
"""

# The pooler refuses start-up options, so a role's limits are kept with the role.
ROLE = """
ALTER ROLE rollcall_app SET statement_timeout = '60s';
ALTER ROLE rollcall_app SET lock_timeout = '10s';
ALTER ROLE rollcall_app SET idle_in_transaction_session_timeout = '120s';
ALTER ROLE rollcall_app SET timezone = 'UTC';
GRANT USAGE ON SCHEMA public TO rollcall_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO rollcall_app;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM rollcall_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO rollcall_app;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(ROLE)


def downgrade() -> None:
    op.execute("DROP TABLE users, courses, outbox, idempotency_keys")

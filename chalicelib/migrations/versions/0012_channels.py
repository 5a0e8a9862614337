"""Outbound channels of a school, what is posted to them, and which announcements go where.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"

CHANNELS = """
CREATE TABLE channels (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT channels_pkey PRIMARY KEY,
    kind text NOT NULL,
    name text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    settings jsonb NOT NULL,
    secret bytea,
    key_id text,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT channels_kind_check CHECK (kind IN ('smtp', 'webhook', 'telegram')),
    CONSTRAINT channels_name_length_check CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT channels_sealed_check CHECK ((secret IS NULL) = (key_id IS NULL))
);
CREATE UNIQUE INDEX channels_name_key ON channels (lower(name));
"""

# One post for each channel and occasion, such as a version of an announcement.
POSTS = """
CREATE TABLE channel_posts (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT channel_posts_pkey PRIMARY KEY,
    channel_id bigint NOT NULL
        CONSTRAINT channel_posts_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    kind text NOT NULL,
    about bigint,
    occasion integer,
    state text NOT NULL DEFAULT 'queued',
    code text,
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    called_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT channel_posts_state_check
        CHECK (state IN ('queued', 'sent', 'skipped', 'failed')),
    CONSTRAINT channel_posts_ended_check CHECK ((state = 'queued') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX channel_posts_once_key
    ON channel_posts (channel_id, kind, about, occasion) WHERE occasion IS NOT NULL;
CREATE INDEX channel_posts_channel_id_idx ON channel_posts (channel_id, id);
CREATE INDEX channel_posts_due_at_idx ON channel_posts (due_at) WHERE state = 'queued';
CREATE INDEX channel_posts_about_idx ON channel_posts (about, kind);
CREATE INDEX channel_posts_created_at_idx ON channel_posts (created_at);
"""

ANNOUNCEMENTS = """
CREATE TABLE announcement_channels (
    announcement_id bigint NOT NULL
        CONSTRAINT announcement_channels_announcement_id_fkey REFERENCES announcements (id),
    channel_id bigint NOT NULL
        CONSTRAINT announcement_channels_channel_id_fkey
        REFERENCES channels (id) ON DELETE CASCADE,
    CONSTRAINT announcement_channels_pkey PRIMARY KEY (announcement_id, channel_id)
);
CREATE INDEX announcement_channels_channel_id_idx ON announcement_channels (channel_id);
"""


def upgrade() -> None:
    """Add them."""
    for statements in (CHANNELS, POSTS, ANNOUNCEMENTS):
        op.execute(statements)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP TABLE announcement_channels, channel_posts, channels")

"""Tables of outbound channels, and of what is to be posted to them or was.

What a post says is made when it is sent and kept nowhere; a channel's secret is kept sealed.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from chalicelib.core.metadata import metadata

channels = Table(
    "channels",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("settings", JSONB, nullable=False),
    Column("secret", LargeBinary),
    # Which key it is sealed with.
    Column("key_id", Text),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("kind IN ('smtp', 'webhook', 'telegram')", name="kind"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="name_length"),
    CheckConstraint("(secret IS NULL) = (key_id IS NULL)", name="sealed"),
)
Index("channels_name_key", func.lower(channels.c.name), unique=True)

channel_posts = Table(
    "channel_posts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column(
        "channel_id",
        BigInteger,
        ForeignKey("channels.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("kind", Text, nullable=False),
    # The id of what it is about, where its kind is about something.
    Column("about", BigInteger),
    # Where it must not be posted twice: which of the posts of its kind about the same it is.
    Column("occasion", Integer),
    Column("state", Text, nullable=False, server_default=text("'queued'")),
    # Why the last try failed, also while there are more to come.
    Column("code", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # From when on a worker may take it: after a claim, or the pause after a failure.
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # When a message was last sent for it.
    Column("called_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('queued', 'sent', 'skipped', 'failed')", name="state"),
    CheckConstraint("(state = 'queued') = (ended_at IS NULL)", name="ended"),
)
Index(
    "channel_posts_once_key",
    channel_posts.c.channel_id,
    channel_posts.c.kind,
    channel_posts.c.about,
    channel_posts.c.occasion,
    unique=True,
    postgresql_where=text("occasion IS NOT NULL"),
)
Index("channel_posts_channel_id_idx", channel_posts.c.channel_id, channel_posts.c.id)
Index(
    "channel_posts_due_at_idx",
    channel_posts.c.due_at,
    postgresql_where=text("state = 'queued'"),
)
Index("channel_posts_about_idx", channel_posts.c.about, channel_posts.c.kind)
Index("channel_posts_created_at_idx", channel_posts.c.created_at)

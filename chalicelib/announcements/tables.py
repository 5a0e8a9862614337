"""Tables of announcements: what is told, to whom, and what became of each delivery.

`delivery_events` and `announcement_seals` are only ever added to: triggers see to it (migration
0008).
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from chalicelib.core.metadata import metadata

announcements = Table(
    "announcements",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("publisher_id", BigInteger, ForeignKey("users.id"), nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("requires_ack", Boolean, nullable=False, server_default=text("true")),
    Column("audience", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("publish_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("published_at", DateTime(timezone=True)),
    Column("withdrawn_at", DateTime(timezone=True)),
    Column("version", Integer, nullable=False, server_default=text("1")),
    # The last version that asks everybody again.
    Column("asked_version", Integer, nullable=False, server_default=text("1")),
    Column("fanout_state", Text, nullable=False, server_default=text("'pending'")),
    # When the fan-out last went on.
    Column("fanout_at", DateTime(timezone=True)),
    # Nobody with a higher id is in the audience.
    Column("last_user_id", BigInteger),
    Column("frozen_at", DateTime(timezone=True)),
    Column("reminders", Integer, nullable=False, server_default=text("0")),
    Column("reminded_at", DateTime(timezone=True)),
    # How far a round of reminders has come, by user; null when it is over.
    Column("reminded_to", BigInteger),
    # Whether a round mails all whose mail is not off, or only those who get mails at once.
    Column("remind_all", Boolean, nullable=False, server_default=text("true")),
    Column("seals", Integer, nullable=False, server_default=text("0")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("char_length(title) BETWEEN 1 AND 200", name="title_length"),
    CheckConstraint("char_length(body) BETWEEN 1 AND 20000", name="body_length"),
    CheckConstraint("status IN ('scheduled', 'published', 'withdrawn')", name="status"),
    CheckConstraint("fanout_state IN ('pending', 'running', 'done')", name="fanout_state"),
    CheckConstraint(
        "status = 'withdrawn' OR (status = 'published') = (published_at IS NOT NULL)",
        name="published",
    ),
    CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn"),
)
Index("announcements_publisher_id_idx", announcements.c.publisher_id, announcements.c.id)
Index(
    "announcements_withdrawn_idx",
    announcements.c.id,
    postgresql_where=text("status = 'withdrawn'"),
)
Index(
    "announcements_due_idx",
    announcements.c.publish_at,
    postgresql_where=text("status = 'scheduled'"),
)
Index(
    "announcements_unfinished_idx",
    announcements.c.id,
    postgresql_where=text(
        "status = 'published' AND (fanout_state <> 'done' OR reminded_to IS NOT NULL)"
    ),
)

announcement_versions = Table(
    "announcement_versions",
    metadata,
    Column("announcement_id", BigInteger, ForeignKey("announcements.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("requires_ack", Boolean, nullable=False),
    Column("material", Boolean, nullable=False),
    Column("edited_by", BigInteger, ForeignKey("users.id"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

announcement_attachments = Table(
    "announcement_attachments",
    metadata,
    Column("announcement_id", BigInteger, ForeignKey("announcements.id"), primary_key=True),
    Column(
        "attachment_id",
        BigInteger,
        ForeignKey("course_attachments.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("number", SmallInteger, nullable=False),
)
Index("announcement_attachments_attachment_id_idx", announcement_attachments.c.attachment_id)

announcement_channels = Table(
    "announcement_channels",
    metadata,
    Column("announcement_id", BigInteger, ForeignKey("announcements.id"), primary_key=True),
    Column(
        "channel_id", BigInteger, ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True
    ),
)
Index("announcement_channels_channel_id_idx", announcement_channels.c.channel_id)

# The sections that were addressed, and how many had joined them when somebody last looked.
announcement_sections = Table(
    "announcement_sections",
    metadata,
    Column("announcement_id", BigInteger, ForeignKey("announcements.id"), primary_key=True),
    Column(
        "section_id", BigInteger, ForeignKey("sections.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("joins_seen", BigInteger, nullable=False),
)
Index("announcement_sections_section_id_idx", announcement_sections.c.section_id)

# The audience, frozen; each chunk is delivered in a transaction of its own.
fanout_chunks = Table(
    "fanout_chunks",
    metadata,
    Column("announcement_id", BigInteger, ForeignKey("announcements.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("user_ids", ARRAY(BigInteger), nullable=False),
    Column("size", Integer, nullable=False),
    Column("done_version", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("size = cardinality(user_ids)", name="size"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("announcement_id", BigInteger, ForeignKey("announcements.id"), nullable=False),
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False),
    # What the state is about.
    Column("version", Integer, nullable=False),
    Column("retry_count", Integer, nullable=False, server_default=text("0")),
    Column("delivered_at", DateTime(timezone=True)),
    Column("ack_at", DateTime(timezone=True)),
    Column("last_push_at", DateTime(timezone=True)),
    Column("state", Text, nullable=False, server_default=text("'queued'")),
    Column("mail", Text),
    CheckConstraint("state IN ('queued', 'delivered', 'acknowledged')", name="state"),
    CheckConstraint(
        "(state = 'queued') = (delivered_at IS NULL)"
        " AND (state = 'acknowledged') = (ack_at IS NOT NULL)",
        name="times",
    ),
    CheckConstraint("mail IN ('mailed', 'bounced')", name="mail"),
)
Index(
    "deliveries_announcement_id_user_id_key",
    deliveries.c.announcement_id,
    deliveries.c.user_id,
    unique=True,
    postgresql_include=["state", "version"],
)
Index("deliveries_inbox_idx", deliveries.c.user_id, deliveries.c.id)
Index(
    "deliveries_unread_idx",
    deliveries.c.user_id,
    deliveries.c.announcement_id,
    postgresql_where=text("state <> 'acknowledged'"),
)

# How often what one inbox shows has changed; and, on several rows, what all of them show.
inbox_changes = Table(
    "inbox_changes",
    metadata,
    Column(
        "user_id",
        BigInteger,
        ForeignKey("users.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("changes", BigInteger, nullable=False),
)
announcement_changes = Table(
    "announcement_changes",
    metadata,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("changes", BigInteger, nullable=False),
)

# An event is about one delivery, many, or (withdrawn) all.
delivery_events = Table(
    "delivery_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("announcement_id", BigInteger, ForeignKey("announcements.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("user_ids", ARRAY(BigInteger), nullable=False),
    Column("seal", Integer),
    CheckConstraint(
        "kind IN ('queued', 'mailed', 'bounced', 'shown', 'acknowledged', 'reminded', 'withdrawn')",
        name="kind",
    ),
)
Index(
    "delivery_events_sealed_idx",
    delivery_events.c.announcement_id,
    delivery_events.c.seal,
    delivery_events.c.id,
)
Index(
    "delivery_events_unsealed_idx",
    delivery_events.c.announcement_id,
    delivery_events.c.id,
    postgresql_where=text("seal IS NULL"),
)

announcement_seals = Table(
    "announcement_seals",
    metadata,
    Column("announcement_id", BigInteger, ForeignKey("announcements.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("previous", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("events", Integer, nullable=False),
    Column(
        "sealed_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("clock_timestamp()"),
    ),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
)

"""Tables of scheduling.

Triggers on enrollments keep the counts of their section, and refuse a seat beyond its capacity;
they are in migration 0005. Those that note what a calendar must be told is cancelled are in 0006.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    func,
    text,
)

from chalicelib.core.metadata import metadata

terms = Table(
    "terms",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("timezone", Text, nullable=False),
    # Of week 1, the ISO week of the first day.
    Column(
        "first_monday",
        Date,
        Computed("starts_on - extract(isodow FROM starts_on)::integer + 1"),
        nullable=False,
    ),
    # Element n is period n, in local time; null where there is none.
    Column("period_starts", ARRAY(Time), nullable=False, server_default=text("'{}'")),
    Column("period_ends", ARRAY(Time), nullable=False, server_default=text("'{}'")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("version", Integer, nullable=False, server_default=text("1")),
    CheckConstraint("char_length(code) BETWEEN 1 AND 32", name="code_length"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 128", name="name_length"),
    CheckConstraint("ends_on >= starts_on AND ends_on - starts_on <= 400", name="length"),
    CheckConstraint(
        "cardinality(period_starts) <= 99"
        " AND cardinality(period_starts) = cardinality(period_ends)",
        name="periods",
    ),
)
Index("terms_code_key", func.lower(terms.c.code), unique=True)
Index("terms_starts_on_idx", terms.c.starts_on, terms.c.id)

sections = Table(
    "sections",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("course_id", BigInteger, ForeignKey("courses.id"), nullable=False),
    Column("term_id", BigInteger, ForeignKey("terms.id"), nullable=False),
    Column("section_code", Text, nullable=False),
    Column("teacher_id", BigInteger, ForeignKey("users.id")),
    Column("capacity", Integer, nullable=False, server_default=text("50")),
    Column("status", Text, nullable=False, server_default=text("'draft'")),
    Column("enrolled", Integer, nullable=False, server_default=text("0")),
    Column("waitlisted", Integer, nullable=False, server_default=text("0")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("version", Integer, nullable=False, server_default=text("1")),
    # What the SEQUENCE of calendar events starts from; a trigger keeps it where a section moves.
    Column("sequence_base", Integer, nullable=False, server_default=text("0")),
    # How often somebody got a seat, ever; kept with the counts.
    Column("joins", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("char_length(section_code) BETWEEN 1 AND 32", name="section_code_length"),
    CheckConstraint("capacity BETWEEN 0 AND 100000", name="capacity_range"),
    CheckConstraint("status IN ('draft', 'published', 'archived')", name="status"),
    CheckConstraint("enrolled >= 0 AND waitlisted >= 0", name="counts"),
)
Index(
    "sections_code_key",
    sections.c.course_id,
    sections.c.term_id,
    func.lower(sections.c.section_code),
    unique=True,
)
Index("sections_term_id_idx", sections.c.term_id)
Index("sections_teacher_id_idx", sections.c.teacher_id)

# Weeks are those of the term, each once and rising.
meetings = Table(
    "meetings",
    metadata,
    Column(
        "section_id", BigInteger, ForeignKey("sections.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("weekday", SmallInteger, nullable=False),
    Column("first_period", SmallInteger, nullable=False),
    Column("last_period", SmallInteger, nullable=False),
    Column("weeks", ARRAY(SmallInteger), nullable=False),
    Column("room", Text, nullable=False, server_default=text("''")),
    CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday"),
    CheckConstraint("first_period <= last_period", name="periods"),
    CheckConstraint(
        "cardinality(weeks) BETWEEN 1 AND 60 AND 1 <= ALL (weeks) AND 60 >= ALL (weeks)",
        name="weeks",
    ),
    CheckConstraint("char_length(room) <= 64", name="room_length"),
)
Index("meetings_room_idx", meetings.c.room, postgresql_where=text("room <> ''"))

# The id is the place in line. Who withdraws has no row, and goes to the end when coming back.
enrollments = Table(
    "enrollments",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("section_id", BigInteger, ForeignKey("sections.id"), nullable=False),
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False),
    Column("status", Text, nullable=False),
    # Since when the status is what it is.
    Column("enrolled_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("section_id", "user_id"),
    CheckConstraint("status IN ('enrolled', 'waitlisted')", name="status"),
)
Index("enrollments_line_idx", enrollments.c.section_id, enrollments.c.status, enrollments.c.id)
Index("enrollments_user_id_idx", enrollments.c.user_id)

# The name is in the UIDs of the feed, and stays when the secret is rotated.
calendar_feeds = Table(
    "calendar_feeds",
    metadata,
    Column(
        "user_id",
        BigInteger,
        ForeignKey("users.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("name", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    Column("secret", Text, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("char_length(secret) = 43", name="secret_length"),
)

# Who has a feed and left a section, or teaches it no more: how often, and the last time.
feed_departures = Table(
    "feed_departures",
    metadata,
    Column(
        "user_id",
        BigInteger,
        ForeignKey("calendar_feeds.user_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column(
        "section_id", BigInteger, ForeignKey("sections.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("times", Integer, nullable=False, server_default=text("1")),
    Column("left_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("feed_departures_section_id_idx", feed_departures.c.section_id)
Index("feed_departures_left_at_idx", feed_departures.c.left_at)

# What published sections met like before a change of their meetings.
dropped_meetings = Table(
    "dropped_meetings",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("section_id", BigInteger, ForeignKey("sections.id", ondelete="CASCADE"), nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("weekday", SmallInteger, nullable=False),
    Column("first_period", SmallInteger, nullable=False),
    Column("last_period", SmallInteger, nullable=False),
    Column("weeks", ARRAY(SmallInteger), nullable=False),
    Column("room", Text, nullable=False),
    Column("dropped_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("dropped_meetings_section_id_idx", dropped_meetings.c.section_id)
Index("dropped_meetings_dropped_at_idx", dropped_meetings.c.dropped_at)

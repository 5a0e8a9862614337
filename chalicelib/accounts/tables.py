"""Tables of the people: users, their sessions, links to recover an account and to unsubscribe,
limits, preferences.

Triggers on users end the access of whoever is deactivated or gets another role, and keep a manager;
`require_session` is the function that every request's first statement calls. All in migration 0003.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)

from chalicelib.core.metadata import metadata

users = Table(
    "users",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("username", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("full_name", Text, nullable=False, server_default=text("''")),
    Column("role", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("locale", Text, nullable=False, server_default=text("'en'")),
    Column("password_hash", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("username_skeleton", Text, Computed("username_skeleton(username)"), nullable=False),
    Column("erased_at", DateTime(timezone=True)),
    CheckConstraint("username = canonical_username(username)", name="username_canonical"),
    CheckConstraint("role IN ('student', 'teacher', 'registrar', 'manager')", name="role"),
    CheckConstraint("locale IN ('en', 'zh-CN')", name="locale"),
    CheckConstraint("char_length(username) BETWEEN 1 AND 150", name="username_length"),
    CheckConstraint("char_length(email) BETWEEN 3 AND 254", name="email_length"),
    CheckConstraint("char_length(full_name) <= 200", name="full_name_length"),
)
Index("users_username_key", users.c.username, unique=True)
Index("users_username_skeleton_key", users.c.username_skeleton, unique=True)
Index("users_email_key", func.lower(users.c.email), unique=True)

sessions = Table(
    "sessions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    # What access tokens name; raised, it ends them while the session goes on.
    Column("access_version", Integer, nullable=False, server_default=text("1")),
    Column("ip", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("used_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
Index("sessions_user_id_idx", sessions.c.user_id)
Index("sessions_expires_at_idx", sessions.c.expires_at)

# Spent ones stay until they expire: one that comes again was stolen.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("session_id", BigInteger, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("spent_at", DateTime(timezone=True)),
)
Index("refresh_tokens_session_id_idx", refresh_tokens.c.session_id)
Index("refresh_tokens_expires_at_idx", refresh_tokens.c.expires_at)

recovery_tokens = Table(
    "recovery_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
Index("recovery_tokens_user_id_idx", recovery_tokens.c.user_id)
Index("recovery_tokens_expires_at_idx", recovery_tokens.c.expires_at)

# When somebody, or an address, last tried something that is limited; `subject` is a keyed digest.
attempts = Table(
    "attempts",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", LargeBinary, primary_key=True),
    Column("hits", ARRAY(DateTime(timezone=True)), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
Index("attempts_expires_at_idx", attempts.c.expires_at)

notification_preferences = Table(
    "notification_preferences",
    metadata,
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("mail", Text, nullable=False, server_default=text("'digest'")),
    Column("digest_hour", SmallInteger, nullable=False, server_default=text("18")),
    Column("timezone", Text, nullable=False, server_default=text("'UTC'")),
    CheckConstraint("mail IN ('immediate', 'digest', 'off')", name="mail"),
    CheckConstraint("digest_hour BETWEEN 0 AND 23", name="digest_hour"),
)

# What unsubscribes from mails without signing in; in every such mail.
unsubscribe_links = Table(
    "unsubscribe_links",
    metadata,
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("token", Text, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("char_length(token) = 43", name="token_length"),
)

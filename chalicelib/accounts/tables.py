"""Tables of the people."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
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
    CheckConstraint("role IN ('student', 'teacher', 'registrar', 'manager')", name="role"),
    CheckConstraint("locale IN ('en', 'zh-CN')", name="locale"),
    CheckConstraint("char_length(username) BETWEEN 1 AND 150", name="username_length"),
    CheckConstraint("char_length(email) BETWEEN 3 AND 254", name="email_length"),
    CheckConstraint("char_length(full_name) <= 200", name="full_name_length"),
)
Index("users_username_key", func.lower(users.c.username), unique=True)
Index("users_email_key", func.lower(users.c.email), unique=True)

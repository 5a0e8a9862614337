"""Tables of the catalogue."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    func,
    text,
)

from chalicelib.core.metadata import metadata

courses = Table(
    "courses",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=text("''")),
    Column("credits", Numeric(4, 1), nullable=False, server_default=text("3.0")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("version", Integer, nullable=False, server_default=text("1")),
    CheckConstraint("char_length(code) BETWEEN 1 AND 32", name="code_length"),
    CheckConstraint("char_length(title) BETWEEN 1 AND 128", name="title_length"),
    CheckConstraint("char_length(description) <= 10000", name="description_length"),
    CheckConstraint("credits BETWEEN 0 AND 999.9", name="credits_range"),
)
Index("courses_code_key", func.lower(courses.c.code), unique=True)

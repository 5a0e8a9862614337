"""Tables of mails to send and sent, how fast they leave, and the addresses that get none any more.

What a mail says is made when it is sent and kept nowhere.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Double,
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

from chalicelib.core.metadata import metadata

mails = Table(
    "mails",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE")),
    # What a stranger typed in, until it is worked on.
    Column("address", Text),
    # The id of what the mail is about, where its kind is about something.
    Column("about", BigInteger),
    # Where it must not be queued twice: which of the mails of its kind about the same it is.
    Column("occasion", Integer),
    # The fate that whoever keeps a ledger of it has taken over.
    Column("told", Text),
    Column("state", Text, nullable=False, server_default=text("'queued'")),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("claimed_until", DateTime(timezone=True)),
    Column("message_id", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint(
        "state IN ('queued', 'sent', 'skipped', 'failed', 'bounced', 'complained')", name="state"
    ),
    CheckConstraint("(state = 'queued') = (ended_at IS NULL)", name="ended"),
    CheckConstraint(
        "user_id IS NOT NULL OR address IS NOT NULL OR state <> 'queued'", name="recipient"
    ),
)
Index(
    "mails_once_key",
    mails.c.kind,
    mails.c.user_id,
    mails.c.about,
    mails.c.occasion,
    unique=True,
    postgresql_nulls_not_distinct=True,
    postgresql_where=text("occasion IS NOT NULL AND user_id IS NOT NULL"),
)
Index(
    "mails_untold_idx",
    mails.c.id,
    postgresql_where=text(
        "occasion IS NOT NULL AND about IS NOT NULL"
        " AND state IN ('sent', 'bounced', 'complained') AND told IS DISTINCT FROM state"
    ),
)
Index("mails_user_id_idx", mails.c.user_id)
Index("mails_message_id_idx", mails.c.message_id)
Index("mails_created_at_idx", mails.c.created_at)

mail_suppressions = Table(
    "mail_suppressions",
    metadata,
    Column("address", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("address = lower(address)", name="address"),
    CheckConstraint("reason IN ('bounce', 'complaint')", name="reason"),
)

# One row: the time between two mails as it is now, and when the next may leave.
mail_pace = Table(
    "mail_pace",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("gap_seconds", Double, nullable=False),
    Column("next_at", DateTime(timezone=True), nullable=False),
    # The first slot after SES last found it too fast.
    Column("slowed_from", DateTime(timezone=True)),
    CheckConstraint("id = 1", name="one_row"),
)

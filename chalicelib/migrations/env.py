"""Alembic's environment: straight to the database as its owner, never through the pooler.

Called by chalicelib.migrations.run only; there is no alembic.ini.
"""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["target_metadata"],
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()

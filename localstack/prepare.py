"""Bring the database up to date: `migrate` the schema, or load the `demo-school` into an empty one.

Runs as a process of its own, straight to Postgres as the owner named by DATABASE_URL; what the demo
school announces goes through the application's own services, and so by the settings.
"""

from __future__ import annotations

import importlib.util
import os
import sys

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool


def migrate(url: str) -> None:
    """Apply the migrations that are missing."""
    from chalicelib.migrations.run import upgrade

    engine = create_engine(_for_sqlalchemy(url), poolclass=NullPool)
    with engine.connect() as connection:
        print(f"schema at {upgrade(connection)}")


def load_demo_school(url: str) -> None:
    """Load the demo school if nobody is there yet."""
    if importlib.util.find_spec("demo_school") is None:
        return
    import demo_school

    engine = create_engine(_for_sqlalchemy(url), poolclass=NullPool)
    with engine.connect() as connection:
        is_empty = not connection.execute(text("SELECT EXISTS (SELECT FROM users)")).scalar_one()
    if is_empty:
        demo_school.load(url)
        print("demo school loaded")


def _for_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+pg8000://", 1)


if __name__ == "__main__":
    {"migrate": migrate, "demo-school": load_demo_school}[sys.argv[1]](os.environ["DATABASE_URL"])

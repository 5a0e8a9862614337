"""The API function: the Chalice application with the blueprint of every resource."""

from __future__ import annotations

from chalicelib.api import (
    announcement_attachments,
    announcements,
    attachments,
    audit,
    auth,
    budget,
    channels,
    courses,
    deliveries,
    description,
    enrollments,
    exports,
    health,
    imports,
    me,
    operations,
    privacy,
    queues,
    sections,
    stats,
    tasks,
    terms,
    timetable,
    unsubscribing,
    users,
)
from chalicelib.api.application import Application
from chalicelib.core import database, logs
from chalicelib.core.settings import get_settings
from chalicelib.integrations.database_login import database_login

logs.configure(get_settings().log_level)
database.set_credentials_provider(database_login)

RESOURCES = (
    announcement_attachments,
    announcements,
    attachments,
    audit,
    auth,
    budget,
    channels,
    courses,
    deliveries,
    description,
    enrollments,
    exports,
    health,
    imports,
    me,
    operations,
    privacy,
    queues,
    sections,
    stats,
    tasks,
    terms,
    timetable,
    unsubscribing,
    users,
)

app = Application()
for resource in RESOURCES:
    app.register_blueprint(resource.blueprint)

"""The API function: the Chalice application with the blueprint of every resource."""

from __future__ import annotations

from chalicelib.api import auth, courses, description, exports, health, imports, tasks
from chalicelib.api.application import Application
from chalicelib.core import logs
from chalicelib.core.settings import get_settings

logs.configure(get_settings().log_level)

app = Application()
for resource in (auth, courses, description, exports, health, imports, tasks):
    app.register_blueprint(resource.blueprint)

"""Plain Lambdas for queues and schedules; how each of their runs ends is written down."""

from __future__ import annotations

from chalicelib.core import jobs
from chalicelib.operations import runs

jobs.set_recorder(runs.record)

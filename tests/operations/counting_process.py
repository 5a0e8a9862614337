"""A process that counts: `counting_process.py REQUESTS` says when it is done and then waits."""

from __future__ import annotations

import sys
import time

from chalicelib.core import figures, pool_figures

requests = figures.Counter("probe_requests_total", "Requests of a test.", ("route",))
seconds = figures.Histogram("probe_seconds", "Seconds of a test.")

for _ in range(int(sys.argv[1])):
    requests.add(("/a",))
    requests.add(("/b",), 2.0)
    seconds.observe(0.02)
pool_figures.PoolWatch(3, 2).attach(pool_figures.WatchedPool(lambda: None))  # type: ignore[arg-type]
print("done", flush=True)
time.sleep(300)

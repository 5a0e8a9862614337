"""The HTTP front: granian's workers, each of which answers one request at a time, as Lambda does.

A request goes to the gateway, to the local routes or to the web app. granian's own WSGI wrapper is
left out: with its protocol object in hand a watchdog can answer 504 for a function that hangs, and
the worker is replaced, as API Gateway and Lambda would.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import deployment
import launch
from gateway import TIMEOUT_SECONDS, Answer, Gateway, GatewayTimeout, Request, read_request
from granian import Granian
from granian._granian import WSGIWorker
from granian._signals import set_sync_signals
from granian.constants import HTTPModes, Interfaces
from granian.server.common import WORKERS_METHODS
from granian.server.mp import WorkerProcess, _new_cbscheduler
from local_routes import PREFIX, LocalRoutes
from places import CHECKOUT
from ports import HOST
from website import Website

from chalicelib.core.errors import NotFound, RollcallError

log = logging.getLogger("localstack.front")

_API_PREFIXES = ("/api/", "/auth/", PREFIX)
_FLUSH_SECONDS = 0.3
_WORKERS = 2


class Front:
    """Answers the requests of one worker process."""

    def __init__(self, gateway: Gateway, local: LocalRoutes, website: Website) -> None:
        self._gateway = gateway
        self._local = local
        self._website = website
        # Protocol, deadline and origin of the request that a function works on.
        self._working_on: tuple[Any, float, str, str] | None = None
        threading.Thread(target=self._watch, daemon=True).start()

    def __call__(self, protocol: Any, scope: Mapping[str, Any]) -> int:
        """Answer a request of granian's; return the status."""
        request = read_request(scope)
        match = self._gateway.routes.find(request.path)
        if match is not None:
            request_id = str(uuid.uuid4())
            origin = request.headers.get("Origin", "")
            deadline = time.monotonic() + TIMEOUT_SECONDS
            self._working_on = (protocol, deadline, request_id, origin)
            status, headers, body = self._gateway.answer(match, request, request_id)
            if self._working_on is None:
                return GatewayTimeout.status
            self._working_on = None
        else:
            began = time.perf_counter()
            status, headers, body = self._without_function(request)
            self._log(request, status, began)
        protocol.response_bytes(status, headers, body)
        return status

    def _without_function(self, request: Request) -> Answer:
        origin = request.headers.get("Origin", "")
        try:
            if request.path.startswith(PREFIX):
                return self._local.answer(request)
            if not f"{request.path}/".startswith(_API_PREFIXES):
                found = self._website.answer(request.method, request.path, request.headers)
                if found is not None:
                    return found
            raise NotFound
        except RollcallError as error:
            return self._gateway.refusal(error, str(uuid.uuid4()), origin)
        except Exception:
            log.exception("front_failed")
            return self._gateway.refusal(RollcallError(), str(uuid.uuid4()), origin)

    def _log(self, request: Request, status: int, began: float) -> None:
        # The app logs what reaches it; queries stay out, since they may hold tokens.
        log.info(
            "request",
            extra={
                "method": request.method,
                "route": PREFIX if request.path.startswith(PREFIX) else "web",
                "status": status,
                "ms": round((time.perf_counter() - began) * 1000, 1),
            },
        )

    def _watch(self) -> None:
        while True:
            time.sleep(0.25)
            working_on = self._working_on
            if working_on is None or time.monotonic() < working_on[1]:
                continue
            protocol, _, request_id, origin = working_on
            self._working_on = None
            answer = self._gateway.refusal(GatewayTimeout(), request_id, origin)
            protocol.response_bytes(*answer)
            log.error("function_timed_out", extra={"request_id": request_id})
            time.sleep(_FLUSH_SECONDS)
            os._exit(1)


def load() -> Front:
    """Build what a worker process answers with."""
    launch.end_with_parent()
    from app import app
    from chalicelib.core.settings import get_settings

    settings = get_settings()
    deployed = deployment.read(Path(os.environ["ROLLCALL_STATE"]) / "deployment.json")
    return Front(
        Gateway(app, allowed_origins=settings.allowed_origins),
        LocalRoutes(deployed, settings.allowed_origins),
        Website(CHECKOUT / "web" / "dist", deployed.endpoint),
    )


@WorkerProcess.wrap_target
def _serve(
    worker_id: int,
    front: Callable[[Any, Mapping[str, Any]], int],
    sock: Any,
    ipc: Any,
    loop: Any,
    runtime_mode: Any,
    *options: Any,
) -> None:
    """Be a worker: granian's own WSGI worker, with the front in place of its wrapper."""
    (
        *threads_and_limits,
        _task_impl,
        http_mode,
        http1_settings,
        http2_settings,
        _websockets,
        static_path,
        _log_format,
        tls,
        _scope_options,
        metrics,
    ) = options
    stop = set_sync_signals()
    stopped = threading.Event()
    stop.add_cb(stopped.set)
    worker = WSGIWorker(
        worker_id,
        sock,
        ipc,
        *threads_and_limits,
        http_mode,
        http1_settings,
        http2_settings,
        static_path,
        *tls,
        metrics,
    )
    serve = getattr(worker, WORKERS_METHODS[runtime_mode][(sock[0] or sock[1]).is_uds()])
    serve(_new_cbscheduler(loop, front, impl_asyncio=True), loop, stop)
    stopped.wait()


def main() -> None:
    launch.end_with_parent()
    Granian(
        "front",
        address=HOST,
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        workers=_WORKERS,
        blocking_threads=1,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
        websockets=False,
        log_level="warning",
    ).serve(spawn_target=_serve, target_loader=load, wrap_loader=False)


if __name__ == "__main__":
    main()

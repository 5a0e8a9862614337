"""`/_local/*`: captured mails, queue depths, schedules at will; never in the deployed app.

Without a login, so only for this machine: a name that a stranger's DNS points at 127.0.0.1 is
refused, and so is a page of another origin.
"""

from __future__ import annotations

import html
import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import letterbox
import workers
from botocore.exceptions import BotoCoreError, ClientError
from deployment import Deployment
from gateway import Answer, Headers, Request
from invoker import InvocationFailed, Runtime
from resources import Cloud

from chalicelib.core.errors import Forbidden, MethodNotAllowed, NotFound, RollcallError, Unavailable

PREFIX = "/_local/"
_HOSTS = {"127.0.0.1", "localhost", "::1"}
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class LocalRoutes:
    """Answers requests below `/_local/`; errors are raised for the front to render."""

    def __init__(self, deployed: Deployment, allowed_origins: frozenset[str]) -> None:
        self._deployed = deployed
        self._cloud = Cloud(deployed.endpoint, deployed.credentials)
        self._allowed_origins = allowed_origins

    def answer(self, request: Request) -> Answer:
        """Answer a request.

        Raises:
            RollcallError: it is refused.
        """
        try:
            host = urlsplit(f"//{request.headers.get('Host', '')}").hostname
        except ValueError:
            host = None
        origin = request.headers.get("Origin")
        if host not in _HOSTS or (origin is not None and origin not in self._allowed_origins):
            raise Forbidden("Only pages of this machine may use this.")
        name, _, rest = request.path.removeprefix(PREFIX).strip("/").partition("/")
        routes: dict[tuple[str, bool], tuple[str, Callable[[str, Request], Answer]]] = {
            ("mail", False): ("GET", self._mails),
            ("mail", True): ("GET", self._mail),
            ("queues", False): ("GET", self._queues),
            ("schedules", True): ("POST", self._schedule),
        }
        found = routes.get((name, bool(rest)))
        if found is None:
            raise NotFound
        method, route = found
        if request.method != method:
            raise MethodNotAllowed
        try:
            return route(unquote(rest), request)
        except (ClientError, BotoCoreError, OSError) as error:
            raise Unavailable("The AWS endpoint does not answer.") from error

    def _mails(self, _: str, request: Request) -> Answer:
        wanted = parse_qs(request.query_string).get("to", [""])[0].lower()
        mails = [
            mail
            for mail in self._captured()
            if not wanted or any(wanted == address.lower() for address in mail["to"])
        ]
        return _json(200, {"items": mails})

    def _mail(self, number: str, _: Request) -> Answer:
        mails = self._captured()
        if not number.isdecimal() or len(number) > 9 or int(number) >= len(mails):
            raise NotFound
        mail = mails[int(number)]
        body = mail["html"] or f"<pre>{html.escape(mail['text'] or '')}</pre>"
        headers: Headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", _MAIL_POLICY),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return 200, headers, body.encode()

    def _captured(self) -> list[dict[str, Any]]:
        """Return what was sent, newest first; from another ministack as its own page has it."""
        if self._deployed.mails is not None:
            return letterbox.read(self._deployed.mails)
        url = f"{self._deployed.endpoint}/_ministack/ses/messages"
        with urllib.request.urlopen(url, timeout=5) as answer:
            accounts: dict[str, list[dict[str, Any]]] = json.load(answer)["messages"]
        messages = [message for sent in accounts.values() for message in sent]
        messages.sort(key=lambda message: float(message["Timestamp"]), reverse=True)
        return [_mail_of(message) for message in messages]

    def _queues(self, _: str, __: Request) -> Answer:
        items = []
        for queue, dead_letters in self._deployed.queues.items():
            depth = self._depth(queue)
            if dead_letters is not None:
                depth["dead_letters"] = self._depth(dead_letters)
            items.append({"name": queue, **depth})
        return _json(200, {"items": items})

    def _depth(self, name: str) -> dict[str, Any]:
        answer = self._cloud.client("sqs").get_queue_attributes(
            QueueUrl=self._cloud.queue_url(name), AttributeNames=["All"]
        )["Attributes"]
        return {
            "visible": int(answer["ApproximateNumberOfMessages"]),
            "in_flight": int(answer["ApproximateNumberOfMessagesNotVisible"]),
            "delayed": int(answer["ApproximateNumberOfMessagesDelayed"]),
        }

    def _schedule(self, job: str, _: Request) -> Answer:
        function = self._deployed.function(job)
        if function is None or not function.schedules:
            raise NotFound(f"There is no schedule {job}.")
        log = self._deployed.logs / f"{job}.log"
        try:
            runtime = Runtime(function, function.environment, log)
            try:
                result = runtime.invoke(workers.scheduled_event(function.schedules[0]))
            finally:
                runtime.end()
        except InvocationFailed as error:
            raise ScheduleFailed(f"{error}; see {log.name}.") from error
        return _json(200, {"schedule": job, "result": result})


class ScheduleFailed(RollcallError):
    status = 502
    code = "schedule_failed"
    title = "Schedule failed"


def _mail_of(message: dict[str, Any]) -> dict[str, Any]:
    headers = {
        "From": message["Source"],
        "To": ", ".join(message["To"]),
        "Cc": ", ".join(message["CC"]),
        "Subject": message["Subject"],
    }
    return {
        "to": message["To"],
        "cc": message["CC"],
        "from": message["Source"],
        "subject": message["Subject"],
        "text": message["BodyText"],
        "html": message["BodyHtml"],
        "headers": {name: value for name, value in headers.items() if value},
        "sent_at": _moment(float(message["Timestamp"])),
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(status: int, value: Any) -> Answer:
    headers: Headers = [
        ("Content-Type", "application/json"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return status, headers, json.dumps(value, ensure_ascii=False).encode()

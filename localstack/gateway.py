"""API Gateway in front of the Chalice app: an HTTP request becomes a REST proxy event and back.

Paths are matched over the app's own routes, a trailing slash is forgiven, and the limits are those
of AWS: 10 MB for a request, 6 MB for what a function takes and gives. What the gateway answers
itself looks like the app's own errors. docs/local-cloud.md lists where this differs from AWS.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from context import FunctionContext

from chalicelib.core.errors import MethodNotAllowed, NotFound, PayloadTooLarge, RollcallError

log = logging.getLogger(__name__)

REQUEST_LIMIT_BYTES = 10 * 1024 * 1024
PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024
TIMEOUT_SECONDS = 29.0
_DRAIN_CHUNKS = 10

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]


class BadGateway(RollcallError):
    status = 502
    code = "bad_gateway"
    title = "Bad gateway"
    detail = "The function gave no usable answer."


class GatewayTimeout(RollcallError):
    status = 504
    code = "gateway_timeout"
    title = "Gateway timeout"
    detail = "The function took longer than 29 seconds."


class Match(NamedTuple):
    """A path that the app knows: its pattern, what stands for the names in it, its methods."""

    pattern: str
    parameters: dict[str, str] | None
    methods: tuple[str, ...]


class Request(NamedTuple):
    """An HTTP request; `body` is None when it is above what the gateway takes."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes | None
    source_ip: str


class RouteTable:
    """Finds the pattern of a path; of several that fit, fixed parts win over names from the left,
    as in API Gateway.
    """

    def __init__(self, routes: Mapping[str, Iterable[str]]) -> None:
        self._fixed: dict[str, Match] = {}
        self._patterns: dict[int, list[tuple[list[str], str, tuple[str, ...]]]] = {}
        for pattern, methods in routes.items():
            parts = pattern.strip("/").split("/")
            if "{" in pattern:
                same_length = self._patterns.setdefault(len(parts), [])
                same_length.append((parts, pattern, tuple(methods)))
            else:
                self._fixed[pattern] = Match(pattern, None, tuple(methods))
        for same_length in self._patterns.values():
            same_length.sort(key=lambda entry: [part.startswith("{") for part in entry[0]])

    def find(self, path: str) -> Match | None:
        """Return the match of a path, with or without a trailing slash."""
        if len(path) > 1 and path.endswith("/"):
            path = path[:-1]
        if (fixed := self._fixed.get(path)) is not None:
            return fixed
        parts = path[1:].split("/")
        for pattern_parts, pattern, methods in self._patterns.get(len(parts), ()):
            parameters = {}
            for expected, part in zip(pattern_parts, parts, strict=True):
                if expected.startswith("{"):
                    if not part:
                        break
                    parameters[expected[1:-1]] = unquote(part)
                elif expected != part:
                    break
            else:
                return Match(pattern, parameters, methods)
        return None


class Gateway:
    """Calls a Chalice app as API Gateway does; `allowed_origins` get CORS headers on the
    gateway's own answers.
    """

    def __init__(self, app: Any, *, allowed_origins: Iterable[str] = ()) -> None:
        self.app = app
        self.routes = RouteTable(app.routes)
        self._allowed_origins = frozenset(allowed_origins)
        self._binary_types = frozenset(app.api.binary_types)
        self._clock = (0, "")
        self._function_name = f"{getattr(app, 'app_name', 'app')}-api"

    def handle(
        self,
        method: str,
        path: str,
        query_string: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        source_ip: str = "127.0.0.1",
    ) -> Answer:
        """Answer one request; `path` is as sent, percent-encoded."""
        request = Request(method, path, query_string, dict(headers or {}), body, source_ip)
        return self.answer(self.routes.find(path), request)

    def answer(self, match: Match | None, request: Request, request_id: str = "") -> Answer:
        """Answer a request whose route is found already; its headers may be changed by this."""
        request_id = request_id or str(uuid.uuid4())
        by_name = {name.lower(): value for name, value in request.headers.items()}
        origin = by_name.get("origin", "")
        if match is None:
            return self.refusal(NotFound(), request_id, origin)
        if request.method not in match.methods:
            refused = self.refusal(MethodNotAllowed(), request_id, origin)
            refused[1].append(("Allow", ", ".join(sorted(match.methods))))
            return refused
        if request.body is None or len(request.body) > PAYLOAD_LIMIT_BYTES:
            return self.refusal(PayloadTooLarge(), request_id, origin)
        event = self._event(match, request, by_name, request_id)
        context = FunctionContext(self._function_name, request_id, TIMEOUT_SECONDS)
        try:
            return self._http(self.app(event, context), by_name.get("accept", ""))
        except Exception:
            log.exception("function_failed", extra={"request_id": request_id})
            return self.refusal(BadGateway(), request_id, origin)

    def refusal(self, error: RollcallError, request_id: str, origin: str) -> Answer:
        """Return an answer of the gateway's own, in the shape of the app's errors."""
        body = {
            "type": f"/docs#error-{error.code}",
            "title": error.title,
            "status": error.status,
            "detail": error.shown_detail,
            "code": error.code,
            "request_id": request_id,
            "errors": [],
        }
        headers = [
            ("Content-Type", "application/problem+json"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Request-Id", request_id),
            *self._cors(origin),
        ]
        return error.status, headers, json.dumps(body).encode()

    def _cors(self, origin: str) -> Headers:
        if origin not in self._allowed_origins:
            return [("Vary", "Origin")]
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", "Allow, X-Request-Id"),
            ("Vary", "Origin"),
        ]

    def _event(
        self, match: Match, request: Request, by_name: dict[str, str], request_id: str
    ) -> dict[str, Any]:
        method, path, query_string, headers, body, source_ip = request
        forwarded = by_name.get("x-forwarded-for")
        if forwarded is not None:
            for name in [n for n in headers if n.lower() == "x-forwarded-for"]:
                del headers[name]
        headers["X-Forwarded-For"] = f"{forwarded}, {source_ip}" if forwarded else source_ip
        headers.setdefault("X-Forwarded-Proto", "http")
        single, multiple = _query(query_string) if query_string else (None, None)
        text: str | None = None
        is_binary = False
        if body:
            is_binary = self._is_binary(by_name.get("content-type", ""))
            try:
                text = b64encode(body).decode() if is_binary else body.decode()
            except UnicodeDecodeError:
                # AWS would put U+FFFD for what is no UTF-8: the app shall see it and refuse it.
                is_binary, text = True, b64encode(body).decode()
        now = time.time()
        return {
            "resource": match.pattern,
            "path": path,
            "httpMethod": method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": single,
            "multiValueQueryStringParameters": multiple,
            "pathParameters": match.parameters,
            "stageVariables": None,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "domainName": by_name.get("host", ""),
                "httpMethod": method,
                "identity": {"sourceIp": source_ip, "userAgent": by_name.get("user-agent")},
                "path": path,
                "protocol": "HTTP/1.1",
                "requestId": request_id,
                "requestTime": self._request_time(int(now)),
                "requestTimeEpoch": int(now * 1000),
                "resourceId": "local",
                "resourcePath": match.pattern,
                "stage": "local",
            },
            "body": text,
            "isBase64Encoded": is_binary,
        }

    def _request_time(self, now: int) -> str:
        if self._clock[0] != now:
            self._clock = (now, time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)))
        return self._clock[1]

    def _is_binary(self, media_type: str) -> bool:
        media_type = media_type.split(",", 1)[0].split(";", 1)[0].strip().lower()
        return media_type in self._binary_types or "*/*" in self._binary_types

    def _http(self, answer: Any, accept: str) -> Answer:
        """Turn a proxy answer into HTTP.

        Raises:
            ValueError, TypeError, KeyError, Base64Error: the answer is not what a proxy may give.
        """
        status = int(answer["statusCode"])
        text = answer.get("body")
        if text is None:
            text = ""
        if not isinstance(text, str):
            raise TypeError("the body of an answer is not a string")
        if _too_large(text, answer):
            raise ValueError("the answer is above 6 MB")
        headers: Headers = []
        repeated = answer.get("multiValueHeaders") or {}
        for name, value in (answer.get("headers") or {}).items():
            if name not in repeated:
                headers.append((name, _header_text(value)))
        for name, values in repeated.items():
            headers.extend((name, _header_text(value)) for value in values)
        if not any(name.lower() == "content-type" for name, _ in headers) and status != 204:
            headers.append(("Content-Type", "application/json"))
        if answer.get("isBase64Encoded") and self._is_binary(accept):
            try:
                return status, headers, b64decode(text, validate=True)
            except Base64Error as error:
                raise ValueError("the body of an answer is not base64") from error
        return status, headers, text.encode()


def _query(query_string: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    multiple: dict[str, list[str]] = {}
    for name, value in parse_qsl(query_string, keep_blank_values=True):
        multiple.setdefault(name, []).append(value)
    return {name: values[-1] for name, values in multiple.items()}, multiple


def _too_large(text: str, answer: Any) -> bool:
    # The exact size costs a second serialisation: only where the text could be near the limit.
    if len(text) * 6 < PAYLOAD_LIMIT_BYTES:
        return False
    return len(json.dumps(answer, ensure_ascii=False).encode()) > PAYLOAD_LIMIT_BYTES


def _header_text(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "\r" in text or "\n" in text:
        raise ValueError("a header value holds a line break")
    return text


StartResponse = Callable[[str, Headers], Any]
_SAFE_IN_PATH = "/:@!$&'()*+,;=-._~"
_header_names: dict[str, str] = {}


def read_request(environ: Mapping[str, Any]) -> Request:
    """Read a request from a WSGI environment."""
    headers = {}
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            headers[_header_names.get(key) or _header_name(key)] = value
    for key, name in (("CONTENT_TYPE", "Content-Type"), ("CONTENT_LENGTH", "Content-Length")):
        if value := environ.get(key):
            headers[name] = value
    return Request(
        environ["REQUEST_METHOD"],
        _as_sent(environ.get("PATH_INFO") or "/"),
        environ.get("QUERY_STRING", ""),
        headers,
        _body(environ, headers),
        environ.get("REMOTE_ADDR", "127.0.0.1"),
    )


def _as_sent(path: str) -> str:
    # WSGI gives a path decoded, its bytes as Latin-1; API Gateway hands it on as it was sent.
    return quote(path.encode("latin-1"), safe=_SAFE_IN_PATH)


def _header_name(key: str) -> str:
    name = key[5:].replace("_", "-").title()
    if len(_header_names) < 1000:
        _header_names[key] = name
    return name


def _body(environ: Mapping[str, Any], headers: dict[str, str]) -> bytes | None:
    length = headers.get("Content-Length")
    if length is None and "Transfer-Encoding" not in headers:
        return b""
    stream = environ["wsgi.input"]
    body: bytes = stream.read(REQUEST_LIMIT_BYTES + 1)
    if len(body) <= REQUEST_LIMIT_BYTES:
        return body
    # A client that still sends does not read: take some more, so that it sees the refusal.
    for _ in range(_DRAIN_CHUNKS):
        if not stream.read(REQUEST_LIMIT_BYTES):
            break
    return None


def wsgi(gateway: Gateway) -> Callable[[Mapping[str, Any], StartResponse], list[bytes]]:
    """Return the gateway as a WSGI application."""

    def application(environ: Mapping[str, Any], start_response: StartResponse) -> list[bytes]:
        request = read_request(environ)
        status, headers, body = gateway.answer(gateway.routes.find(request.path), request)
        start_response(f"{status} {_REASONS.get(status, '-')}", headers)
        return [body]

    return application


_REASONS = {status.value: status.phrase for status in HTTPStatus}

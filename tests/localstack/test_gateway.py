"""The gateway: events as API Gateway makes them, its limits, and its own answers."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from chalice.app import Chalice, Response
from gateway import PAYLOAD_LIMIT_BYTES, Gateway, RouteTable, wsgi

ORIGIN = "https://school.example"


@pytest.fixture
def app() -> Chalice:
    app = Chalice("school", configure_logs=False)
    app.api.binary_types.append("text/csv")

    def seen() -> Response:
        request = app.current_request
        assert request is not None
        event = {k: v for k, v in request._event_dict.items() if k != "requestContext"}
        body = json.dumps(
            {
                "event": event,
                "route": request.path,
                "ip": request.context["identity"]["sourceIp"],
                "left_ms": request.lambda_context.get_remaining_time_in_millis(),
                "request_id": [request.context["requestId"], app.lambda_context.aws_request_id],
            }
        )
        return Response(body, headers={"Content-Type": "application/json"})

    @app.route("/things", methods=["GET", "POST"], content_types=["application/json", "text/csv"])
    def things() -> Response:
        return seen()

    @app.route("/things/{thing_id}", methods=["GET"])
    def thing(thing_id: str) -> Response:
        del thing_id
        return seen()

    @app.route("/things/special", methods=["GET"])
    def special() -> Response:
        return seen()

    @app.route("/picture", methods=["GET"])
    def picture() -> Response:
        return Response(b"\x89PNG\x00", headers={"Content-Type": "image/png"})

    @app.route("/cookies", methods=["GET"])
    def cookies() -> Response:
        return Response("", status_code=204, headers={"Set-Cookie": ["a=1", "b=2"]})

    return app


@pytest.fixture
def gateway(app: Chalice) -> Gateway:
    return Gateway(app, allowed_origins=[ORIGIN])


def seen(answer: tuple[int, list[tuple[str, str]], bytes]) -> dict[str, Any]:
    assert answer[0] == 200, answer
    found: dict[str, Any] = json.loads(answer[2])
    return found


class Lambda:
    """A function in place of the app, to give answers that Chalice would not."""

    def __init__(self, app: Chalice, answer: Any) -> None:
        self.routes, self.api, self._answer = app.routes, app.api, answer

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_a_request_arrives_as_a_rest_proxy_event(gateway: Gateway) -> None:
    found = seen(
        gateway.handle(
            "GET",
            "/things/caf%C3%A9",
            "q=a%20b&q=c&empty=",
            {"Host": "school.example", "X-Forwarded-For": "10.1.1.1", "Accept": "*/*"},
            source_ip="10.0.0.9",
        )
    )
    event = found["event"]
    assert event["resource"] == "/things/{thing_id}"
    assert event["path"] == "/things/caf%C3%A9"
    assert event["pathParameters"] == {"thing_id": "café"}
    assert event["queryStringParameters"] == {"q": "c", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"q": ["a b", "c"], "empty": [""]}
    assert event["headers"]["X-Forwarded-For"] == "10.1.1.1, 10.0.0.9"
    assert event["multiValueHeaders"]["Host"] == ["school.example"]
    assert (event["body"], event["isBase64Encoded"]) == (None, False)
    assert found["ip"] == "10.0.0.9"
    assert 28_000 < found["left_ms"] <= 29_000
    assert found["request_id"][0] == found["request_id"][1]


def test_without_a_query_the_parameters_are_null(gateway: Gateway) -> None:
    event = seen(gateway.handle("GET", "/things"))["event"]
    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None
    assert event["pathParameters"] is None


def test_a_trailing_slash_is_forgiven_and_handed_on(gateway: Gateway) -> None:
    found = seen(gateway.handle("GET", "/things/"))
    assert found["route"] == "/things"
    assert found["event"]["path"] == "/things/"


def test_a_fixed_part_wins_over_a_name(gateway: Gateway) -> None:
    assert seen(gateway.handle("GET", "/things/special"))["route"] == "/things/special"


def test_text_stays_text_and_binary_types_arrive_as_base64(gateway: Gateway) -> None:
    json_body = '{"a":"ü"}'.encode()
    text = gateway.handle("POST", "/things", "", {"Content-Type": "application/json"}, json_body)
    assert seen(text)["event"]["body"] == '{"a":"ü"}'
    csv = "code\nä".encode("utf-16")
    binary = gateway.handle("POST", "/things", "", {"content-type": "text/csv; x=y"}, csv)
    event = seen(binary)["event"]
    assert event["isBase64Encoded"]
    assert base64.b64decode(event["body"]) == csv


def test_a_binary_answer_needs_an_accept_that_names_it(gateway: Gateway) -> None:
    status, headers, body = gateway.handle("GET", "/picture", "", {"Accept": "image/png"})
    assert (status, body) == (200, b"\x89PNG\x00")
    assert ("Content-Type", "image/png") in headers
    assert gateway.handle("GET", "/picture", "", {"Accept": "text/html"})[0] == 400


def test_every_value_of_a_repeated_header_goes_out(gateway: Gateway) -> None:
    _, headers, _ = gateway.handle("GET", "/cookies")
    assert [value for name, value in headers if name == "Set-Cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/things/1/2", 404, "not_found"),
        ("GET", "//things", 404, "not_found"),
        ("GET", "/things//", 404, "not_found"),
        ("DELETE", "/things", 405, "method_not_allowed"),
    ],
)
def test_the_gateways_own_answers_are_problems_with_cors(
    gateway: Gateway, method: str, path: str, status: int, code: str
) -> None:
    answered, headers, body = gateway.handle(method, path, "", {"origin": ORIGIN})
    problem = json.loads(body)
    sent = dict(headers)
    assert (answered, problem["status"], problem["code"]) == (status, status, code)
    assert sent["Content-Type"] == "application/problem+json"
    assert sent["Access-Control-Allow-Origin"] == ORIGIN
    assert sent["X-Content-Type-Options"] == "nosniff"
    assert sent["X-Request-Id"] == problem["request_id"]
    assert sent.get("Allow") == ("GET, POST" if status == 405 else None)


def test_another_origin_gets_no_cors_header(gateway: Gateway) -> None:
    _, headers, _ = gateway.handle("GET", "/nothing", "", {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in dict(headers)
    assert dict(headers)["Vary"] == "Origin"


def test_a_body_above_six_megabytes_is_413(gateway: Gateway) -> None:
    headers = {"Content-Type": "text/csv"}
    fits = gateway.handle("POST", "/things", "", headers, b"x" * PAYLOAD_LIMIT_BYTES)
    above = gateway.handle("POST", "/things", "", headers, b"x" * (PAYLOAD_LIMIT_BYTES + 1))
    assert fits[0] != 413
    assert (above[0], json.loads(above[2])["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"body": "no status"},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "x" * (PAYLOAD_LIMIT_BYTES + 1)},
        {"statusCode": 200, "body": "ok", "headers": {"X": "split\r\nSet-Cookie: a=1"}},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
        RuntimeError("the secret is hunter2"),
    ],
    ids=["none", "no-status", "no-text", "too-large", "split-header", "no-base64", "raised"],
)
def test_an_unusable_answer_is_502_and_tells_nothing(app: Chalice, answer: Any) -> None:
    gateway = Gateway(Lambda(app, answer))
    status, _, body = gateway.handle("GET", "/things", "", {"Accept": "image/png"})
    assert (status, json.loads(body)["code"]) == (502, "bad_gateway")
    assert b"hunter2" not in body


def test_routes_of_one_length_match_from_the_left() -> None:
    table = RouteTable({"/a/{x}/c": ["GET"], "/{y}/b/c": ["GET"], "/": ["GET"]})
    first, second, root = table.find("/a/b/c"), table.find("/z/b/c"), table.find("/")
    assert first is not None
    assert second is not None
    assert root is not None
    assert (first.pattern, first.parameters) == ("/a/{x}/c", {"x": "b"})
    assert (second.pattern, second.parameters) == ("/{y}/b/c", {"y": "z"})
    assert root.pattern == "/"
    assert table.find("/a//c") is None


class _Body:
    def __init__(self, content: bytes) -> None:
        self.rest = content

    def read(self, size: int) -> bytes:
        chunk, self.rest = self.rest[:size], self.rest[size:]
        return chunk


def test_the_wsgi_application_gives_the_path_back_as_it_was_sent(gateway: Gateway) -> None:
    started: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/things/café %2F".encode().decode("latin-1"),
        "QUERY_STRING": "a=1",
        "HTTP_ACCEPT_LANGUAGE": "zh",
        "HTTP_HOST": "localhost:8000",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": _Body(b""),
    }
    (body,) = wsgi(gateway)(environ, lambda status, headers: started.append((status, headers)))
    event = json.loads(body)["event"]
    assert started[0][0] == "200 OK"
    assert event["path"] == "/things/caf%C3%A9%20%252F"
    assert event["pathParameters"] == {"thing_id": "café %2F"}
    assert event["headers"]["Accept-Language"] == "zh"


def test_a_body_above_ten_megabytes_is_read_off_and_refused(gateway: Gateway) -> None:
    started: list[Any] = []
    stream = _Body(b"x" * 30_000_000)
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/things",
        "CONTENT_LENGTH": "30000000",
        "wsgi.input": stream,
    }
    wsgi(gateway)(environ, lambda status, headers: started.append(status))
    assert started[0].startswith("413 ")
    assert stream.rest == b""

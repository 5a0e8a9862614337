"""The front: what goes where, the web app's files, and the answer for a function that hangs."""

from __future__ import annotations

import gzip
import json
import threading
import time
from pathlib import Path
from typing import Any

import front
import pytest
from chalice.app import Chalice, Response
from deployment import Deployment
from gateway import Gateway
from local_routes import LocalRoutes
from website import Website

PAGE = "<!doctype html><title>Rollcall</title>" + " " * 600


class Protocol:
    """Takes the first answer, as granian's protocol object does."""

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.answer: tuple[int, dict[str, str], bytes] = (0, {}, b"")

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        if not self.answered.is_set():
            self.answer = (status, dict(headers), body)
            self.answered.set()


class _NoBody:
    def read(self, size: int) -> bytes:
        del size
        return b""


def scope(path: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": _NoBody(),
        **{
            f"HTTP_{name.upper()}": value
            for name, value in {"host": "localhost", **headers}.items()
        },
    }


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text(PAGE)
    (dist / "assets" / "app-1a2b.js").write_text("let x = 1;\n" * 200)
    (tmp_path / "secret.txt").write_text("not for the web")
    return dist


@pytest.fixture
def served(dist: Path, tmp_path: Path) -> front.Front:
    app = Chalice("school", configure_logs=False)

    @app.route("/api/quick", methods=["GET"])
    def quick() -> Response:
        return Response("{}", headers={"Content-Type": "application/json"})

    @app.route("/calendar/{file}", methods=["GET"])
    def calendar(file: str) -> Response:
        return Response(file, headers={"Content-Type": "text/calendar"})

    @app.route("/unsubscribe/{token}", methods=["GET", "POST"])
    def unsubscribe(token: str) -> Response:
        return Response(token, headers={"Content-Type": "text/html"})

    @app.route("/api/slow", methods=["GET"])
    def slow() -> Response:
        time.sleep(1.5)
        return Response("late")

    deployed = Deployment(
        "http://127.0.0.1:9",
        {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-central-1",
        },
        (),
        {"imports": None},
        tmp_path,
    )
    return front.Front(
        Gateway(app),
        LocalRoutes(deployed, frozenset()),
        Website(dist, "http://127.0.0.1:4566"),
    )


def ask(
    served: front.Front, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    protocol = Protocol()
    served(protocol, scope(path, method, **headers))
    assert protocol.answered.is_set()
    return protocol.answer


@pytest.mark.parametrize("path", ["/", "/courses", "/courses/12/edit", "/index.html"])
def test_a_page_gets_the_start_page_uncached(served: front.Front, path: str) -> None:
    status, headers, body = ask(served, path)
    assert (status, body.decode()) == (200, PAGE)
    assert headers["Cache-Control"] == "no-cache"
    assert "connect-src 'self' http://127.0.0.1:4566" in headers["Content-Security-Policy"]


def test_a_hashed_file_lasts_and_is_compressed_for_who_takes_it(served: front.Front) -> None:
    plain = ask(served, "/assets/app-1a2b.js")
    status, headers, body = ask(served, "/assets/app-1a2b.js", accept_encoding="br, gzip")
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert "immutable" in headers["Cache-Control"]
    assert gzip.decompress(body) == plain[2]
    assert len(body) < len(plain[2])
    assert ask(served, "/assets/app-1a2b.js", if_none_match=headers["ETag"])[0] == 304
    assert ask(served, "/assets/app-1a2b.js", "HEAD")[2] == b""


def test_a_rebuilt_file_is_served_anew(served: front.Front, dist: Path) -> None:
    ask(served, "/")
    (dist / "index.html").write_text("new")
    assert ask(served, "/")[2] == b"new"


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/missing.js", "GET"),
        ("/api/nothing", "GET"),
        ("/api", "GET"),
        ("/auth/nothing", "GET"),
        ("/courses", "POST"),
        ("/../secret.txt", "GET"),
        ("/assets/../../secret.txt", "GET"),
        ("/secret.txt\0.js", "GET"),
        ("/_local/nothing", "GET"),
    ],
)
def test_what_is_not_there_is_a_problem(served: front.Front, path: str, method: str) -> None:
    status, headers, body = ask(served, path, method)
    assert (status, json.loads(body)["code"]) == (404, "not_found")
    assert headers["Content-Type"] == "application/problem+json"


def test_a_route_of_the_app_goes_to_the_app(served: front.Front) -> None:
    assert ask(served, "/api/quick/")[2] == b"{}"


def test_a_feed_is_no_file_of_the_web_app(served: front.Front, dist: Path) -> None:
    (dist / "calendar").mkdir()
    (dist / "calendar" / "x.ics").write_text("a file")
    assert ask(served, "/calendar/x.ics")[2] == b"x.ics"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_ends_mails_is_no_page_of_the_web_app(served: front.Front, method: str) -> None:
    assert ask(served, "/unsubscribe/x", method)[2] == b"x"


def test_without_a_build_the_page_says_what_to_do(served: front.Front, dist: Path) -> None:
    (dist / "index.html").unlink()
    status, _, body = ask(served, "/courses")
    assert status == 503
    assert b"make setup" in body


def test_local_routes_say_when_the_endpoint_is_away(served: front.Front) -> None:
    status, _, body = ask(served, "/_local/mail")
    assert (status, json.loads(body)["code"]) == (503, "unavailable")


def test_a_function_that_hangs_is_504_and_its_worker_is_replaced(
    monkeypatch: pytest.MonkeyPatch, served: front.Front
) -> None:
    exits: list[int] = []
    exited = threading.Event()

    def exit_process(code: int) -> None:
        exits.append(code)
        exited.set()

    monkeypatch.setattr(front, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr("front.os._exit", exit_process)
    protocol = Protocol()
    began = time.monotonic()
    thread = threading.Thread(target=served, args=(protocol, scope("/api/slow")))
    thread.start()
    assert protocol.answered.wait(1.2)
    assert time.monotonic() - began < 1.2
    status, headers, body = protocol.answer
    assert (status, json.loads(body)["code"]) == (504, "gateway_timeout")
    assert json.loads(body)["request_id"] == headers["X-Request-Id"]
    assert exited.wait(2)
    thread.join()
    assert exits == [1]
    assert protocol.answer[0] == 504

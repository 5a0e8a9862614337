"""The web app in a real browser, on a local cloud of its own with the demo school in it.

The stack is started once on free ports with its data in a temporary place. Tests share it, so each
makes courses under codes of its own. A page that breaks the content security policy, throws, or
logs an unexpected error fails its test.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, expect

CHECKOUT = Path(__file__).resolve().parents[2]
PASSWORD = "Rollcall-Demo-2026"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_ANY_FREE = {
    "ROLLCALL_PORT": "0",
    "POOLER_PORT": "0",
    "POSTGRES_PORT": "0",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:0",
}
_VIOLATIONS = "axe.run({resultTypes: ['violations']}).then((found) => found.violations)"


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running local cloud; ROLLCALL_UI_URL names one that runs already."""
    if given := os.environ.get("ROLLCALL_UI_URL"):
        yield given
        return
    state = tmp_path_factory.mktemp("local-cloud")
    environment = {**os.environ, **_ANY_FREE, "ROLLCALL_STATE": str(state)}

    def local_cloud(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(CHECKOUT / "localstack"), command],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )

    try:
        started = local_cloud("start")
        assert started.returncode == 0, started.stdout
        lines = shlex.split((state / "env").read_text())
        yield dict(line.split("=", 1) for line in lines)["ROLLCALL_URL"]
    finally:
        local_cloud("reset")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's own Chromium: the version that Playwright would download is not needed."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    assert found, "No Chromium: apt-get install chromium, or name one in the variable CHROMIUM."
    return {**browser_type_launch_args, "executable_path": found, "args": _ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "locale": "en-GB", "viewport": {"width": 1280, "height": 860}}


@pytest.fixture
def allowed_statuses() -> set[int]:
    """Statuses of refusals that the test is about: the browser logs each as an error."""
    return set()


@pytest.fixture
def page(page: Page, allowed_statuses: set[int]) -> Iterator[Page]:
    """A page that has to stay free of errors of its own."""
    troubles: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        allowed = any(f"status of {status}" in message.text for status in allowed_statuses)
        if message.type in {"error", "warning"} and not allowed:
            troubles.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.set_default_timeout(15_000)
    yield page
    assert troubles == []


SignIn = Callable[..., None]


def sign_in_on(page: Page, name: str, path: str = "/", password: str = PASSWORD) -> None:
    """Sign in by the form and wait for the page behind it."""
    page.goto(path)
    page.get_by_label("Username or e-mail").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#content")).to_be_visible()


@pytest.fixture
def sign_in(page: Page) -> SignIn:
    return functools.partial(sign_in_on, page)


class Person:
    """Somebody over HTTP: for what a test needs to be there, and for what happens meanwhile."""

    def __init__(self, base_url: str, name: str, password: str = PASSWORD) -> None:
        self.name = name
        self.password = password
        self._base_url = base_url
        self._session = requests.Session()
        self._sign_in()

    def close(self) -> None:
        self._session.close()

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        url = self._base_url + path
        answer = self._session.request(method, url, timeout=30, **arguments)
        if answer.status_code == 401:
            self._sign_in()
            answer = self._session.request(method, url, timeout=30, **arguments)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _sign_in(self) -> None:
        login = {"username": self.name, "password": self.password}
        answer = self._session.post(f"{self._base_url}/auth/login", json=login, timeout=30)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


class Registrar(Person):
    """rosa, who keeps the catalogue."""

    def add_course(self, code: str, title: str, **rest: Any) -> dict[str, Any]:
        added: dict[str, Any] = self.call(
            "POST", "/api/courses", json={"code": code, "title": title, **rest}
        )
        return added

    def change_course(self, course_id: int, **fields: Any) -> None:
        self.call("PATCH", f"/api/courses/{course_id}", json=fields)

    def find_courses(self, q: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", "/api/courses", params={"q": q})["items"]
        return found


class Manager(Person):
    """amara, who keeps the users."""

    def find_user(self, username: str) -> dict[str, Any] | None:
        items = self.call("GET", "/api/users", params={"q": username})["items"]
        return next((user for user in items if user["username"] == username), None)

    def change_user(self, username: str, **fields: Any) -> None:
        user = self.find_user(username)
        assert user is not None
        self.call("PATCH", f"/api/users/{user['id']}", json=fields)


@pytest.fixture(scope="session")
def registrar(base_url: str) -> Iterator[Registrar]:
    with contextlib.closing(Registrar(base_url, "rosa")) as rosa:
        yield rosa


@pytest.fixture(scope="session")
def manager(base_url: str) -> Iterator[Manager]:
    with contextlib.closing(Manager(base_url, "amara")) as amara:
        yield amara


@pytest.fixture
def student(base_url: str, code: str) -> Iterator[Person]:
    """A student of this test's own, whose account it may change."""
    name = code.lower()
    account = {"username": name, "email": f"{name}@rollcall.example", "password": PASSWORD}
    answer = requests.post(f"{base_url}/auth/register", json=account, timeout=30)
    answer.raise_for_status()
    with contextlib.closing(Person(base_url, name)) as student:
        yield student


@pytest.fixture
def code() -> str:
    """A course code, or the beginning of several, that no other test has."""
    # Digits only: letters would look like English on a page in Chinese.
    return f"T{uuid.uuid4().int % 10**12:012}"


CheckAccessible = Callable[[], None]


@pytest.fixture
def check_accessible(page: Page) -> CheckAccessible:
    """Check that axe finds nothing and that nothing sticks out sideways."""

    def check() -> None:
        # A page keeps it until it is left; to read it in anew costs as much as what it does.
        if not page.evaluate("'axe' in window"):
            page.evaluate(Axe().axe_script)
        violations = page.evaluate(_VIOLATIONS)
        found = [
            f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
            for violation in violations
            for node in violation["nodes"]
        ]
        assert found == []
        overhang = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overhang == 0

    return check

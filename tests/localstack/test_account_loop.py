"""A person's whole way, from outside, on a local cloud: register, sign in, change the password,
forget both name and password, come back by mail; and no log line that tells any of it.
"""

from __future__ import annotations

import re
import time
from typing import Any

import requests

from tests.localstack.cloud import Cloud, wait_for

FIRST, SECOND, THIRD = (f"{word}-Fjord-2026-secret" for word in ("Amber", "Birch", "Cedar"))
NAME, ADDRESS = "wilhelmina", "wilhelmina@new.example"


class Person:
    """Somebody with a browser."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.secrets: list[str] = []

    def call(self, method: str, path: str, bearer: str = "", **body: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        url = f"{self.cloud.url}{path}"
        answer = requests.request(
            method, url, json=body or None, headers=headers, timeout=30, allow_redirects=False
        )
        assert answer.status_code < 500, answer.text
        return answer

    def login(self, password: str, name: str = NAME) -> dict[str, str]:
        answer = self.call("POST", "/auth/login", username=name, password=password)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, str] = answer.json()
        self.secrets += [tokens["access_token"], tokens["refresh_token"]]
        return tokens

    def status_of(self, tokens: dict[str, str]) -> int:
        return self.call("GET", "/auth/me", tokens["access_token"]).status_code

    def mail(self, subject: str) -> dict[str, Any]:
        """Wait for the newest mail with that in its subject."""
        found: list[dict[str, Any]] = []

        def has_arrived() -> bool:
            mails = self.call("GET", f"/_local/mail?to={ADDRESS}").json()["items"]
            found[:] = [mail for mail in mails if subject in mail["subject"]]
            return bool(found)

        wait_for(has_arrived, 30)
        self.secrets += [line for line in found[0]["text"].splitlines() if len(line) > 40]
        return found[0]


def test_the_whole_loop_and_no_secret_in_any_log(cloud: Cloud) -> None:
    person = Person(cloud)
    person.secrets += [FIRST, SECOND, THIRD, "A-wrong-guess-2026"]
    registered = person.call(
        "POST", "/auth/register", username="Wilhelmina", email=ADDRESS, password=FIRST
    )
    assert (registered.status_code, registered.json()["role"]) == (201, "student")

    first, elsewhere = person.login(FIRST), person.login(FIRST, ADDRESS)
    me = person.call("GET", "/auth/me", first["access_token"]).json()
    assert (me["username"], me["email"]) == (NAME, ADDRESS)
    wrong = person.call("POST", "/auth/login", username=NAME, password="A-wrong-guess-2026")
    assert wrong.json()["code"] == "invalid_credentials"

    changed = person.call(
        "POST",
        "/auth/change-password",
        first["access_token"],
        current_password=FIRST,
        new_password=SECOND,
    )
    assert changed.status_code == 204
    assert (person.status_of(first), person.status_of(elsewhere)) == (200, 401)
    person.mail("password was changed")

    asked = person.call("POST", "/auth/forgot-username", email=ADDRESS.upper())
    unknown = person.call("POST", "/auth/forgot-username", email="nobody@new.example")
    assert (asked.status_code, asked.text) == (202, unknown.text)
    assert NAME in person.mail("username")["text"]

    assert person.call("POST", "/auth/forgot-password", email=ADDRESS).status_code == 202
    mail = person.mail("new password")
    assert mail["to"] == [ADDRESS]
    link = re.search(r"(\S+)/reset-password\?token=(\S+)", mail["text"])
    assert link is not None
    assert link[1] == cloud.url
    person.secrets.append(link[2])
    reset = {"token": link[2], "new_password": THIRD}
    assert person.call("POST", "/auth/reset-password", **reset).status_code == 204
    again = person.call("POST", "/auth/reset-password", **reset)
    assert (again.status_code, again.json()["code"]) == (400, "invalid_token")

    assert person.status_of(first) == 401
    refresh = person.call("POST", "/auth/refresh", refresh_token=first["refresh_token"])
    assert refresh.status_code == 401
    old = person.call("POST", "/auth/login", username=NAME, password=SECOND)
    assert old.status_code == 401
    last = person.login(THIRD)
    assert person.status_of(last) == 200
    refreshed = person.call("POST", "/auth/refresh", refresh_token=last["refresh_token"]).json()
    person.secrets += [refreshed["access_token"], refreshed["refresh_token"]]
    out = person.call("POST", "/auth/logout", refresh_token=refreshed["refresh_token"])
    assert out.status_code == 204
    assert person.status_of(refreshed) == 401

    time.sleep(1)
    written = "".join(
        log.read_text("utf-8", "replace") for log in sorted((cloud.state / "logs").iterdir())
    )
    assert "authn_login_fail_max" not in written
    assert '"route": "/auth/reset-password"' in written
    assert len(person.secrets) > 15
    assert [secret for secret in person.secrets if secret in written] == []

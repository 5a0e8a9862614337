"""The main job, unattended and from outside: what `make demo` runs against a stack that is up.

Speaks HTTP only, as browsers would. A registrar: form, upload, import, the same file again, export
and back in; then an announcement to every student, which one acknowledges. Each step asserts what
it shows, is timed, and the first that fails ends the run.
"""

from __future__ import annotations

import csv
import io
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from places import here, read_json

PASSWORD = "Rollcall-Demo-2026"
TASK_TIMEOUT_SECONDS = 300
FANOUT_TIMEOUT_SECONDS = 60
_BOM = "\ufeff"


class StepFailed(Exception):
    """A step did not show what it should."""


def catalogue(rows: int = 2_000) -> bytes:
    """Return a made-up catalogue as CSV: two languages, quotes, line breaks, formula-like cells."""
    pick = random.Random(2026).choice
    subjects = ["Algebra", "有机化学", "Thermodynamics", "中国近代史", "Linear Models", "操作系统"]
    notes = [
        "",
        'with "labs", weekly',
        "第一学期\n第二学期",
        "=SUM(A1:A9)",
        "-see handbook-",
        "选修",
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["code", "title", "description", "credits"])
    for number in range(rows):
        credits = pick(["1.0", "2.0", "3.0", "4.0"])
        writer.writerow([f"DEMO{number:05}", f"{pick(subjects)} {number}", pick(notes), credits])
    return (_BOM + text.getvalue()).encode()


class Demo:
    """One run against the stack at `base_url`."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.web = requests.Session()
        self.steps: list[tuple[str, str, float]] = []

    def step(self, name: str, work: Callable[[], str]) -> None:
        """Run one step, print what it showed and how long it took."""
        started = time.perf_counter()
        shown = work()
        seconds = time.perf_counter() - started
        self.steps.append((name, shown, seconds))
        print(f"  {name:<34} {seconds:8.3f} s   {shown}", flush=True)

    def call(self, method: str, path: str, *, expected: int, **arguments: Any) -> Any:
        """Call the API and return its JSON; any other status than `expected` fails the step."""
        answer = self.web.request(
            method, self.base_url + path, timeout=30, allow_redirects=False, **arguments
        )
        if answer.status_code != expected:
            raise StepFailed(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json() if answer.content else answer

    def sign_in(self, username: str) -> str:
        answer = self.call(
            "POST",
            "/auth/login",
            expected=200,
            json={"username": username, "password": PASSWORD},
        )
        self.web.headers["Authorization"] = f"Bearer {answer['access_token']}"
        me = self.call("GET", "/auth/me", expected=200)
        return f"{me['username']} is {me['role']}"

    def finished(self, task_id: str) -> dict[str, Any]:
        """Wait for a task and return it; one that failed fails the step."""
        deadline = time.monotonic() + TASK_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            task: dict[str, Any] = self.call("GET", f"/api/tasks/{task_id}", expected=200)
            if task["state"] == "SUCCESS":
                return task
            if task["state"] == "FAILURE":
                raise StepFailed(f"task {task_id} failed: {task['error']}")
            time.sleep(0.1)
        raise StepFailed(f"task {task_id} did not end in {TASK_TIMEOUT_SECONDS} s")

    def imported(self, content: bytes, mode: str = "apply") -> dict[str, Any]:
        """Upload a file through a presigned form and return the result of its import."""
        form = self.call(
            "POST",
            "/api/imports/courses",
            expected=201,
            json={"filename": "catalogue.csv", "mode": mode},
        )
        answer = requests.post(
            form["upload"]["url"],
            data=form["upload"]["fields"],
            files={"file": ("catalogue.csv", content, "text/csv")},
            timeout=300,
        )
        if answer.status_code not in (200, 201, 204):
            raise StepFailed(f"the form answered {answer.status_code}: {answer.text[:300]}")
        task = self.finished(form["task_id"])
        result: dict[str, Any] = task["result"]
        counted = sum(result[name] for name in ("created", "updated", "unchanged", "failed"))
        if counted != result["total"]:
            raise StepFailed(f"{counted} outcomes for {result['total']} rows")
        self.last_task = task
        return result

    def exported(self, kind: str, filters: dict[str, Any]) -> bytes:
        """Export and return the file."""
        started = self.call("POST", f"/api/exports/{kind}", expected=202, json=filters)
        self.finished(started["task_id"])
        return self.downloaded(started["task_id"], "download")

    def fanned_out(self, announcement_id: int) -> dict[str, Any]:
        """Wait until everybody has a delivery and return the figures."""
        deadline = time.monotonic() + FANOUT_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            stats: dict[str, Any] = self.call(
                "GET", f"/api/announcements/{announcement_id}/stats", expected=200
            )
            if stats["fanout"]["state"] == "done":
                return stats
            time.sleep(0.05)
        raise StepFailed(f"the fan-out did not end in {FANOUT_TIMEOUT_SECONDS} s")

    def downloaded(self, task_id: str, what: str) -> bytes:
        """Follow a task's download link, without our token, as a browser would."""
        answer = self.call("GET", f"/api/tasks/{task_id}/{what}", expected=302)
        content = requests.get(answer.headers["Location"], timeout=300)
        content.raise_for_status()
        return content.content


def counts(result: dict[str, Any]) -> str:
    """Return the outcome counts of an import as one line."""
    names = ("total", "created", "updated", "unchanged", "failed")
    return ", ".join(f"{result[name]} {name}" for name in names)


def csv_rows(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a file that Rollcall wrote."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def run(base_url: str, path: str | None = None) -> int:
    """Run every step; return the exit status: 0, or 1 when a step failed."""
    content = Path(path).read_bytes() if path else catalogue()
    demo = Demo(base_url)
    print(f"\nRollcall demo against {base_url}, {path or 'a made-up catalogue'}\n")
    try:
        _catalogue_steps(demo, content)
        _announcement_steps(demo)
    except (StepFailed, requests.RequestException) as error:
        print(f"\n  FAILED: {error}\n", file=sys.stderr)
        return 1
    print(f"\n  {len(demo.steps)} steps, {sum(s for _, _, s in demo.steps):.3f} s\n")
    return 0


def _catalogue_steps(demo: Demo, content: bytes) -> None:
    exported = b""

    def import_once() -> str:
        return counts(demo.imported(content))

    def error_report() -> str:
        if not demo.last_task["result"]["error_report"]:
            return "no row was refused"
        rows = csv_rows(demo.downloaded(demo.last_task["id"], "errors"))
        refused = {row["line"] for row in rows if row["severity"] == "error"}
        if len(refused) != demo.last_task["result"]["failed"]:
            raise StepFailed(f"{len(refused)} refused rows in the report")
        reasons = sorted({row["error_code"] for row in rows})
        return f"{len(refused)} refused rows: {', '.join(reasons)}"

    def import_again() -> str:
        result = demo.imported(content)
        if result["created"] or result["updated"]:
            raise StepFailed(f"the second import changed something: {counts(result)}")
        return counts(result)

    def export() -> str:
        nonlocal exported
        exported = demo.exported("courses", {})
        return f"{len(exported):,} bytes"

    def plan_export() -> str:
        result = demo.imported(exported, mode="plan")
        if result["unchanged"] != result["total"]:
            raise StepFailed(f"the export would change something: {counts(result)}")
        return counts(result)

    def student_reads() -> str:
        demo.sign_in("chloe")
        page = demo.call("GET", "/api/courses?limit=3", expected=200)
        demo.call("POST", "/api/courses", expected=403, json={"code": "X", "title": "X"})
        return ", ".join(course["code"] for course in page["items"]) + "; may not write"

    demo.step("a registrar signs in", lambda: demo.sign_in("rosa"))
    demo.step("a catalogue goes in", import_once)
    demo.step("its error report", error_report)
    demo.step("the same file again", import_again)
    demo.step("the catalogue comes out", export)
    demo.step("the export would change nothing", plan_export)
    demo.step("a student reads it", student_reads)


def _announcement_steps(demo: Demo) -> None:
    announcement: dict[str, Any] = {}
    delivery: dict[str, Any] = {}
    audience = 0

    def unread() -> int:
        return int(demo.call("GET", "/api/unread_count", expected=200)["unread"])

    def announce() -> str:
        nonlocal announcement
        demo.sign_in("rosa")
        wanted = {"title": "Rehearsal 演习", "body": "Please say that you have **read** this."}
        asked = time.perf_counter()
        announcement = demo.call("POST", "/api/announcements", expected=201, json=wanted)
        answered = time.perf_counter() - asked
        kind, status = announcement["audience"]["kind"], announcement["status"]
        return f"to {kind}, {status}; answered in {answered * 1000:.0f} ms"

    def arrive() -> str:
        nonlocal audience
        stats = demo.fanned_out(announcement["id"])
        expected = demo.call("POST", "/api/announcements/preview", expected=200, json={})
        audience = stats["audience"]
        if not audience or not audience == stats["fanout"]["done"] == expected["audience"]:
            raise StepFailed(f"{expected['audience']} students, but {stats}")
        return f"{audience} deliveries"

    def find() -> str:
        nonlocal delivery
        demo.sign_in("chloe")
        delivery = demo.call("GET", "/api/deliveries?limit=1", expected=200)["items"][0]
        if delivery["announcement"]["id"] != announcement["id"]:
            raise StepFailed(f"the newest is {delivery['announcement']['title']}")
        state = demo.call("POST", f"/api/deliveries/{delivery['id']}/delivered", expected=200)
        return f"{delivery['state']}, now {state['state']}; {unread()} unread"

    def acknowledge() -> str:
        before = unread()
        state = demo.call("POST", f"/api/deliveries/{delivery['id']}/ack", expected=200)["state"]
        if (state, unread()) != ("acknowledged", before - 1):
            raise StepFailed(f"{state}, {unread()} unread after {before}")
        return f"{state}; {before - 1} unread"

    def look() -> str:
        demo.sign_in("rosa")
        stats = demo.call("GET", f"/api/announcements/{announcement['id']}/stats", expected=200)
        if stats["acknowledged"] != 1:
            raise StepFailed(f"not one acknowledgement: {stats}")
        return f"1 of {audience}, rate {stats['ack_rate']}"

    def list_others() -> str:
        rows = csv_rows(demo.exported("unacknowledged", {"announcement": announcement["id"]}))
        if len(rows) != audience - 1 or any(row["username"] == "chloe" for row in rows):
            raise StepFailed(f"{len(rows)} rows")
        return f"{len(rows)} rows"

    demo.step("every student is told something", announce)
    demo.step("it has come to all of them", arrive)
    demo.step("a student finds it in the inbox", find)
    demo.step("and acknowledges it", acknowledge)
    demo.step("which the registrar sees", look)
    demo.step("a file has all the others", list_others)


if __name__ == "__main__":
    running = read_json(here().status_file)
    if not running:
        sys.exit("error: the local cloud is not running: `make start`")
    port = running["ports"]["web"]
    sys.exit(run(f"http://127.0.0.1:{port}", sys.argv[1] if len(sys.argv) > 1 else None))

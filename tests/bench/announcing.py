"""Announcements to a large school: the fan-out beside one bare INSERT of the same deliveries, and
what readers cost at a million of them.
"""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tests.bench.bulk import Registrar
from tests.bench.http import Asked, Sent
from tests.bench.stack import Stack

_BOUND = 1.5
_LINEAR = 1.3
_POST_SECONDS = 0.1
_TRANSACTION_SECONDS = 2.0
_ANSWER_SECONDS = 0.1
_INBOX = 50
_READERS = 40

_TO_ALL = {"title": "Bench", "body": "To *all* students."}
_ADD_STUDENTS = text(
    """
    INSERT INTO users (username, email, full_name, role)
    SELECT 'bench' || n, 'bench' || n || '@rollcall.example', 'Bench Student ' || n, 'student'
      FROM generate_series((SELECT count(*) FROM users WHERE role = 'student') + 1, :count) n
    """
)
_ADD_FLOOR = text(
    """
    INSERT INTO announcements (publisher_id, title, body, html, audience, status, publish_at)
    SELECT id, 'Floor', 'Floor', 'Floor', '{}', 'scheduled', now() + interval '1 year'
      FROM users WHERE username = 'rosa'
    RETURNING id
    """
)
_FLOOR = text(
    """
    INSERT INTO deliveries (announcement_id, user_id, version)
    SELECT :id, id, 1 FROM users WHERE role = 'student' AND active
    """
)
_FANOUT = text(
    "SELECT fanout_state, extract(epoch FROM fanout_at) FROM announcements WHERE id = :id"
)
_LONGEST = text(
    """
    SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)
      FROM pg_stat_activity WHERE usename = 'rollcall_app' AND state <> 'idle'
    """
)
# Each of them has the last announcement, and these besides.
_FILL_INBOXES = text(
    """
    INSERT INTO deliveries (announcement_id, user_id, version)
    SELECT announcements.id, users.id, 1 FROM announcements CROSS JOIN users
     WHERE title = 'Another' AND username = ANY(CAST(:readers AS text[])) ORDER BY 1, 2
    """
)
_ADD_OTHERS = text(
    """
    INSERT INTO announcements
           (publisher_id, title, body, html, audience, status, published_at, fanout_state)
    SELECT id, 'Another', 'No *class* on Friday.', '<p>No <em>class</em> on Friday.</p>',
           '{"kind": "all_students"}', 'published', now(), 'done'
      FROM users CROSS JOIN generate_series(2, :inbox) WHERE username = 'rosa'
    """
)
_MARK_UNREAD = text(
    """
    UPDATE deliveries SET state = 'queued', delivered_at = NULL, ack_at = NULL
     WHERE state <> 'queued'
    """
)
_OF_READERS = text(
    """
    SELECT username, deliveries.id FROM deliveries JOIN users ON users.id = user_id
     WHERE username = ANY(CAST(:readers AS text[])) ORDER BY deliveries.id
    """
)


class Office:
    """Rosa's session, and the owner's look at the database, straight to the server."""

    def __init__(self, stack: Stack) -> None:
        url = stack.addresses["DATABASE_URL"].replace("postgresql://", "postgresql+pg8000://", 1)
        self._engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self.stack = stack
        self.owner = self._engine.connect()
        self.rosa = Registrar(stack)

    def enrol(self, students: int) -> None:
        """Have that many students, without any announcement."""
        self.owner.execute(_ADD_STUDENTS, {"count": students})
        self.owner.execute(text("VACUUM ANALYZE users"))

    def start_over(self) -> None:
        """Have no delivery."""
        self.owner.execute(text("TRUNCATE deliveries, delivery_events"))

    def floor(self) -> float:
        """Return the seconds of one bare statement that delivers to all students."""
        self.start_over()
        announcement_id = self.owner.execute(_ADD_FLOOR).scalar_one()
        started = time.perf_counter()
        self.owner.execute(_FLOOR, {"id": announcement_id})
        return time.perf_counter() - started

    def announce(self) -> tuple[float, float]:
        """Announce to all students; return the seconds of the POST, and from its start to the end
        of the fan-out.
        """
        started = time.time()
        announcement = self.rosa.call("POST", "/api/announcements", json=_TO_ALL)
        posted = time.time() - started
        while (done_at := self.fanned_out_at(announcement["id"])) is None:
            # Rare enough to cost the fan-out next to nothing.
            time.sleep(0.2)
        return posted, done_at - started

    def fanned_out_at(self, announcement_id: int) -> float | None:
        """Return when a fan-out was done, None while it is not."""
        state, at = self.owner.execute(_FANOUT, {"id": announcement_id}).one()
        return float(at) if state == "done" else None

    def close(self) -> None:
        self.owner.close()
        self._engine.dispose()


class LongestTransaction:
    """Samples how long the application's transactions have been open while its block runs."""

    def __init__(self, stack: Stack, interval_seconds: float = 0.02) -> None:
        self.seconds = 0.0
        self._office = Office(stack)
        self._interval_seconds = interval_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> LongestTransaction:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._office.close()

    def _sample(self) -> None:
        while not self._ended.wait(self._interval_seconds):
            longest = self._office.owner.execute(_LONGEST).scalar_one()
            self.seconds = max(self.seconds, float(longest))


def measure(stack: Stack, students: int, rounds: int) -> dict[str, Any]:
    """Return the figures of fan-outs to all students, medians over rounds: seconds from POST to
    done, of the POST alone, and of the bare statement; and the longest transaction of all.
    """
    office = Office(stack)
    office.enrol(students)
    seconds: dict[str, list[float]] = {"floor": [], "post": [], "done": []}
    with LongestTransaction(stack) as longest:
        for _ in range(rounds):
            seconds["floor"].append(office.floor())
            office.start_over()
            posted, done = office.announce()
            seconds["post"].append(posted)
            seconds["done"].append(done)
    office.close()
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "name": f"fan-out to {students:,}",
        "students": students,
        "seconds": medians["done"],
        "floor_seconds": medians["floor"],
        "ratio": medians["done"] / medians["floor"],
        "bound": _BOUND,
        "post_seconds": medians["post"],
        "longest_transaction_seconds": longest.seconds,
    }


def compared(small: dict[str, Any], large: dict[str, Any]) -> dict[str, Any]:
    """Return how the seconds a student of two measures compare: one, where it is linear."""
    small_seconds = small["seconds"] * large["students"] / small["students"]
    return {
        "name": f"the same, a student, beside {small['students']:,}",
        "seconds": large["seconds"],
        "floor_seconds": small_seconds,
        "ratio": large["seconds"] / small_seconds,
        "bound": _LINEAR,
    }


def bounded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return of measures what may only take so long: the POST, and each transaction."""
    return [
        {"name": f"{row['name']}: {what}", "seconds": row[key], "bound": bound}
        for row in rows
        for what, key, bound in (
            ("POST", "post_seconds", _POST_SECONDS),
            ("longest transaction", "longest_transaction_seconds", _TRANSACTION_SECONDS),
        )
        if key in row
    ]


def meanwhile(stack: Stack) -> list[dict[str, Any]]:
    """Return the seconds in which readers are answered while an announcement goes out to all: the
    median, and what 95 of 100 stay below.
    """
    office = Office(stack)
    path, headers = "/api/unread_count", _headers(stack, "student001")
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
    announcement = office.rosa.call("POST", "/api/announcements", json=_TO_ALL)
    seconds: list[float] = []
    while office.fanned_out_at(announcement["id"]) is None:
        for _ in range(20):
            started = time.perf_counter()
            connection.request("GET", path, headers=headers)
            connection.getresponse().read()
            seconds.append(time.perf_counter() - started)
            # As one reader of many, not as the load.
            time.sleep(0.005)
    connection.close()
    office.close()
    name = f"GET {path} during a fan-out"
    return [
        {
            "name": f"{name}: median",
            "seconds": statistics.median(seconds),
            "bound": _ANSWER_SECONDS,
        },
        {
            "name": f"{name}: 95 of 100",
            "seconds": statistics.quantiles(seconds, n=20)[-1],
            "bound": _ANSWER_SECONDS,
        },
    ]


def reading(stack: Stack) -> list[Asked]:
    """Return what readers ask, who have the last announcement among the fifty of their inboxes."""
    readers = [f"student{n:03}" for n in range(1, _READERS + 1)]
    office = Office(stack)
    office.owner.execute(_ADD_OTHERS, {"inbox": _INBOX})
    office.owner.execute(_FILL_INBOXES, {"readers": readers})
    office.owner.execute(text("VACUUM ANALYZE deliveries"))
    headers = {name: _headers(stack, name) for name in readers}
    rows = office.owner.execute(_OF_READERS, {"readers": readers}).all()
    acks = [Sent("POST", f"/api/deliveries/{id_}/ack", headers[name]) for name, id_ in rows]

    def unread() -> Iterable[Sent]:
        office.owner.execute(_MARK_UNREAD)
        office.owner.execute(text("VACUUM deliveries"))
        return acks

    def get(path: str) -> Iterable[Sent]:
        return [Sent("GET", path, each) for each in headers.values()]

    def known(path: str) -> Iterable[Sent]:
        return [
            Sent("GET", path, each | {"If-None-Match": _etag(stack, path, each)})
            for each in headers.values()
        ]

    count, inbox = "/api/unread_count", f"/api/deliveries?limit={_INBOX}"
    return [
        Asked("GET /api/unread_count", 0.6, lambda: get(count)),
        Asked("GET /api/unread_count, 304", 0.6, lambda: known(count), 304),
        Asked("GET /api/deliveries, 50", 1.3, lambda: get(inbox)),
        Asked("GET /api/deliveries, 304", 1.3, lambda: known(inbox), 304),
        Asked("POST /api/deliveries/…/ack", 1.2, unread),
    ]


def _headers(stack: Stack, username: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {Registrar(stack, username).token}"}


def _etag(stack: Stack, path: str, headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return str(answer.headers["ETag"])

"""What people did during a drill, what they were told, and whether it came true.

Four of them write all the time and each repeats what was not answered, with the same
Idempotency-Key, as a good client does. Whatever was acknowledged has to be there at the end, once;
what was not may be there, once at most.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import requests
from sqlalchemy import Connection, text

from tests.localstack.cloud import Cloud

ROWS = 20
_TIMEOUT_SECONDS = 8.0
# Of workers of the queue mail there are four.
_CLAIMS_LOST = 4


class History:
    """A drill's writers at work, for a block."""

    def __init__(self, cloud: Cloud, tag: str) -> None:
        self._cloud = cloud
        self._tag = tag
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.begun: defaultdict[str, set[str]] = defaultdict(set)
        self.acknowledged: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self.acknowledged_at: defaultdict[str, list[float]] = defaultdict(list)
        self.refusals: Counter[str] = Counter()
        self.wrong: list[str] = []
        rosa, ben, chloe, dai = (cloud.signed_in(name) for name in ("rosa", "ben", "chloe", "dai"))
        # Not chloe's: what she has acknowledged already is no mail worth.
        dai.put(f"{cloud.url}/api/notification_preferences", json=_AT_ONCE, timeout=30)
        readers = [person.get(f"{cloud.url}/auth/me", timeout=30).json() for person in (chloe, dai)]
        self._readers = [reader["id"] for reader in readers]
        self._writers = [
            threading.Thread(target=self._write, args=(kind, act, person))
            for kind, act, person in (
                ("course", self._course, rosa),
                ("announcement", self._announcement, ben),
                ("ack", self._ack, chloe),
                ("import", self._import, cloud.signed_in("amara")),
            )
        ]

    def __enter__(self) -> History:
        for writer in self._writers:
            writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for writer in self._writers:
            writer.join()

    def all_write_since(self, moment: float) -> bool:
        """Tell whether every writer has had something acknowledged after a moment."""
        return all(
            any(at > moment for at in self.acknowledged_at[kind])
            for kind in ("course", "announcement", "ack", "import")
        )

    def _write(self, kind: str, act: Callable[[requests.Session, str], Any], who: Any) -> None:
        number = 0
        while not self._ending.is_set():
            number += 1
            act(who, f"{self._tag}-{kind}-{number}")

    def _course(self, rosa: requests.Session, name: str) -> None:
        body = {"code": name, "title": name}
        self._until_acknowledged(rosa, "course", name, "/api/courses", json=body)

    def _announcement(self, ben: requests.Session, name: str) -> None:
        audience = {"kind": "users", "ids": self._readers}
        body = {"title": name, "body": "Read **this**.", "audience": audience}
        self._until_acknowledged(ben, "announcement", name, "/api/announcements", json=body)
        self._ending.wait(0.1)

    def _import(self, amara: requests.Session, name: str) -> None:
        rows = "".join(f"{name}-{row},{row}\n" for row in range(ROWS))
        self._until_acknowledged(
            *(amara, "import", name, "/api/imports/courses"),
            data=f"code,title\n{rows}".encode(),
            headers={"Content-Type": "text/csv"},
        )
        self._ending.wait(0.5)

    def _ack(self, chloe: requests.Session, _name: str) -> None:
        seen = self._asked(chloe, "GET", "/api/deliveries?limit=50")
        items = seen.json()["items"] if seen is not None else []
        waiting = [
            item
            for item in items
            if item["state"] != "acknowledged"
            and item["announcement"]["title"].startswith(f"{self._tag}-")
        ]
        for item in waiting[-3:]:
            path = f"/api/deliveries/{item['id']}/ack"
            self._until_acknowledged(chloe, "ack", str(item["id"]), path)
        self._ending.wait(0.1)

    def _until_acknowledged(
        self, who: requests.Session, kind: str, name: str, path: str, **sent: Any
    ) -> None:
        self.begun[kind].add(name)
        sent["headers"] = {**sent.get("headers", {}), "Idempotency-Key": name}
        answer = None
        while answer is None:
            answer = self._asked(who, "POST", path, **sent)
            if answer is None and self._ending.wait(0.05):
                return
        with self._lock:
            self.acknowledged[kind][name] = answer.json()
            self.acknowledged_at[kind].append(time.monotonic())

    def _asked(
        self, who: requests.Session, method: str, path: str, **sent: Any
    ) -> requests.Response | None:
        """Return the answer, None where a client would try again."""
        try:
            answer = who.request(method, self._cloud.url + path, timeout=_TIMEOUT_SECONDS, **sent)
        except requests.RequestException as failure:
            self._refused(type(failure).__name__)
            return None
        if answer.ok:
            return answer
        self._refused(answer.json()["code"])
        if answer.status_code != 503 or int(answer.headers.get("Retry-After", 0)) < 1:
            with self._lock:
                self.wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return None

    def _refused(self, how: str) -> None:
        with self._lock:
            self.refusals[how] += 1

    def check(self, owner: Connection, mails_come_soon: bool) -> None:
        """Hold what was acknowledged against what is there, once everything is worked off."""
        self._check_courses(owner)
        self._check_imports(owner)
        self._check_announcements(owner)
        self._check_acks(owner)
        self._check_mails(owner, mails_come_soon)

    def left(self, owner: Connection, waits_for_mails: bool) -> dict[str, int]:
        """Count what of this drill is still to be done, by what it is."""
        owner.rollback()
        asked = {"tag": f"{self._tag}-%", "waits_for_mails": waits_for_mails}
        row = owner.execute(_LEFT, asked).one()
        return {what: number for what, number in row._mapping.items() if number}

    def _check_courses(self, owner: Connection) -> None:
        there = _found(owner, "SELECT code, id FROM courses WHERE code LIKE :tag", self._tag)
        there = {code: ids for code, ids in there.items() if code in self.begun["course"]}
        told = self.acknowledged["course"]
        assert {name: [course["id"]] for name, course in told.items()}.items() <= there.items()
        assert there.keys() <= self.begun["course"]

    def _check_imports(self, owner: Connection) -> None:
        tasks = self.acknowledged["import"]
        found = owner.execute(
            text("SELECT id, state, result FROM tasks WHERE id = ANY(CAST(:ids AS uuid[]))"),
            {"ids": [task["task_id"] for task in tasks.values()]},
        ).all()
        assert len(found) == len(tasks)
        for _, state, result in found:
            assert state == "SUCCESS"
            assert (result["total"], result["failed"]) == (ROWS, 0)
            # A file whose acknowledgement was lost was sent again, by its key: not imported again.
            assert result["created"] == ROWS
        there = _found(owner, "SELECT code, id FROM courses WHERE code LIKE :tag", self._tag)
        for name in tasks:
            assert sum(code.startswith(f"{name}-") for code in there) == ROWS

    def _check_announcements(self, owner: Connection) -> None:
        there = _found(
            owner, "SELECT title, id FROM announcements WHERE title LIKE :tag", self._tag
        )
        told = self.acknowledged["announcement"]
        assert {name: [made["id"]] for name, made in told.items()}.items() <= there.items()
        assert all(len(ids) == 1 for ids in there.values())
        got = _found(
            owner,
            "SELECT title, user_id FROM deliveries JOIN announcements"
            " ON announcements.id = announcement_id WHERE title LIKE :tag",
            self._tag,
        )
        assert {name: sorted(users) for name, users in got.items()} == {
            name: sorted(self._readers) for name in there
        }

    def _check_acks(self, owner: Connection) -> None:
        events = _found(
            owner,
            "SELECT CAST(deliveries.id AS text), delivery_events.id FROM delivery_events"
            " JOIN announcements ON announcements.id = announcement_id"
            " JOIN deliveries USING (announcement_id)"
            " WHERE title LIKE :tag AND kind = 'acknowledged' AND user_id = ANY(user_ids)"
            " AND state = 'acknowledged' AND ack_at IS NOT NULL",
            self._tag,
        )
        assert self.acknowledged["ack"].keys() <= events.keys() <= self.begun["ack"]
        assert all(len(each) == 1 for each in events.values())

    def _check_mails(self, owner: Connection, mails_come_soon: bool) -> None:
        url = f"{self._cloud.url}/_local/mail?to=dai@rollcall.example"
        items = requests.get(url, timeout=30).json()["items"]
        titles = [item["subject"].removeprefix("Announcement: ") for item in items]
        arrived = Counter(title for title in titles if title.startswith(f"{self._tag}-"))
        sent, waiting = (
            _found(
                owner,
                "SELECT title, mails.id FROM mails JOIN announcements ON announcements.id = about"
                f" WHERE title LIKE :tag AND mails.kind = 'announcement_published' AND {state}",
                self._tag,
            )
            for state in ("mails.state = 'sent'", "mails.state = 'queued'")
        )
        assert sent.keys() <= arrived.keys()
        assert self.acknowledged["announcement"].keys() <= sent.keys() | waiting.keys()
        unanswered = self._unanswered()
        for title, (mail_id,) in {**sent, **waiting}.items():
            assert arrived[title] <= 1 + unanswered[mail_id], title
        # A claim whose COMMIT got no answer holds for two minutes; it is sent after that.
        assert not mails_come_soon or len(waiting) <= _CLAIMS_LOST

    def _unanswered(self) -> Counter[int]:
        """Count, by mails, how often SES gave no yes that was heard."""
        lines = self._cloud.lines("send_mail")
        return Counter(line["mail_id"] for line in lines if line["event"] == "mail_unanswered")


_AT_ONCE = {"mail": "immediate", "digest_hour": 18, "timezone": "UTC", "locale": "en"}
_LEFT = text("""
SELECT (SELECT count(*) FROM outbox WHERE queue <> 'mail') AS messages,
       (SELECT count(*) FROM tasks WHERE state IN ('PENDING', 'PROGRESS')) AS tasks,
       (SELECT count(*) FROM mails JOIN announcements ON announcements.id = about
         WHERE title LIKE :tag AND state = 'queued' AND attempts = 0
           AND :waits_for_mails) AS mails,
       (SELECT count(*) FROM announcements
         WHERE title LIKE :tag
           AND (SELECT count(*) FROM deliveries
                 WHERE announcement_id = announcements.id) < 2) AS announcements
""")


def _found(owner: Connection, query: str, tag: str) -> dict[str, list[Any]]:
    """Return what a query of names and values finds for a drill, the values by their names."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for name, value in owner.execute(text(query), {"tag": f"{tag}-%"}):
        found[name].append(value)
    return dict(found)

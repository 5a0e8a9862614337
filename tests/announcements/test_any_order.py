"""Messages that come late, twice and in any order, between all that authors and readers do: what is
written is what a model says, after every step, and what one run in order would have left.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import Connection, text

from chalicelib.announcements import audience, publishing, reminding
from chalicelib.announcements.errors import AnnouncementWithdrawn, RemindedTooSoon
from chalicelib.core import database
from chalicelib.mail.claims import Mail
from chalicelib.mail.letters import Letter
from chalicelib.mail.sending import Draft, send_mail
from tests.announcements.proofs import check, save_proof
from tests.announcements.school import School, fan_out
from tests.mail.post import Post, open_post

STUDENTS = 5
CHUNK = 2
students_ = st.integers(0, STUDENTS - 1)
announcements_ = st.integers(0, 2)


@pytest.fixture
def post(clean_database: None, owner: Connection) -> Iterator[Post]:
    with open_post(owner) as opened:
        yield opened


@dataclass
class Told:
    """What the model knows of one announcement."""

    id: int
    whom: list[int]
    is_for_section: bool
    status: str
    asked: int = 1
    version: int = 1
    fanout: str = "pending"
    chunks: list[list[int]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    deliveries: dict[int, tuple[int, str]] = field(default_factory=dict)
    pushes: Counter[int] = field(default_factory=Counter)
    queued: list[tuple[int, int]] = field(default_factory=list)
    mails: list[tuple[str, int, int, int]] = field(default_factory=list)
    rounds: int = 0
    is_just_reminded: bool = False
    reminded_to: int | None = None
    has_new_students: bool = False

    def publish(self) -> None:
        self.status = "published"
        self.add_chunks(self.whom)

    def add_chunks(self, students: list[int]) -> None:
        for start in range(0, len(students), CHUNK):
            self.chunks.append(students[start : start + CHUNK])
            self.done.append(0)

    def fan_out(self, steps: int, at_once: set[int]) -> None:
        is_out = self.status == "published"
        waits = is_out and self.fanout != "done"
        if waits:
            self.fanout = "running"
        while waits and steps > 0:
            steps -= 1
            waits = self.deliver_chunk(at_once)
        if is_out and not waits and all(version >= self.asked for version in self.done):
            self.fanout = "done"
        while steps > 0 and self.remind_batch():
            steps -= 1

    def deliver_chunk(self, at_once: set[int]) -> bool:
        number = next((n for n, done in enumerate(self.done) if done < self.asked), None)
        if number is None:
            return False
        self.done[number] = self.asked
        for student in self.chunks[number]:
            version, _ = self.deliveries.get(student, (0, ""))
            if version < self.asked:
                self.deliveries[student] = (self.asked, "queued")
                self.queued.append((self.asked, student))
                if student in at_once:
                    self.mails.append(("announcement_published", student, self.id, self.asked))
        return True

    def remind_batch(self) -> bool:
        if self.status != "published" or self.reminded_to is None:
            return False
        batch = [
            student
            for student, (_, state) in sorted(self.deliveries.items())
            if state != "acknowledged" and student > self.reminded_to
        ][:CHUNK]
        self.pushes.update(batch)
        self.mails += [("announcement_reminder", s, self.id, self.rounds) for s in batch]
        self.reminded_to = batch[-1] if len(batch) == CHUNK else None
        return self.reminded_to is not None

    def shown_state(self, student: int) -> tuple[int, str] | None:
        """What the student sees: version and state; None where there is nothing to see."""
        if self.status != "published" or student not in self.deliveries:
            return None
        version, state = self.deliveries[student]
        return (version, state) if version >= self.asked else (self.asked, "queued")


def compose(connection: Connection, mail: Mail) -> Draft:
    """Write to whom a mail is for; the id is its subject."""
    to = connection.execute(
        text("SELECT email FROM users WHERE id = :id"), {"id": mail.user_id}
    ).scalar_one()
    return Draft(to, lambda: Letter(str(mail.id), "Read it.", "<p>Read it.</p>"))


COMPOSERS = dict.fromkeys(("announcement_published", "announcement_reminder"), compose)


def test_whatever_comes_when_it_ends_as_if_all_had_come_in_order(
    owner: Connection, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "CHUNK_SIZE", CHUNK)
    monkeypatch.setattr(reminding, "BATCH", CHUNK)
    school = School(owner, STUDENTS, at_once=(0, 3))
    section = school.add_section(school.students[:2])

    class AnyOrder(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            forget_everything(school, section)
            post.sent.clear()
            self.seated = school.students[:2]
            self.told: list[Told] = []
            self.announce(to_section=False, later=False)

        def chosen(self, number: int) -> Told:
            return self.told[number % len(self.told)]

        @rule(to_section=st.booleans(), later=st.booleans())
        def announce(self, to_section: bool, later: bool) -> None:
            if len(self.told) == 3:
                return
            rest: dict[str, Any] = {}
            if to_section:
                rest["audience"] = {"kind": "section", "ids": [section]}
            if later:
                rest["publish_at"] = "2100-01-01T08:00:00Z"
            whom = list(self.seated) if to_section else list(school.students)
            told = Told(school.announce(**rest), whom, to_section, "scheduled")
            if not later:
                told.publish()
            self.told.append(told)

        @rule(times=st.integers(1, 5))
        def time_comes(self, times: int) -> None:
            school.write("UPDATE announcements SET publish_at = now() WHERE status = 'scheduled'")
            for _ in range(times + len(self.told)):
                with database.transaction() as connection:
                    publishing.publish_due(connection)
            for told in self.told:
                if told.status == "scheduled":
                    told.whom = list(self.seated if told.is_for_section else school.students)
                    told.has_new_students = False
                    told.publish()

        @rule(number=announcements_, times=st.integers(1, 5), steps=st.integers(0, 6))
        def a_message_comes(self, number: int, times: int, steps: int) -> None:
            told = self.chosen(number)
            for _ in range(times):
                fan_out(told.id, steps)
                told.fan_out(steps, school.at_once)

        @rule(number=announcements_, material=st.booleans())
        def edit(self, number: int, material: bool) -> None:
            told = self.chosen(number)
            if told.status == "withdrawn":
                with pytest.raises(AnnouncementWithdrawn):
                    school.edit(told.id, material=material)
                return
            school.edit(told.id, material=material)
            told.version += 1
            if material and told.status == "published":
                told.asked, told.fanout = told.version, "pending"

        @rule(number=announcements_)
        def withdraw(self, number: int) -> None:
            told = self.chosen(number)
            school.withdraw(told.id)
            told.status, told.reminded_to = "withdrawn", None

        @rule(number=announcements_, student=students_, is_read=st.booleans())
        def look(self, number: int, student: int, is_read: bool) -> None:
            told, who = self.chosen(number), school.students[student]
            if who not in told.deliveries:
                return
            [(delivery,)] = school.read(
                "SELECT id FROM deliveries WHERE announcement_id = :told AND user_id = :who",
                told=told.id,
                who=who,
            )
            act = school.acknowledge if is_read else school.mark_delivered
            if told.status == "withdrawn":
                with pytest.raises(AnnouncementWithdrawn):
                    act(who, delivery)
                return
            answer = json.loads(act(who, delivery))
            version, state = told.deliveries[who]
            if version < told.asked or state != "acknowledged":
                state = "acknowledged" if is_read else "delivered"
                told.deliveries[who] = (told.asked if version < told.asked else version, state)
            assert (answer["version"], answer["state"]) == told.deliveries[who]

        @rule(number=announcements_)
        def remind(self, number: int) -> None:
            told = self.chosen(number)
            if told.status != "published":
                return
            if told.is_just_reminded:
                with pytest.raises(RemindedTooSoon):
                    school.remind(told.id)
                return
            waiting = sum(state != "acknowledged" for _, state in told.deliveries.values())
            assert school.remind(told.id) == waiting
            told.rounds, told.is_just_reminded, told.reminded_to = told.rounds + 1, True, 0
            told.remind_batch()

        @rule()
        def an_hour_passes(self) -> None:
            school.let_an_hour_pass()
            for told in self.told:
                told.is_just_reminded = False

        @rule(student=students_)
        def somebody_joins(self, student: int) -> None:
            who = school.students[student]
            if who not in self.seated:
                school.seat(section, [who])
                self.seated = [*self.seated, who]
                for told in self.told:
                    told.has_new_students = told.is_for_section

        @rule()
        def the_clock_looks_for_joiners(self) -> None:
            school.address_joined()
            for told in self.told:
                if told.has_new_students and told.status == "published" and told.fanout == "done":
                    told.has_new_students = False
                    new = sorted(s for s in self.seated if s not in told.deliveries)
                    if new:
                        told.chunks.append(new)
                        told.done.append(0)
                        told.fanout = "running"

        @rule(times=st.integers(1, 3))
        def mails_go_out(self, times: int) -> None:
            letters = [body["mail_id"] for body in school.messages("mail")]
            for _ in range(times):
                for mail_id in reversed(letters):
                    send_mail(mail_id, COMPOSERS)

        @invariant()
        def what_is_written_is_what_the_model_says(self) -> None:
            for told in self.told:
                assert school.deliveries(told.id) == told.deliveries
                assert school.queued(told.id) == sorted(told.queued)
                assert not told.queued or max(Counter(told.queued).values()) == 1
            assert school.mails() == sorted(mail for told in self.told for mail in told.mails)
            pushes = {(t.id, s): n for t in self.told for s, n in t.pushes.items()}
            rows = school.read(
                "SELECT announcement_id, user_id, retry_count FROM deliveries WHERE retry_count > 0"
            )
            assert {(told, student): count for told, student, count in rows} == pushes

        @invariant()
        def readers_see_what_the_model_says(self) -> None:
            for student in school.students:
                shown = {
                    told.id: state
                    for told in self.told
                    if (state := told.shown_state(student)) is not None
                }
                assert {
                    item["announcement"]["id"]: (item["version"], item["state"])
                    for item in json.loads(school.inbox(student))
                } == shown
                unread = sum(state != "acknowledged" for _, state in shown.values())
                assert school.unread(student) == unread

        def teardown(self) -> None:
            while messages := school.messages():
                for told in self.told:
                    if {"announcement_id": told.id} in [_bare(body) for body in messages]:
                        fan_out(told.id)
                        told.fan_out(1000, school.at_once)
            self.mails_go_out(times=2)
            self.what_is_written_is_what_the_model_says()
            self.readers_see_what_the_model_says()
            for told in self.told:
                if told.status == "published":
                    assert told.fanout == "done"
                    expected = {student for chunk in told.chunks for student in chunk}
                    assert set(told.deliveries) == expected >= set(told.whom)
                    assert all(version == told.asked for version, _ in told.deliveries.values())
                assert check(save_proof(told.id)) == 0
            written = school.read("SELECT id::text, state FROM mails")
            assert Counter(mail["Subject"] for mail in post.sent) == Counter(
                dict.fromkeys((mail for mail, _ in written), 1)
            )
            assert {state for _, state in written} <= {"sent"}

    run_machine(
        AnyOrder,
        settings=settings(
            max_examples=12,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def _bare(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "correlation_id"}


def forget_everything(school: School, section: int) -> None:
    """Have nothing announced, and the first two students in the section."""
    for statement in (
        "TRUNCATE delivery_events, announcement_seals",
        "DELETE FROM deliveries",
        "DELETE FROM fanout_chunks",
        "DELETE FROM announcement_sections",
        "DELETE FROM announcement_versions",
        "DELETE FROM announcements",
        "DELETE FROM inbox_changes",
        "DELETE FROM outbox",
        "DELETE FROM mails",
    ):
        school.write(statement)
    school.write(
        "DELETE FROM enrollments WHERE section_id = :section AND user_id <> ALL(:kept)",
        section=section,
        kept=school.students[:2],
    )

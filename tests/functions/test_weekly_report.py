"""The weekly report: to each registrar and manager once a week, with an export of the courses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from functions.weekly_report import handler as weekly_report
from functions.weekly_report.handler import handler
from tests.announcements.board import Board
from tests.functions.events import Context, schedule_event
from tests.mail.post import Post, links, plain

KIND = "weekly_report"
MONDAY = datetime(2026, 12, 28, 6, 0, tzinfo=UTC)


@pytest.fixture
def board(post: Post) -> Board:
    """The board of rosa, who is a registrar; amara manages, ben teaches, chloe learns."""
    board = Board(post)
    for name, role in (("amara", "manager"), ("ben", "teacher"), ("chloe", "student")):
        post.user(name, role=role, full_name=name.title())
    return board


@pytest.fixture(autouse=True)
def on_monday(monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, MONDAY)


def set_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(weekly_report, "read_clock", lambda _: now)


def report() -> int:
    return handler(schedule_event(), Context())["reports"]


def user(board: Board, name: str) -> int:
    return int(board.read("SELECT id FROM users WHERE username = :name", name=name)[0].id)


def test_registrars_and_managers_get_one_each_whatever_runs_twice(board: Board) -> None:
    assert [report(), report()] == [2, 0]
    rows = board.read(
        "SELECT username, about, occasion FROM mails JOIN users ON users.id = user_id"
        " ORDER BY username"
    )
    assert [tuple(row) for row in rows] == [("amara", None, 202653), ("rosa", None, 202653)]
    board.deliver(KIND)
    board.deliver(KIND)
    assert sorted(mail["To"] for mail in board.post.sent) == [
        "amara@rollcall.example",
        "rosa@rollcall.example",
    ]


def test_each_is_the_owner_of_an_export_of_the_courses(board: Board) -> None:
    report()
    rows = board.read(
        "SELECT username, kind, job, state FROM tasks JOIN users ON users.id = created_by"
        " ORDER BY username"
    )
    assert [tuple(row) for row in rows] == [
        (name, "courses", "export", "PENDING") for name in ("amara", "rosa")
    ]
    assert len(board.post.queues.receive("exports")) == 2
    assert len(board.post.queues.receive("mail")) == 2
    audited = board.read("SELECT actor_id, ip FROM audit_events WHERE action = 'export_started'")
    assert {row.actor_id for row in audited} == {user(board, "amara"), user(board, "rosa")}
    assert {row.ip for row in audited} == {""}


def test_the_next_week_has_a_report_of_its_own(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    report()
    for days, expected in ((6, 0), (7, 2)):
        set_clock(monkeypatch, MONDAY + timedelta(days=days))
        assert report() == expected
    weeks = board.read("SELECT DISTINCT occasion FROM mails ORDER BY 1")
    assert [row.occasion for row in weeks] == [202653, 202701]


def test_who_wants_no_mails_or_is_inactive_gets_none(board: Board) -> None:
    board.prefer(user(board, "amara"), mail="off")
    board.post.user("femi", role="registrar", active=False)
    assert report() == 1


def test_a_run_that_breaks_off_is_gone_on_with(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = weekly_report.bulk.start_export

    def breaks(connection: object, reader: object, *rest: object) -> object:
        if board.read("SELECT 1 FROM tasks"):
            raise RuntimeError("the database is gone")
        return real(connection, reader, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(weekly_report.bulk, "start_export", breaks)
        with pytest.raises(RuntimeError):
            report()
    assert len(board.mails(KIND)) == 1
    assert report() == 1
    assert len(board.read("SELECT 1 FROM tasks")) == len(board.mails(KIND)) == 2


@pytest.mark.parametrize(
    ("locale", "subject", "lines"),
    [
        (
            "en",
            "Your weekly report",
            [
                "Sections: 2 published, 1 in draft, 1 archived.",
                "Seats in published sections: 3 of 8 taken (38 %), and 1 in line.",
                "Announcements of the last seven days: 2, to 3 readers together, of whom"
                " 1 (33 %) have confirmed.",
            ],
        ),
        (
            "zh-CN",
            "您的每周报告",
            [
                "班级：已发布 2 个，草稿 1 个，已归档 1 个。",
                "已发布班级的名额：共 8 个，已选 3 个（38 %），候补 1 人。",
                "最近七天的公告：2 条，共发送 3 人次，其中 1 人次已确认（33 %）。",
            ],
        ),
    ],
)
def test_it_has_the_figures_of_the_moment_at_which_it_is_sent(
    board: Board, locale: str, subject: str, lines: list[str]
) -> None:
    board.prefer(user(board, "amara"), mail="off")
    board.write("UPDATE users SET locale = :locale WHERE username = 'rosa'", locale=locale)
    report()
    board.write(
        "WITH course AS (INSERT INTO courses (code, title) VALUES ('CS101', 'Computing')"
        " RETURNING id), term AS (INSERT INTO terms (code, name, starts_on, ends_on, timezone)"
        " VALUES ('2026-autumn', 'Autumn', '2026-09-07', '2026-12-27', 'UTC') RETURNING id)"
        " INSERT INTO sections (course_id, term_id, section_code, capacity, status)"
        " SELECT course.id, term.id, code, capacity, status FROM course, term, (VALUES"
        " ('01', 1, 'published'), ('02', 7, 'published'), ('03', 50, 'draft'),"
        " ('04', 90, 'archived')) wanted (code, capacity, status)"
    )
    board.write(
        "UPDATE sections SET enrolled = 3 WHERE section_code = '02';"
        " UPDATE sections SET waitlisted = 1 WHERE section_code = '01'"
    )
    dai = board.reader("dai")
    board.announce(title="Long ago")
    board.write("UPDATE announcements SET published_at = now() - interval '8 days'")
    board.announce(title="To chloe and dai")
    board.withdraw(board.announce(title="Withdrawn"))
    board.announce(title="To dai", audience={"kind": "users", "ids": [dai]})
    board.write(
        "UPDATE deliveries SET state = 'acknowledged', delivered_at = now(), ack_at = now()"
        " WHERE id = (SELECT max(id) FROM deliveries)"
    )
    board.deliver(KIND)
    (mail,) = board.post.sent
    assert mail["Subject"] == subject
    words = " ".join(plain(mail).split())
    for line in lines:
        assert line in words
    assert any(link.endswith("/tasks") for link in links(mail))
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_school_without_anything_has_a_report_too(board: Board) -> None:
    report()
    board.deliver(KIND)
    assert board.ends(KIND) == [("sent", None)] * 2
    assert "0 of 0 taken (0 %)" in " ".join(plain(board.post.sent[0]).split())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE users SET role = 'teacher' WHERE username = 'rosa'", "no_longer_due"),
        ("UPDATE users SET active = false WHERE username = 'rosa'", "inactive"),
        ("UPDATE mails SET created_at = now() - interval '7 days'", "no_longer_due"),
        (
            "INSERT INTO notification_preferences (user_id, mail)"
            " SELECT id, 'off' FROM users WHERE username = 'rosa'",
            "mail_off",
        ),
    ],
    ids=["demoted", "deactivated", "late", "turned off"],
)
def test_what_happened_before_it_is_sent_counts(board: Board, change: str, reason: str) -> None:
    board.prefer(user(board, "amara"), mail="off")
    report()
    board.write(change)
    board.deliver(KIND)
    assert board.ends(KIND) == [("skipped", reason)]
    assert board.post.sent == []

"""Who comes from the line to a seat is told by mail, in the transaction that gives the seat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller
from chalicelib.core import database
from chalicelib.scheduling import enrollments
from tests.mail.post import Post, links, open_post, plain

ROSA = Caller(0, "rosa", "registrar")


@pytest.fixture
def post(clean_database: None, owner: Connection) -> Iterator[Post]:
    with open_post(owner) as opened:
        yield opened


@pytest.fixture
def section(post: Post) -> int:
    """A section with one seat."""
    section_id: int = post.owner.execute(
        text(
            "WITH course AS (INSERT INTO courses (code, title) VALUES ('CS101', '程序设计')"
            " RETURNING id), term AS (INSERT INTO terms (code, name, starts_on, ends_on, timezone)"
            " VALUES ('2026-autumn', 'Autumn', '2026-09-07', '2026-12-27', 'UTC') RETURNING id)"
            " INSERT INTO sections (course_id, term_id, section_code, capacity, status)"
            " SELECT course.id, term.id, '01', 1, 'published' FROM course, term RETURNING id"
        )
    ).scalar_one()
    post.owner.commit()
    return section_id


def promoted_mail(post: Post, section: int, **first_in_line: str) -> int:
    """Let somebody wait, and somebody else go; return the id of the mail."""
    seated, waiting = post.user("dai"), post.user("chloe", **first_in_line)
    with database.transaction() as connection:
        for student in (seated, waiting):
            enrollments.enroll(connection, ROSA, section, student)
    with database.transaction() as connection:
        enrollments.withdraw(connection, ROSA, section, seated)
    (row,) = post.owner.execute(text("SELECT id, kind, user_id, about FROM mails")).all()
    (body,) = post.owner.execute(text("SELECT body FROM outbox")).scalars()
    post.owner.rollback()
    assert tuple(row[1:]) == ("enrollment_promoted", waiting, section)
    assert body == {"mail_id": row.id}
    return int(row.id)


def test_whoever_gets_a_seat_is_told_which(post: Post, section: int) -> None:
    mail_id = promoted_mail(post, section)
    assert post.deliver(mail_id, mail_id) == 0
    (mail,) = post.sent
    assert mail["To"] == "chloe@rollcall.example"
    assert mail["Subject"] == "You have a seat now"
    assert "CS101 程序设计 (01), 2026-autumn" in plain(mail)
    assert {link.rpartition("/")[2] for link in links(mail)} == {str(section)}


def test_it_is_told_in_the_readers_language(post: Post, section: int) -> None:
    post.deliver(promoted_mail(post, section, locale="zh-CN"))
    assert post.sent[0]["Subject"] == "您已候补成功"


def test_who_has_gone_again_is_told_nothing(post: Post, section: int) -> None:
    mail_id = promoted_mail(post, section)
    post.owner.execute(text("DELETE FROM enrollments"))
    post.owner.commit()
    assert post.deliver(mail_id) == 0
    assert (post.row(mail_id).state, post.row(mail_id).reason) == ("skipped", "no_longer_due")
    assert post.sent == []


def test_where_nobody_waits_nobody_is_told(post: Post, section: int) -> None:
    seated = post.user("dai")
    with database.transaction() as connection:
        enrollments.enroll(connection, ROSA, section, seated)
        enrollments.withdraw(connection, ROSA, section, seated)
    assert post.owner.execute(text("SELECT count(*) FROM mails")).scalar_one() == 0

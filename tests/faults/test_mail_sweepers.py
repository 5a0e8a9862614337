"""What was committed and not sent, whatever became of its message and its worker, is sent by the
sweeper within two runs; two sweepers at once send it once.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from functions.relay_outbox.handler import handler as relay_outbox
from tests.announcements.board import Board
from tests.faults.mail_process import BEFORE_SEND, WAYS, killed_at
from tests.functions.events import Context, schedule_event
from tests.mail.post import open_post

READERS = 24
KIND = "announcement_published"


@pytest.fixture
def board(clean_database: None, owner: Connection) -> Iterator[Board]:
    with open_post(owner) as opened:
        yield Board(opened)


def sweep(_: int = 0) -> int:
    """Run the sweeper once, and return how many messages it sent and sent for."""
    done = relay_outbox(schedule_event(), Context(timeout_seconds=50))
    return done["sent"] + done["revived"]


def sweep_twice_at_once() -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(sweep, range(2), chunksize=1)


def arrived(board: Board) -> list[int]:
    """Return the mails that messages in the queue name, one for each message."""
    return [body["mail_id"] for body in board.post.queues.receive("mail")]


def later(board: Board) -> None:
    """Let a quarter of an hour pass for all mails and messages."""
    board.write(
        "UPDATE mails SET created_at = created_at - interval '16 minutes',"
        " claimed_until = claimed_until - interval '16 minutes'"
    )
    board.write("UPDATE outbox SET claimed_until = claimed_until - interval '16 minutes'")


def sent_to(board: Board) -> Counter[str]:
    return Counter(str(mail["To"]) for mail in board.post.sent)


def announce_to_all(board: Board) -> None:
    for n in range(READERS):
        board.reader(f"student{n}")
    board.announce()


def test_what_a_fan_out_committed_is_sent_by_the_next_run(board: Board) -> None:
    announce_to_all(board)
    assert arrived(board) == []
    sweep()
    messages = arrived(board)
    assert sorted(messages) == board.mails(KIND)
    assert board.post.deliver(*messages) == 0
    assert list(sent_to(board).values()) == [1] * READERS


def test_two_sweepers_at_once_send_each_mail_once(board: Board) -> None:
    announce_to_all(board)
    sweep_twice_at_once()
    messages = arrived(board)
    assert sorted(messages) == board.mails(KIND)
    assert board.post.deliver(*messages) == 0
    assert list(sent_to(board).values()) == [1] * READERS


def test_a_message_that_could_not_be_sent_after_the_commit_is_sent_within_two_runs(
    board: Board,
) -> None:
    queues = board.post.queues
    queues.delete("mail")
    mail_id = board.post.queue("invitation", user_id=board.reader())
    queues.create_again("mail")
    runs = 0
    while not (messages := arrived(board)) and runs < 2:
        later(board)
        sweep()
        runs += 1
    assert set(messages) == {mail_id}
    assert board.post.deliver(*messages) == 0
    assert list(sent_to(board).values()) == [1]


def test_a_mail_whose_message_is_gone_is_sent_for_by_the_next_run(board: Board) -> None:
    announce_to_all(board)
    sweep()
    assert len(arrived(board)) == READERS, "and nobody worked on them"
    later(board)
    sweep_twice_at_once()
    messages = arrived(board)
    assert sorted(messages) == board.mails(KIND), "two sweepers send for each once"
    assert board.post.deliver(*messages) == 0
    assert list(sent_to(board).values()) == [1] * READERS
    later(board)
    assert sweep() == 0


def test_a_mail_whose_worker_was_killed_before_the_send_is_sent_within_two_runs(
    board: Board,
) -> None:
    board.reader()
    board.announce()
    sweep()
    (mail_id,) = arrived(board)
    points = killed_at(mail_id, WAYS[KIND].index(BEFORE_SEND) + 1)
    assert points[-1] == BEFORE_SEND
    assert board.ends(KIND) == [("queued", None)]
    for _ in range(2):
        later(board)
        sweep()
        board.post.deliver(*arrived(board))
    assert board.ends(KIND) == [("sent", None)]
    assert list(sent_to(board).values()) == [1]

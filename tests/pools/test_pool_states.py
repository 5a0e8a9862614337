"""Each change of state of a pooled connection, and what brings it about."""

from __future__ import annotations

import os
from threading import Condition
from typing import Any

import pytest

from chalicelib.pools.connections import Event, Lease, Limits, State, Wait
from chalicelib.pools.errors import NoFreeConnection, NotInUse, PoolStopped, TooManyKeys
from chalicelib.pools.pool import KeyedPool
from tests.pools.lines import Exchange, Line

CONNECTING, IDLE, ACTIVE = State.CONNECTING, State.IDLE, State.ACTIVE
DISCONNECTED, ERROR = State.DISCONNECTED, State.ERROR


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def pool(exchange: Exchange) -> KeyedPool[Line]:
    return exchange.pool()


def take(exchange: Exchange, pool: KeyedPool[Line], key: str = "relay") -> Lease[Line]:
    return pool.get(key, exchange.to(key))


def changes(exchange: Exchange) -> list[tuple[State | None, State]]:
    """Return the changes of state since this was last asked."""
    seen = [(event.before, event.after) for event in exchange.events]
    exchange.events.clear()
    return seen


def test_a_new_connection_connects_and_is_active(exchange: Exchange, pool: KeyedPool[Line]) -> None:
    lease = take(exchange, pool)
    assert lease.pooled.state is ACTIVE
    assert changes(exchange) == [(None, CONNECTING), (CONNECTING, ACTIVE)]


def test_while_it_connects_it_has_its_place(exchange: Exchange, pool: KeyedPool[Line]) -> None:
    seen: list[Any] = []

    def connect() -> Line:
        seen.append(pool.figures("relay"))
        return exchange.to("relay")()

    pool.get("relay", connect)
    assert (seen[0].connecting, seen[0].active) == (1, 0)


def test_what_does_not_connect_is_an_error_and_leaves_its_place(
    exchange: Exchange, pool: KeyedPool[Line]
) -> None:
    exchange.is_away = True
    for _ in range(5):
        with pytest.raises(ConnectionRefusedError):
            take(exchange, pool)
    assert changes(exchange) == [(None, CONNECTING), (CONNECTING, ERROR)] * 5
    assert (pool.figures().connect_failures, pool.figures().connections) == (5, 0)


def test_an_interrupt_while_connecting_leaves_no_place_taken(pool: KeyedPool[Line]) -> None:
    def interrupted() -> Line:
        raise KeyboardInterrupt

    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            pool.get("relay", interrupted)
    assert pool.figures().connections == 0


def test_a_returned_one_is_idle_and_used_again(exchange: Exchange, pool: KeyedPool[Line]) -> None:
    first = take(exchange, pool)
    pool.give_back(first)
    assert first.pooled.state is IDLE
    changes(exchange)
    second = take(exchange, pool)
    assert second.connection is first.connection
    assert changes(exchange) == [(IDLE, ACTIVE)]
    assert (pool.figures().created, pool.figures().reused, second.pooled.uses) == (1, 1, 2)


def test_the_least_recently_used_one_comes_first(exchange: Exchange, pool: KeyedPool[Line]) -> None:
    leases = [take(exchange, pool) for _ in range(3)]
    for index in (1, 2, 0):
        pool.give_back(leases[index])
    again = [take(exchange, pool).connection for _ in range(3)]
    assert again == [leases[index].connection for index in (1, 2, 0)]


@pytest.mark.parametrize("opened_at", [1000.0, 1001.0], ids=["says no", "raises"])
def test_an_idle_one_that_died_is_an_error_and_another_is_made(
    exchange: Exchange, pool: KeyedPool[Line], opened_at: float
) -> None:
    exchange.clock.seconds = opened_at
    first = take(exchange, pool)
    pool.give_back(first)
    first.connection.is_dead = True
    changes(exchange)
    second = take(exchange, pool)
    assert second.connection is not first.connection
    assert changes(exchange)[:2] == [(IDLE, ACTIVE), (ACTIVE, ERROR)]
    assert not first.connection.is_open
    assert pool.figures().found_dead == 1


def test_one_that_died_in_use_is_not_kept(exchange: Exchange, pool: KeyedPool[Line]) -> None:
    lease = take(exchange, pool)
    lease.connection.is_dead = True
    changes(exchange)
    pool.give_back(lease)
    assert changes(exchange) == [(ACTIVE, ERROR)]
    assert not lease.connection.is_open


def test_closed_by_its_user(exchange: Exchange, pool: KeyedPool[Line]) -> None:
    lease = take(exchange, pool)
    changes(exchange)
    pool.close(lease)
    assert changes(exchange) == [(ACTIVE, DISCONNECTED)]
    assert not lease.connection.is_open


@pytest.mark.parametrize(("rested", "stays"), [(299, True), (300, False)])
def test_after_five_minutes_without_use_it_is_closed(
    exchange: Exchange, pool: KeyedPool[Line], rested: int, stays: bool
) -> None:
    lease = take(exchange, pool)
    pool.give_back(lease)
    changes(exchange)
    exchange.clock.seconds += rested
    assert pool.sweep() == (0 if stays else 1)
    assert lease.connection.is_open == stays
    assert changes(exchange) == ([] if stays else [(IDLE, DISCONNECTED)])


def test_a_long_use_is_no_rest(exchange: Exchange, pool: KeyedPool[Line]) -> None:
    lease = take(exchange, pool)
    exchange.clock.seconds += 1000
    pool.give_back(lease)
    exchange.clock.seconds += 299
    assert take(exchange, pool).connection is lease.connection


def test_after_an_hour_it_is_closed_however_much_it_is_used(
    exchange: Exchange, pool: KeyedPool[Line]
) -> None:
    first = take(exchange, pool)
    pool.give_back(first)
    for _ in range(17):
        exchange.clock.seconds += 200
        pool.give_back(take(exchange, pool))
    lease = take(exchange, pool)
    assert lease.connection is first.connection
    exchange.clock.seconds += 200
    pool.give_back(lease)
    assert not first.connection.is_open
    assert take(exchange, pool).connection is not first.connection


def test_asking_for_one_key_sweeps_the_others_now_and_then(
    exchange: Exchange, pool: KeyedPool[Line]
) -> None:
    pool.give_back(take(exchange, pool, "relay"))
    exchange.clock.seconds += 301
    pool.give_back(take(exchange, pool, "hook"))
    assert exchange.open["relay"] == 0
    assert pool.keys() == ["hook"]


def test_the_fourth_waits_and_then_gives_up(exchange: Exchange, pool: KeyedPool[Line]) -> None:
    for _ in range(3):
        take(exchange, pool)
    take(exchange, pool, "hook")
    with pytest.raises(NoFreeConnection):
        take(exchange, pool)
    assert exchange.clock.seconds == 1000 + 10
    assert (pool.figures("relay").timeouts, pool.figures("hook").timeouts) == (1, 0)
    assert pool.figures().waiting == 0
    assert exchange.waits == [Wait("relay", 10, was_in_vain=True)]


def test_whoever_waits_says_how_long(exchange: Exchange, pool: KeyedPool[Line]) -> None:
    leases = [take(exchange, pool) for _ in range(3)]
    assert exchange.waits == []

    def come_back(_changed: Condition, _seconds: float) -> None:
        exchange.clock.seconds += 2
        pool.give_back(leases.pop())

    exchange.clock.wait = come_back
    take(exchange, pool)
    assert exchange.waits == [Wait("relay", 2, was_in_vain=False)]


def test_a_use_ends_once(exchange: Exchange, pool: KeyedPool[Line]) -> None:
    lease = take(exchange, pool)
    pool.give_back(lease)
    with pytest.raises(NotInUse):
        pool.give_back(lease)
    again = take(exchange, pool)
    with pytest.raises(NotInUse):
        pool.close(lease)
    assert again.connection.is_open


def test_lent_for_a_block_it_comes_back_and_after_an_exception_it_is_closed(
    exchange: Exchange, pool: KeyedPool[Line]
) -> None:
    with pool.connection("relay", exchange.to("relay")) as line:
        pass
    with (
        pytest.raises(ZeroDivisionError),
        pool.connection("relay", exchange.to("relay")) as same,
    ):
        assert same is line
        raise ZeroDivisionError
    assert not line.is_open


def test_a_key_is_closed_and_what_is_in_use_of_it_follows(
    exchange: Exchange, pool: KeyedPool[Line]
) -> None:
    used, idle, other = take(exchange, pool), take(exchange, pool), take(exchange, pool, "hook")
    pool.give_back(idle)
    assert pool.close_key("relay") == 1
    assert (idle.connection.is_open, used.connection.is_open) == (False, True)
    pool.give_back(used)
    pool.give_back(other)
    assert (used.connection.is_open, other.connection.is_open) == (False, True)
    assert pool.close_key("nobody") == 0


@pytest.mark.parametrize("ending", ["close_key", "stop"])
def test_what_ends_while_a_line_is_looked_at_on_its_return_is_not_kept(
    exchange: Exchange, ending: str
) -> None:
    def look(_line: Line) -> bool:
        if ending == "stop":
            pool.stop()
        else:
            pool.close_key("relay")
        return True

    pool = KeyedPool(is_valid=look, close=exchange.close, clock=exchange.clock)
    pool.start()
    lease = take(exchange, pool)
    pool.give_back(lease)
    assert not lease.connection.is_open
    assert pool.figures().connections == 0


def test_stopped_it_hands_out_nothing_and_closes_what_comes_back(
    exchange: Exchange, pool: KeyedPool[Line]
) -> None:
    used, idle = take(exchange, pool), take(exchange, pool)
    pool.give_back(idle)
    assert pool.stop(wait_seconds=30) == 1
    assert exchange.clock.seconds == 1030
    assert not idle.connection.is_open
    with pytest.raises(PoolStopped):
        take(exchange, pool)
    pool.give_back(used)
    assert not used.connection.is_open
    assert pool.stop() == 0


def test_what_was_taken_before_a_stop_is_not_kept_by_a_new_start(
    exchange: Exchange, pool: KeyedPool[Line]
) -> None:
    leases = [take(exchange, pool) for _ in range(3)]
    pool.stop()
    pool.start()
    with pytest.raises(NoFreeConnection):
        take(exchange, pool)
    pool.give_back(leases[0])
    assert take(exchange, pool).connection is not leases[0].connection
    assert exchange.most["relay"] == 3


def test_stopped_while_connecting_the_connection_is_closed(
    exchange: Exchange, pool: KeyedPool[Line]
) -> None:
    def connect() -> Line:
        pool.stop()
        return exchange.to("relay")()

    with pytest.raises(PoolStopped):
        pool.get("relay", connect)
    assert changes(exchange) == [(None, CONNECTING), (CONNECTING, DISCONNECTED)]
    assert exchange.open["relay"] == 0


def test_it_has_to_be_started() -> None:
    exchange = Exchange()
    pool = KeyedPool(is_valid=exchange.serves, close=exchange.close)
    with pytest.raises(PoolStopped):
        take(exchange, pool)


def test_a_new_key_takes_the_place_of_the_one_that_was_not_asked_for_longest(
    exchange: Exchange,
) -> None:
    pool = exchange.pool(keys=2)
    for key in ("relay", "hook", "relay"):
        pool.give_back(take(exchange, pool, key))
    pool.give_back(take(exchange, pool, "bot"))
    assert pool.keys() == ["relay", "bot"]
    assert exchange.open == {"relay": 1, "hook": 0, "bot": 1}


def test_keys_in_use_leave_no_place_for_another(exchange: Exchange) -> None:
    pool = exchange.pool(keys=2)
    leases = [take(exchange, pool, key) for key in ("relay", "hook")]
    with pytest.raises(TooManyKeys):
        take(exchange, pool, "bot")
    pool.give_back(leases[1])
    take(exchange, pool, "bot")


def test_what_fails_to_close_leaves_its_place_too(
    exchange: Exchange, pool: KeyedPool[Line]
) -> None:
    for _ in range(4):
        lease = take(exchange, pool)
        lease.connection.fails_to_close = True
        pool.close(lease)
        assert lease.pooled.last_error == "OSError"
    assert (pool.figures().close_failures, pool.figures().connections) == (4, 0)


def test_an_interrupt_in_the_validity_check_leaves_no_place_taken(exchange: Exchange) -> None:
    def interrupted(_line: Line) -> bool:
        raise KeyboardInterrupt

    pool = KeyedPool(is_valid=interrupted, close=exchange.close)
    pool.start()
    for _ in range(4):
        lease = take(exchange, pool)
        with pytest.raises(KeyboardInterrupt):
            pool.give_back(lease)
    assert pool.figures().connections == exchange.open["relay"] == 0


def test_events_that_fail_or_call_back_break_nothing(exchange: Exchange) -> None:
    def call_back(event: Event | Wait) -> None:
        pool.figures()
        pool.sweep()
        raise RuntimeError(event.key)

    pool = KeyedPool(
        is_valid=exchange.serves, close=exchange.close, clock=exchange.clock, on_event=call_back
    )
    pool.start()
    for _ in range(3):
        pool.give_back(take(exchange, pool))
    assert (pool.figures().idle, pool.figures().event_failures) == (1, 7)


def test_a_key_that_nobody_knows_has_no_figures(pool: KeyedPool[Line]) -> None:
    assert pool.figures("nobody").connections == pool.figures("nobody").created == 0


@pytest.mark.parametrize(
    "wrong", [{"connections_per_key": 0}, {"keys": 0}, {"wait_seconds": -1}], ids=str
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="pool"):
        Limits(**wrong)


def test_a_forked_child_begins_empty_and_leaves_the_lines_of_its_parent_alone(
    exchange: Exchange, pool: KeyedPool[Line]
) -> None:
    used, idle = take(exchange, pool), take(exchange, pool)
    pool.give_back(idle)
    # As if another thread were in the pool at that moment: there is none in the child.
    with pool._changed:
        child = os.fork()
        if child == 0:
            is_right = False
            try:
                pool.give_back(used)
                lines = [take(exchange, pool).connection for _ in range(3)]
                is_right = (
                    idle.connection not in lines
                    and idle.connection.is_open
                    and used.connection.is_open
                    and pool.figures().created == 3
                )
            finally:
                os._exit(0 if is_right else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pool.give_back(used)
    assert pool.figures().idle == 2

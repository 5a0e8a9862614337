"""Whatever is asked of a pool in whatever order, its promises hold.

A model beside it knows which idle line has to come next. `POOL_SEQUENCES` sets how many sequences
are tried, where 10,000 are too many to wait for.
"""

from __future__ import annotations

import os
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chalicelib.pools.connections import Lease
from chalicelib.pools.errors import NoFreeConnection, NotInUse, PoolStopped, TooManyKeys
from tests.pools.lines import ALLOWED, Exchange, Line, SetClock

KEYS = ("relay", "hook", "bot")
MOST_KEYS = 2
IDLE, AGE, WAIT, SWEEP = 300.0, 3600.0, 10.0, 200.0
SEQUENCES = int(os.environ.get("POOL_SEQUENCES", "10000"))
STEPS = 30

# One of them often, so that all of its places are taken at times.
keys = st.sampled_from(["relay"] * 4 + ["hook", "bot"])
positions = st.integers(0, 99)


class PoolMachine(RuleBasedStateMachine):
    """A pool, and what it has to look like."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = SetClock()
        self.exchange = Exchange(self.clock)
        self.pool = self.exchange.pool(
            keys=MOST_KEYS,
            idle_seconds=IDLE,
            age_seconds=AGE,
            wait_seconds=WAIT,
            sweep_seconds=SWEEP,
        )
        self.is_running = True
        self.swept_at = self.clock.now()
        # The least recently used first, with the time at which each came back.
        self.idle: defaultdict[str, list[tuple[Line, float]]] = defaultdict(list)
        self.leases: list[Lease[Line]] = []
        self.spent: list[Lease[Line]] = []
        self.doomed: set[Line] = set()

    def is_fresh(self, line: Line, rested_since: float) -> bool:
        now = self.clock.now()
        return now - rested_since < IDLE and now - line.opened_at < AGE

    def sweep_model(self) -> None:
        self.swept_at = self.clock.now()
        for key, resting in self.idle.items():
            self.idle[key] = [pair for pair in resting if self.is_fresh(*pair)]

    def sweep_model_if_due(self) -> None:
        if self.clock.now() - self.swept_at >= SWEEP:
            self.sweep_model()

    def in_use(self, key: str) -> int:
        return sum(lease.connection.key == key for lease in self.leases)

    # Taking and returning in several rules each, so that they are what happens most.
    @rule(key=keys, is_away=st.sampled_from([False, False, False, True]))
    def take(self, key: str, is_away: bool) -> None:
        self.ask_for(key, is_away)

    @rule(key=keys)
    def take_another(self, key: str) -> None:
        self.ask_for(key)

    def ask_for(self, key: str, is_away: bool = False) -> None:
        self.exchange.is_away = is_away
        known, began = set(self.pool.keys()), self.clock.now()
        if not self.is_running:
            with pytest.raises(PoolStopped):
                self.pool.get(key, self.exchange.to(key))
            self.sweep_model_if_due()
            return
        self.sweep_model_if_due()
        if self.in_use(key) == 3:
            with pytest.raises(NoFreeConnection):
                self.pool.get(key, self.exchange.to(key))
            assert self.clock.now() == began + WAIT
            return
        busy = {lease.connection.key for lease in self.leases}
        if key not in known and len(busy) >= MOST_KEYS:
            with pytest.raises(TooManyKeys):
                self.pool.get(key, self.exchange.to(key))
            return
        serving = [p[0] for p in self.idle[key] if self.is_fresh(*p) and not p[0].is_dead]
        opened = len(self.exchange.lines)
        if not serving and is_away:
            with pytest.raises(ConnectionRefusedError):
                self.pool.get(key, self.exchange.to(key))
            self.idle[key] = []
        else:
            lease = self.pool.get(key, self.exchange.to(key))
            line = lease.connection
            assert line is (serving[0] if serving else self.exchange.lines[opened])
            assert line.is_open
            assert not line.is_used
            line.is_used = True
            self.leases.append(lease)
            resting = [pair[0] for pair in self.idle[key]]
            passed = resting.index(line) + 1 if serving else len(resting)
            self.idle[key] = self.idle[key][passed:]
        # A key that came new may have cost another its place, and its idle lines.
        for other in list(self.idle):
            self.idle[other] = [pair for pair in self.idle[other] if pair[0].is_open]

    @precondition(lambda self: self.leases)
    @rule(position=positions)
    def give_back(self, position: int) -> None:
        self.return_one(position, keep=True)

    @precondition(lambda self: self.leases)
    @rule(position=positions)
    def give_back_another(self, position: int) -> None:
        self.return_one(position, keep=True)

    @precondition(lambda self: self.leases)
    @rule(position=positions, keep=st.booleans())
    def give_back_or_close(self, position: int, keep: bool) -> None:
        self.return_one(position, keep)

    def return_one(self, position: int, keep: bool) -> None:
        lease = self.leases.pop(position % len(self.leases))
        line = lease.connection
        line.is_used = False
        self.spent.append(lease)
        self.pool.give_back(lease, keep=keep)
        is_young = self.clock.now() - line.opened_at < AGE
        stays = keep and is_young and not line.is_dead and self.is_running
        if stays and line not in self.doomed:
            self.idle[line.key].append((line, self.clock.now()))
        else:
            assert not line.is_open
        self.sweep_model_if_due()

    @precondition(lambda self: self.spent)
    @rule(position=positions)
    def give_back_again(self, position: int) -> None:
        with pytest.raises(NotInUse):
            self.pool.close(self.spent[position % len(self.spent)])

    @rule(what=st.sampled_from(["close_key", "sweep", "stop", "break", "events"]), data=st.data())
    def disturb(self, what: str, data: st.DataObject) -> None:
        match what:
            case "close_key":
                self.close_key(data.draw(keys))
            case "sweep":
                self.sweep()
            case "stop":
                self.stop(again=data.draw(st.sampled_from([True, True, False])))
            case "break":
                self.break_a_line(data.draw(positions), data.draw(st.booleans()))
            case "events":
                self.exchange.events_fail = data.draw(st.booleans())

    def close_key(self, key: str) -> None:
        assert self.pool.close_key(key) == len(self.idle[key])
        self.idle[key] = []
        self.doomed |= {lease.connection for lease in self.leases if lease.connection.key == key}

    def sweep(self) -> None:
        before = sum(map(len, self.idle.values()))
        closed = self.pool.sweep()
        self.sweep_model()
        assert closed == before - sum(map(len, self.idle.values()))

    def stop(self, again: bool) -> None:
        assert self.pool.stop(wait_seconds=5) == len(self.leases)
        self.is_running = False
        self.idle.clear()
        self.doomed |= {lease.connection for lease in self.leases}
        if again:
            self.start()

    @precondition(lambda self: not self.is_running)
    @rule()
    def start(self) -> None:
        self.pool.start()
        self.is_running = True

    @rule(seconds=st.sampled_from([1, 1, 1, 100, 199, 299, 301, 3301]))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.seconds += seconds

    def break_a_line(self, position: int, fails_to_close: bool) -> None:
        lines = [line for line in self.exchange.lines if line.is_open]
        if lines:
            line = lines[position % len(lines)]
            line.is_dead = True
            line.fails_to_close = fails_to_close

    @invariant()
    def never_more_than_three_of_a_key_nor_too_many_keys(self) -> None:
        assert max(self.exchange.most.values(), default=0) <= 3
        assert len(self.pool.keys()) <= MOST_KEYS

    @invariant()
    def what_is_used_is_open_and_used_by_one(self) -> None:
        used = [lease.connection for lease in self.leases]
        assert len(set(used)) == len(used)
        assert all(line.is_open and line.is_used for line in used)

    @invariant()
    def nothing_is_open_but_what_is_used_or_idle(self) -> None:
        known = {lease.connection for lease in self.leases}
        known |= {line for resting in self.idle.values() for line, _ in resting}
        assert {line for line in self.exchange.lines if line.is_open} == known

    @invariant()
    def the_figures_add_up(self) -> None:
        whole = self.pool.figures()
        assert whole.created == len(self.exchange.lines)
        assert whole.created - whole.closed - whole.close_failures == whole.connections
        assert (whole.active, whole.connecting, whole.closing) == (len(self.leases), 0, 0)
        assert whole.waiting == 0
        for key in KEYS:
            figures = self.pool.figures(key)
            assert (figures.idle, figures.active) == (len(self.idle[key]), self.in_use(key))

    @invariant()
    def states_change_only_as_they_may(self) -> None:
        assert {(event.before, event.after) for event in self.exchange.events} <= ALLOWED
        self.exchange.events.clear()


@pytest.mark.timeout(1200)
def test_the_pool_keeps_its_promises_in_any_order() -> None:
    run_state_machine_as_test(
        PoolMachine,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

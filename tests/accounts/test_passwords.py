"""Hashes: argon2id as strong as promised, and no easier on nobody."""

from __future__ import annotations

import time

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from chalicelib.accounts.passwords import hash_password, password_matches


def test_a_hash_is_argon2id_with_owasps_parameters() -> None:
    parameters = extract_parameters(hash_password("Rollcall-Demo-2026"))
    assert parameters.type is Type.ID
    assert parameters.memory_cost >= 19456
    assert parameters.time_cost >= 2
    assert parameters.parallelism == 1
    assert parameters.salt_len >= 16


def test_only_the_password_matches_its_hash() -> None:
    hashed = hash_password("Rollcall-Demo-2026")
    assert password_matches(hashed, "Rollcall-Demo-2026")
    assert not password_matches(hashed, "rollcall-demo-2026")
    assert not password_matches(hashed, "Rollcall-Demo-2026 ")
    assert hash_password("Rollcall-Demo-2026") != hashed


def test_a_password_matches_however_the_keyboard_composes_it() -> None:
    assert password_matches(hash_password("Kw7-fjordé"), "Kw7-fjorde\u0301")


@pytest.mark.parametrize("broken", ["", "x", "$argon2id$v=19$m=8", "$2b$12$abcdefghijklmnopqrstuv"])
def test_a_hash_that_is_none_matches_nothing(broken: str) -> None:
    assert not password_matches(broken, "")
    assert not password_matches(broken, "the password of nobody")


def test_nobody_has_no_password_and_takes_the_same_time() -> None:
    hashed = hash_password("Rollcall-Demo-2026")
    assert not password_matches(None, "the password of nobody")

    def fastest(password_hash: str | None) -> float:
        times = []
        for _ in range(5):
            started = time.process_time()
            password_matches(password_hash, "wrong")
            times.append(time.process_time() - started)
        return min(times)

    assert 0.5 < fastest(None) / fastest(hashed) < 2

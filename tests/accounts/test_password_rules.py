"""Which passwords will do: the rules that the server checks and the page shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.accounts.rules import PASSWORD_RULES, broken_password_rules


def broken(
    password: str, username: str = "rosa.d", email: str = "r.delgado@school.example"
) -> list[str]:
    return [rule.code for rule in broken_password_rules(password, username, email)]


@pytest.mark.parametrize(
    "password",
    [
        "Rollcall-Demo-2026",
        "Kw7 fjorden!",
        "just a long phrase",
        "全部都是汉字的一个很长的密码吧好",
        "Ab1" + "x" * 125,
        "twelve chars".title() + "1",
        "ÄÖÜäöü-2026x",
    ],
)
def test_a_good_password_breaks_nothing(password: str) -> None:
    assert broken(password) == []


@pytest.mark.parametrize(
    ("password", "codes"),
    [
        ("", ["length", "variety"]),
        ("Kw7-fjorden", ["length"]),
        ("Ab1" + "x" * 126, ["length"]),
        ("kwxfjordenab", ["variety"]),
        ("kwxfjorden12", ["variety"]),
        ("KWXFJORDEN12", ["variety"]),
        ("kwx fjorden-", ["variety"]),
        ("kwxfjordenabcde", ["variety"]),
        ("Password123!", ["common"]),
        ("PASSWORD123!", ["common"]),
        ("correct horse battery staple", ["common"]),
        ("qwertyuiop", ["length", "variety", "common"]),
        ("My rosa.d 2026", ["personal"]),
        ("ROSA.D-is-me-2026", ["personal"]),
        ("The r.delgado phrase", ["personal"]),
        ("password1234567\n", []),
        ("Kw7-fjorden\n", []),
    ],
)
def test_a_bad_password_breaks_what_it_breaks(password: str, codes: list[str]) -> None:
    assert broken(password) == codes


def test_a_short_name_is_no_part_worth_looking_for() -> None:
    assert broken("A-Wednesday-in-1999", username="ed", email="in@school.example") == []


def test_a_password_is_judged_in_the_form_that_is_hashed() -> None:
    wide = "Ｐａｓｓｗｏｒｄ１２３！"
    assert broken(wide) == ["common"]


def test_an_accent_typed_in_two_ways_counts_alike() -> None:
    composed, decomposed = "Kw7-fjordé-xx", "Kw7-fjorde\u0301-xx"
    assert broken(composed) == broken(decomposed) == []


PATTERNS = [rule for rule in PASSWORD_RULES if rule.pattern]


@given(st.text(max_size=140))
def test_a_rule_with_a_pattern_is_that_pattern(password: str) -> None:
    from chalicelib.accounts.rules import normal_password

    codes = broken(password)
    for rule in PATTERNS:
        anchored = re.compile(str(rule.pattern).removesuffix("$") + r"\Z")
        assert (rule.code in codes) == (not anchored.search(normal_password(password)))


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_javascript_reads_the_patterns_alike() -> None:
    passwords = ["", "Kw7-fjorden", "Kw7-fjorden!", "𝒶" * 12, "𝒶" * 16, "a\nB1-cdefghij", "x" * 129]
    script = (
        "const [patterns, passwords] = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(passwords.map("
        "password => patterns.filter(([, p]) => !new RegExp(p, 'u').test(password)).map(r => r[0])"
        ")))"
    )
    told = subprocess.run(
        ["node", "-e", script],
        input=json.dumps([[(rule.code, rule.pattern) for rule in PATTERNS], passwords]),
        capture_output=True,
        text=True,
        check=True,
    )
    codes = {rule.code for rule in PATTERNS}
    expected = [
        [rule.code for rule in PATTERNS if not re.search(str(rule.pattern), password)]
        for password in passwords
    ]
    assert json.loads(told.stdout) == expected
    assert codes == {"length", "variety"}


def test_every_rule_says_itself_in_a_sentence() -> None:
    assert [rule.code for rule in PASSWORD_RULES] == ["length", "variety", "common", "personal"]
    assert all(rule.message.endswith(".") for rule in PASSWORD_RULES)

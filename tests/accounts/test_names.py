"""Usernames, e-mail addresses and full names: Python, pydantic and Postgres must say the same."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, text

from chalicelib.accounts.rules import (
    EMAIL_PATTERN,
    FULL_NAME_PATTERN,
    canonical_username,
    is_username,
)
from chalicelib.accounts.schemas import Email, FullName, Username

usernames: TypeAdapter[Any] = TypeAdapter(Username)
emails: TypeAdapter[Any] = TypeAdapter(Email)
full_names: TypeAdapter[Any] = TypeAdapter(FullName)
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
beside_postgres = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def codes(adapter: TypeAdapter[Any], value: str) -> list[str]:
    try:
        adapter.validate_python(value)
    except ValidationError as invalid:
        return [error["type"] for error in invalid.errors()]
    return []


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("Rosa", "rosa"),
        (" rosa ", "rosa"),
        ("ＲＯＳＡ", "rosa"),
        ("STRAẞE", "strasse"),
        ("E\u0301lise", "élise"),
        ("李小龙", "李小龙"),
        ("20260001", "20260001"),
        ("o.neill-2_x", "o.neill-2_x"),
        ("ﷺ", "صلىاللهعليهوسلم"),
    ],
)
def test_a_username_is_kept_in_one_spelling(given_: str, kept: str) -> None:
    if kept == "صلىاللهعليهوسلم":
        # NFKC makes four words of this one sign, with spaces in between.
        assert codes(usernames, given_) == ["invalid_character"]
    else:
        assert usernames.validate_python(given_) == kept


@pytest.mark.parametrize(
    ("username", "code"),
    [
        ("", "string_too_short"),
        ("a", "string_too_short"),
        ("a" * 65, "string_too_long"),
        ("ﷺ" * 10, "string_too_long"),
        ("a" * 100_000, "string_too_long"),
        ("rosa@school.example", "invalid_character"),
        ("two words", "invalid_character"),
        (".rosa", "invalid_character"),
        ("-rosa", "invalid_character"),
        ("rosa\n\n.", "invalid_character"),
        ("ro\u200bsa", "invalid_character"),
        ("ro\u202esa", "invalid_character"),
        ("ro\u3164sa", "invalid_character"),
        ("x\u0301\u0301y", "invalid_character"),
        ("१२", "invalid_character"),
        ("😀😀", "invalid_character"),
        ("<b>", "invalid_character"),
    ],
)
def test_what_is_no_username(username: str, code: str) -> None:
    assert codes(usernames, username) == [code]


@pytest.mark.parametrize(
    "address",
    ["a@b.cd", "Rosa.Delgado+x@school.example", "o'neill@a-b.example", f"{'a' * 64}@x.yz"],
)
def test_addresses(address: str) -> None:
    assert emails.validate_python(f" {address} ") == address


@pytest.mark.parametrize(
    "address",
    [
        "rosa@school",
        "rosa.school.example",
        "rosa@@school.example",
        "rosa@-school.example",
        "rosa@school-.example",
        "rosa@school..example",
        "rosa@school.example\nBcc: all@school.example",
        "rosa@school.example\n.",
        "Rosa <rosa@school.example>",
        "rosa d@school.example",
        "rosé@school.example",
        "rosa@schöol.example",
        "a,b@school.example",
        f"rosa@{'a' * 64}.example",
    ],
)
def test_what_is_no_address(address: str) -> None:
    assert codes(emails, address) == ["string_pattern_mismatch"]
    assert codes(emails, "a" * 250 + "@b.cd") == ["string_too_long"]


@pytest.mark.parametrize("name", ["", "O'Neill, Jr.", "李小龙", "<b>Rosa</b>", "=1+1", "👩‍🎓"])
def test_full_names(name: str) -> None:
    assert full_names.validate_python(f" {name} ") == name


@pytest.mark.parametrize(
    "inside", ["\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u2066"]
)
def test_a_full_name_is_one_line_and_turns_nothing_around(inside: str) -> None:
    assert codes(full_names, f"Ro{inside}sa") == ["string_pattern_mismatch"]


def test_the_letters_are_those_of_unicode_fourteen() -> None:
    if unicodedata.unidata_version != "14.0.0":
        pytest.skip("this Python knows another version of Unicode")
    blank = set("\u115f\u1160\u3164\uffa0")
    for number in range(0x110000):
        character = chr(number)
        if 0xD800 <= number <= 0xDFFF or canonical_username(character) != character:
            continue
        is_letter = unicodedata.category(character) in {"Ll", "Lo", "Lm"}
        expected = character in "0123456789" or (is_letter and character not in blank)
        assert is_username(character) == expected, hex(number)


@beside_postgres
@given(name=st.text(CHARACTERS, max_size=8) | st.text("aé李-._@ 1", max_size=8))
@example(name="ǅungla")
@example(name="\u0345x")
def test_postgres_reads_usernames_alike(owner: Connection, name: str) -> None:
    canonical, matches = owner.execute(
        text("SELECT canonical_username(:name), is_username(canonical_username(:name))"),
        {"name": name},
    ).one()
    assert matches == is_username(canonical)
    if canonical != canonical_username(name):
        # Postgres knows a newer Unicode: letters that Python has never seen are no letters here.
        assert not matches
        assert not is_username(canonical_username(name))


@beside_postgres
@given(
    address=st.emails()
    | st.text("aA1.-@+'ü \n", max_size=12)
    | st.from_regex(EMAIL_PATTERN, alphabet=st.characters(max_codepoint=126))
)
def test_postgres_reads_addresses_alike(owner: Connection, address: str) -> None:
    statement = text("SELECT CAST(:address AS text) ~ :pattern")
    matches = owner.execute(statement, {"address": address, "pattern": EMAIL_PATTERN}).scalar_one()
    if len(address) <= 254 and address == address.strip():
        assert matches == (codes(emails, address) == [])


@beside_postgres
@given(name=st.text(CHARACTERS, max_size=6))
@example(name="a\u202eb")
@example(name="a\x01")
@example(name="\x7f")
@example(name="\u2069")
def test_postgres_reads_full_names_alike(owner: Connection, name: str) -> None:
    statement = text("SELECT CAST(:name AS text) ~ :pattern")
    matches = owner.execute(statement, {"name": name, "pattern": FULL_NAME_PATTERN}).scalar_one()
    if name == name.strip():
        assert matches == (codes(full_names, name) == [])

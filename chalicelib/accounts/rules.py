"""Who may be what, and which passwords will do: pure rules of the people, without any I/O.

The password rules are told to everybody by `GET /auth/password-rules`; a rule that has a pattern is
checked by that pattern here and by the page, so that the two cannot disagree.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from chalicelib.accounts.alphabet import LETTERS

Role = Literal["student", "teacher", "registrar", "manager"]

ROLES: tuple[Role, ...] = ("student", "teacher", "registrar", "manager")
SIGNED_IN: tuple[Role, ...] = ()
TEACHING: tuple[Role, ...] = ("teacher", "registrar", "manager")
STAFF: tuple[Role, ...] = ("registrar", "manager")
MANAGERS: tuple[Role, ...] = ("manager",)


class Caller(NamedTuple):
    """Who sends a request, as the access token says, and from which address."""

    id: int
    username: str
    role: Role
    ip: str = ""


class Stranger(NamedTuple):
    """Who sends a request without having signed in."""

    ip: str
    id: None = None


# What browsers take for a valid e-mail address (WHATWG HTML, 4.10.5.1.5), with a dot in the domain.
# Read alike by Python, pydantic and Postgres.
EMAIL_PATTERN = (
    r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@"
    r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+$"
)
LONGEST_EMAIL = 254
SHORTEST_USERNAME, LONGEST_USERNAME = 2, 64
LONGEST_FULL_NAME = 200
# Neither controls nor what turns the direction of the text around it (UAX #9).
FULL_NAME_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$"


def canonical_username(name: str) -> str:
    """Return the one spelling that a username is kept and looked up in (NFKC, case-folded).

    Postgres has the same as a function, and a check that every username is in this form.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)


def is_username(canonical: str) -> bool:
    """Tell whether a canonical name is one: letters of any script, digits, and `.`, `_`, `-`
    inside or behind them. There is no `@`, so that it is never taken for an e-mail address.

    Postgres has the same as a function, too.
    """
    return _username().fullmatch(canonical) is not None


@cache
def _username() -> re.Pattern[str]:
    return re.compile(rf"(?![._-])[{LETTERS}0-9._-]+")


class PasswordRule(NamedTuple):
    """A rule that a new password must keep; `pattern` is a JavaScript and Python regex, flag u."""

    code: str
    message: str
    pattern: str | None = None


_KINDS = (r"(?=[\s\S]*[a-z])", r"(?=[\s\S]*[A-Z])", r"(?=[\s\S]*[0-9])", r"(?=[\s\S]*[^a-zA-Z0-9])")
_THREE_KINDS = "|".join(
    "".join(kind for kind in _KINDS if kind is not left_out) for left_out in _KINDS
)

PASSWORD_RULES: tuple[PasswordRule, ...] = (
    PasswordRule("length", "Use 12 to 128 characters.", r"^[\s\S]{12,128}$"),
    PasswordRule(
        "variety",
        "Mix three of: lower case, upper case, digits, other characters; or use 16 or more.",
        rf"^(?:[\s\S]{{16,}}|(?:{_THREE_KINDS})[\s\S]*)$",
    ),
    PasswordRule("common", "Do not use one of the well-known passwords."),
    PasswordRule("personal", "Do not use your username or e-mail name in it."),
)
_PATTERNS = {
    rule.code: re.compile(rule.pattern.removesuffix("$") + r"\Z")
    for rule in PASSWORD_RULES
    if rule.pattern
}
_SHORTEST_NAME = 4


def normal_password(password: str) -> str:
    """Return the form that is checked and hashed: the same on every keyboard (SP 800-63B, NFKC)."""
    return unicodedata.normalize("NFKC", password)


def broken_password_rules(password: str, username: str, email: str) -> list[PasswordRule]:
    """Return the rules that a new password breaks, in the order of PASSWORD_RULES.

    A username or e-mail name of fewer than four characters does not count as contained: `ed` is in
    half of all phrases.
    """
    password = normal_password(password)
    folded = password.casefold()
    names = (username.casefold(), email.partition("@")[0].casefold())
    broken = {code for code, pattern in _PATTERNS.items() if not pattern.match(password)}
    if folded in _common_passwords():
        broken.add("common")
    if any(len(name) >= _SHORTEST_NAME and name in folded for name in names):
        broken.add("personal")
    return [rule for rule in PASSWORD_RULES if rule.code in broken]


@cache
def _common_passwords() -> frozenset[str]:
    lines = Path(__file__).with_name("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line.casefold() for line in lines if line and not line.startswith("# "))

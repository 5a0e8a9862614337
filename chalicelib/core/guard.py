"""Refuse what pins a server behind RDS Proxy or leaks into another client behind PgBouncer.

In the stages local, test and dev such a statement fails, on the desk and not as a rising connection
count in production; there it is counted, logged once, and sent. Judges the text of a statement,
once for each text, and how it is about to be sent. docs/database.md lists what is refused, and
what is allowed in its place.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from chalicelib.core import figures
from chalicelib.core.cursor import FlightCursor

log = logging.getLogger(__name__)

_GUARDED = figures.Counter(
    "guarded_statements_total", "Statements that the guard refuses where it is on."
)

MAX_STATEMENT_BYTES = 16_384
MAX_PARAMETER_SETS = 100


class GuardViolation(RuntimeError):
    """A statement that must not reach the pooler; says which rule, and what to do instead."""

    def __init__(self, rule: str, remedy: str, statement: str = "") -> None:
        self.rule = rule
        shown = f" Statement: {shape_of(statement)[:200]}" if statement else ""
        super().__init__(f"{rule}. Instead: {remedy}.{shown}")


class _Rule(NamedTuple):
    is_broken_by: Callable[[str], object]
    rule: str
    remedy: str


def _anywhere(words: str) -> Callable[[str], object]:
    return re.compile(words, re.IGNORECASE).search


def _starts(words: str) -> Callable[[str], object]:
    return _anywhere(rf"(?:^|;)\s*(?:{words})")


def _sets_config_for_a_session(text: str) -> bool:
    """Tell whether a set_config has anything but `true` as its last argument."""
    for call in re.finditer(r"\bset_config\s*\(", text, re.IGNORECASE):
        depth, start = 1, call.end()
        for end in range(start, len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if depth == 0:
                break
            if depth == 1 and text[end] == ",":
                start = end + 1
        if text[start:end].strip().lower() != "true":
            return True
    return False


_QUOTED = re.compile(
    r"""
      \$(?P<tag>[A-Za-z_]\w*|)\$(?P<body>.*?)\$(?P=tag)\$
    | (?P<string>\b[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<comment>--[^\n]* | /\*.*?\*/)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"(?<![\w$.])\d+(?:\.\d+)?\b")
_SPACE = re.compile(r"\s+")

_HAS_CODE = re.compile(r"\s*(?:do|create)\b", re.IGNORECASE)
_RULES = (
    _Rule(
        _starts(r"set\s+session\s+characteristics\b"),
        "SET SESSION CHARACTERISTICS leaks to the next client",
        "SET TRANSACTION, first in the transaction; for lone reads lone_read()",
    ),
    _Rule(
        _starts(r"set\s+(?!local\b|transaction\b|constraints\b)"),
        "a plain SET leaks to the next client",
        "SET LOCAL, or ALTER ROLE … SET in a migration",
    ),
    _Rule(
        _sets_config_for_a_session,
        "set_config without a literal true leaks to the next client",
        "set_config(name, value, true)",
    ),
    _Rule(_starts(r"reset\b"), "RESET pins the session", "SET LOCAL, which ends by itself"),
    _Rule(
        _starts(r"(?:prepare|execute|deallocate)\b"),
        "a prepared statement stays with a server that another client gets next",
        "send the statement itself; its binds go in the same flight",
    ),
    _Rule(_starts(r"discard\b"), "DISCARD pins the session", "leave nothing to discard"),
    _Rule(
        _starts(r"(?:listen|unlisten)\b"),
        "LISTEN needs a session of its own",
        "an outbox row and a queue",
    ),
    _Rule(
        _anywhere(
            r"\b(?:create|into)\s+(?:(?:global|local|or\s+replace|recursive)\s+)*temp(?:orary)?\b"
            r"|\bpg_temp\b"
        ),
        "a temporary table, view or sequence pins the session",
        "a permanent staging table keyed by task",
    ),
    _Rule(
        _starts(r"(?:declare|fetch|move|close)\b"),
        "a named cursor pins the session",
        "keyset pages, or COPY … TO STDOUT",
    ),
    _Rule(
        _anywhere(r"\bpg_(?:try_)?advisory_(?:lock|unlock)\w*"),
        "a session's advisory lock stays with the server, not with the client",
        "pg_advisory_xact_lock",
    ),
    _Rule(
        _anywhere(r"\b(?:nextval|setval|currval|lastval)\s*\("),
        "nextval and its kin pin the session",
        "an IDENTITY column and RETURNING",
    ),
    _Rule(_starts(r"load\b"), "LOAD changes the session", "shared_preload_libraries"),
    _Rule(
        _anywhere(r"\bsetseed\s*\("),
        "setseed stays with the server, for whoever is next",
        "random numbers of Python",
    ),
)
_READS = re.compile(r"\s*\(*\s*(?:select|with|values|table|show|explain)\b", re.IGNORECASE)
_writes = _anywhere(
    r"\b(?:insert|update|delete|merge|into|create|truncate)\b"
    r"|\bfor\s+(?:key\s+)?share\b|;\s*\S"
)


@lru_cache(maxsize=1024)
def broken_rule(statement: str) -> tuple[str, str] | None:
    """Return the rule that a statement breaks wherever it runs, with its remedy, or None."""
    if len(statement.encode()) > MAX_STATEMENT_BYTES:
        return (
            f"a statement above {MAX_STATEMENT_BYTES} bytes pins the session",
            "INSERT … SELECT, unnest(:array) or COPY",
        )
    text = _bare(statement, with_code=_HAS_CODE.match(statement) is not None)
    for rule in _RULES:
        if rule.is_broken_by(text):
            return rule.rule, rule.remedy
    return None


@lru_cache(maxsize=1024)
def only_reads(statement: str) -> bool:
    """Tell whether a statement is a single one that reads and takes no lock."""
    text = _bare(statement)
    return _READS.match(text) is not None and not _writes(text)


def shape_of(statement: str) -> str:
    """Return a statement without its literals and comments, on one line: fit for a log."""
    return _SPACE.sub(" ", _NUMBER.sub("?", _bare(statement))).strip()


def _bare(statement: str, *, with_code: bool = False) -> str:
    """Empty the literals, drop the comments, mask `;` in names; keep $$ code $$ where asked."""

    def replaced(match: re.Match[str]) -> str:
        if match["comment"] is not None:
            return " "
        if match["name"] is not None:
            return match["name"].replace(";", "_")
        if match["body"] is not None and with_code:
            return f" {_bare(match['body'])} "
        return "''"

    return _QUOTED.sub(replaced, statement)


def check(cursor: Any, statement: str, parameters: Any, *, executemany: bool = False) -> None:
    """Judge a statement that is about to be sent with `cursor`.

    Raises:
        GuardViolation: it must not reach the pooler, or not in this way.
    """
    if broken := _broken(cursor, statement, parameters, executemany):
        raise GuardViolation(*broken, statement)


def note(cursor: Any, statement: str, parameters: Any, *, executemany: bool = False) -> None:
    """Count a statement that `check` refuses, and log the first of each text."""
    if broken := _broken(cursor, statement, parameters, executemany):
        _GUARDED.add()
        _log_once(statement, broken[0])


def _broken(
    cursor: Any, statement: str, parameters: Any, executemany: bool
) -> tuple[str, str] | None:
    if broken := broken_rule(statement):
        return broken
    if getattr(cursor, "server_side", False):
        return (
            "stream_results declares a named cursor, which pins the session",
            "keyset pages, or COPY … TO STDOUT",
        )
    if executemany and len(parameters) > MAX_PARAMETER_SETS:
        return (
            f"a loop over more than {MAX_PARAMETER_SETS} parameter sets, a round trip for each",
            "one statement over a set: unnest(:array), INSERT … SELECT or COPY",
        )
    if cursor._c.autocommit:
        if parameters and not isinstance(cursor, FlightCursor):
            return (
                "stock pg8000 with binds outside a transaction runs another client's statement",
                "the engine of core.database",
            )
        if not only_reads(statement):
            return "lone_read() is for one SELECT without locks", "transaction()"
    return None


@lru_cache(maxsize=256)
def _log_once(statement: str, rule: str) -> None:
    log.error("guarded_statement", extra={"rule": rule, "shape": shape_of(statement)[:1000]})

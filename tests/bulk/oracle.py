"""What an import of courses must do, said a second time: slowly, row by row, in plain Python."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

ESCAPED = re.compile(r"'+[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)


@dataclass
class Expected:
    """The outcome of each line, and the catalogue afterwards: lower code -> course."""

    outcomes: dict[int, str] = field(default_factory=dict)
    errors: dict[int, list[str]] = field(default_factory=dict)
    courses: dict[str, tuple[str, str, str, Decimal]] = field(default_factory=dict)


def expected(
    courses: dict[str, tuple[str, str, str, Decimal]],
    header: Sequence[str],
    rows: Sequence[tuple[int, Sequence[str]]],
) -> Expected:
    """Return what becomes of `courses` when a file with these rows, by line, is imported."""
    result = Expected(courses=dict(courses))
    seen: set[str] = set()
    for line, cells in rows:
        errors: list[str] = []
        if len(cells) != len(header):
            result.outcomes[line], result.errors[line] = "failed", ["wrong_column_count"]
            continue
        row = {name: _meant(cell) for name, cell in zip(header, cells, strict=True)}
        code = _meant(cells[list(header).index("code")].strip())
        old = courses.get(code.lower())
        title, description = row.get("title"), row.get("description")
        errors += _code_errors(code)
        errors += _title_errors(title, is_new=old is None)
        if description is not None and len(description) > 10_000:
            errors.append("too_long")
        credits, problems = _credits(row.get("credits"))
        errors += problems
        if not errors and code.lower() in seen:
            errors.append("duplicate_in_file")
        if errors:
            result.outcomes[line], result.errors[line] = "failed", errors
            continue
        seen.add(code.lower())
        before = old or (code, "", "", Decimal("3.0"))
        after = (
            before[0],
            before[1] if title is None else title,
            before[2] if description is None else description,
            before[3] if credits is None else credits,
        )
        result.courses[code.lower()] = after
        result.outcomes[line] = (
            "created" if old is None else "unchanged" if after == old else "updated"
        )
    return result


def _meant(cell: str) -> str:
    return cell[1:] if ESCAPED.match(cell) else cell


def _controls(text: str, allowed: str = "") -> bool:
    return any((c < " " or "\x7f" <= c <= "\x9f") and c not in allowed for c in text)


def _code_errors(code: str) -> list[str]:
    errors = []
    if not code:
        errors.append("required")
    if len(code) > 32:
        errors.append("too_long")
    if _controls(code):
        errors.append("invalid_character")
    return errors


def _title_errors(title: str | None, *, is_new: bool) -> list[str]:
    if title is None:
        return ["required"] if is_new else []
    errors = []
    if not title:
        errors.append("required")
    if len(title) > 128:
        errors.append("too_long")
    if _controls(title, "\t\r\n"):
        errors.append("invalid_character")
    return errors


def _credits(cell: str | None) -> tuple[Decimal | None, list[str]]:
    number = (cell or "").strip(" \t\r\n")
    if not number:
        return None, []
    if not NUMBER.fullmatch(number):
        return None, ["invalid_number"]
    value = Decimal(number)
    errors = []
    if not 0 <= value <= Decimal("999.9"):
        errors.append("out_of_range")
    if value != round(value, 1):
        errors.append("too_precise")
    return value, errors

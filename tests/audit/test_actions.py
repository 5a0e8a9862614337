"""Every action is written somewhere, and told on the page for those who read the log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from chalicelib.audit.actions import Action

ROOT = Path(__file__).parents[2]
ACTIONS: tuple[str, ...] = get_args(Action)
ROW = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)
SOURCES = [
    path.read_text("utf-8")
    for path in (ROOT / "chalicelib").rglob("*.py")
    if path.name != "actions.py"
]


def test_the_page_tells_of_every_action_and_of_no_other() -> None:
    assert ROW.findall((ROOT / "docs/audit.md").read_text("utf-8")) == list(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_code_writes_it(action: str) -> None:
    assert any(f'"{action}"' in source or f"'{action}'" in source for source in SOURCES)


def test_no_statement_writes_another() -> None:
    """What mypy sees of `audit.add`, said of the statements that write many events at once."""
    nouns = "|".join({action.partition("_")[0] for action in ACTIONS})
    written = [
        name
        for source in SOURCES
        for statement in re.findall(r"INSERT INTO audit_events.*?\"\"\"", source, re.DOTALL)
        for name in re.findall(rf"'((?:{nouns})_[a-z_]+)'", statement)
    ]
    assert written
    assert set(written) <= set(ACTIONS)

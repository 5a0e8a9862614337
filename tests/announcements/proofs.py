"""Proofs as a reader of docs/announcements.md would save and check them."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chalicelib.announcements import ledger
from chalicelib.core import database
from chalicelib.core.pagination import PageQuery

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "announcements.md"


@cache
def program() -> str:
    """Return the program of the page."""
    (found,) = re.findall(r"```python\n(.*?)```", _PAGE.read_text("utf-8"), re.DOTALL)
    return str(found)


def seal(announcement: int) -> int:
    """Seal all there is, and return how many seals that took."""
    made, last = 0, None
    while last != 0:
        with database.transaction() as connection:
            last = ledger.seal_events(connection, announcement)
        made += last
    return made


def save_proof(announcement: int, limit: int = 200) -> list[dict[str, Any]]:
    """Seal all there is, and return the pages of the proof."""
    seal(announcement)
    pages: list[dict[str, Any]] = []
    cursor = None
    while not pages or cursor:
        with database.transaction() as connection:
            query = PageQuery(limit=limit, cursor=cursor)
            pages.append(json.loads(ledger.list_proof(connection, announcement, query).json))
        cursor = pages[-1]["next"]
    return pages


def check(pages: list[dict[str, Any]]) -> int:
    """Check pages by the program, here and now; return with what it ends."""
    return _with_saved([json.dumps(page).encode() for page in pages], _run_here)


def check_saved(pages: list[bytes]) -> int:
    """Run the program on saved pages as its reader would; return with what it ends."""
    return _with_saved(pages, _run_as_told)


def _with_saved(pages: list[bytes], run: Callable[[list[str]], int]) -> int:
    with TemporaryDirectory() as directory:
        paths = [Path(directory) / f"{number}.json" for number in range(len(pages))]
        for path, page in zip(paths, pages, strict=True):
            path.write_bytes(page)
        return run([str(path) for path in paths])


def _run_here(paths: list[str]) -> int:
    before, sys.argv = sys.argv, ["check_proof.py", *paths]
    try:
        with redirect_stdout(io.StringIO()):
            exec(compile(program(), "check_proof.py", "exec"), {})
    except SystemExit as end:
        return 0 if end.code is None else 1
    except Exception:
        # As the interpreter would.
        return 1
    finally:
        sys.argv = before
    return 0


def _run_as_told(paths: list[str]) -> int:
    command = [sys.executable, "-I", "-c", program(), *paths]
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode

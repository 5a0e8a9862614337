"""What can be told of the web app without a browser: its own tests, its types, its weight."""

from __future__ import annotations

import gzip
import re
import subprocess

import pytest

from .conftest import CHECKOUT

WEB = CHECKOUT / "web"
# All scripts that index.html names, compressed: what a first visit waits for.
_MOST_BYTES_OF_FIRST_LOAD = 170_000


@pytest.mark.parametrize("script", ["test", "types:check"])
def test_the_web_apps_own_check_passes(script: str) -> None:
    done = subprocess.run(
        ["npm", "run", "--silent", script],
        cwd=WEB,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_first_load_is_small() -> None:
    page = (WEB / "dist" / "index.html").read_text()
    scripts = re.findall(r'(?:src|href)="/(assets/[^"]+\.js)"', page)
    assert scripts
    sizes = [len(gzip.compress((WEB / "dist" / script).read_bytes())) for script in scripts]
    assert sum(sizes) <= _MOST_BYTES_OF_FIRST_LOAD

"""What a function imports is what ships with it, or comes with the Lambda runtime."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = {"boto3"}
# mako and pyjwt try for these and do without.
OPTIONAL = {"cryptography", "pygments"}
# Chalice's own packaging adds itself to the API function.
ADDED_TO_THE_API = {"chalice"}
# Imported while a request is answered, and not before.
LATER = ["icalendar", "nacl.secret"]
HANDLERS = sorted(f"functions.{path.parent.name}.handler" for path in ROOT.glob("functions/*/*.py"))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def with_dependencies(names: set[str]) -> set[str]:
    found: set[str] = set()
    left = {canonical(name) for name in names}
    while left:
        name = left.pop()
        found.add(name)
        for requirement in metadata.requires(name) or []:
            if "extra ==" not in requirement:
                needed = canonical(re.split(r"[\s;<>=!~\[(]", requirement, maxsplit=1)[0])
                if needed not in found:
                    left |= {needed} & installed()
    return found


def installed() -> set[str]:
    return {canonical(d.metadata["Name"]) for d in metadata.distributions()}


def shipped() -> set[str]:
    lines = (ROOT / "infra/requirements-lambda.txt").read_text().splitlines()
    return {line.split("==")[0] for line in lines if line and not line.startswith("#")}


@pytest.mark.parametrize("module", [*sorted(set(HANDLERS) - {"functions.handler"}), "app", *LATER])
def test_its_imports_ship(module: str) -> None:
    code = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    loaded = {name.partition(".")[0] for name in json.loads(printed)}
    owners = metadata.packages_distributions()
    used = {canonical(owner) for name in loaded for owner in owners.get(name, ())}
    allowed = shipped() | RUNTIME | (ADDED_TO_THE_API if module == "app" else set())
    # A package's start-up file loads it into every process of the virtual environment.
    assert used - with_dependencies(allowed) - OPTIONAL - {"setuptools"} == set()

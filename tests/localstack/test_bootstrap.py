"""Set-up: what is missing is one line that says what to do, what is up to date is left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import bootstrap
import pytest


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bootstrap, "CHECKOUT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "WEB", tmp_path / "web")
    monkeypatch.setattr(bootstrap, "LOG", tmp_path / "setup.log")
    return tmp_path


def tools(monkeypatch: pytest.MonkeyPatch, *present: str) -> None:
    monkeypatch.setattr(
        "bootstrap.shutil.which", lambda name, **_: f"/bin/{name}" if name in present else None
    )


def commands(monkeypatch: pytest.MonkeyPatch, code: int = 0) -> list[list[str]]:
    run: list[list[str]] = []

    def note(command: list[str], directory: Path | None = None) -> int:
        del directory
        run.append(command)
        return code

    monkeypatch.setattr(bootstrap, "_run", note)
    return run


def test_an_old_python_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    tools(monkeypatch)
    monkeypatch.setattr("bootstrap.sys.version_info", (3, 9, 2))
    with pytest.raises(bootstrap.SetupFailed, match=r"Python 3\.11 or newer .*`make PYTHON="):
        bootstrap.use_new_enough_python()


def test_an_old_python_hands_over_to_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    tools(monkeypatch, "python3.12")
    started: list[Any] = []
    monkeypatch.setattr("bootstrap.sys.version_info", (3, 9, 2))
    monkeypatch.setattr("bootstrap.os.execv", lambda *call: started.append(call[0]))
    with pytest.raises(bootstrap.SetupFailed):
        bootstrap.use_new_enough_python()
    assert started == ["/bin/python3.12"]


@pytest.mark.parametrize(("version", "told"), [("v18.19.0", "found v18.19.0"), (None, "none")])
def test_an_old_or_missing_node_is_refused(
    monkeypatch: pytest.MonkeyPatch, version: str | None, told: str
) -> None:
    tools(monkeypatch, *(("node", "npm") if version else ()))
    answer = subprocess.CompletedProcess([], 0, (version or "").encode())
    monkeypatch.setattr("bootstrap.subprocess.run", lambda *_, **__: answer)
    with pytest.raises(bootstrap.SetupFailed, match=f"Node 20 or newer with npm .*{told}"):
        bootstrap._check_node()


def test_a_missing_pooler_is_installed_and_its_service_stays_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    present = ["apt-get", "systemctl"]
    tools(monkeypatch, *present)
    monkeypatch.setattr("bootstrap.os.geteuid", lambda: 0)
    run: list[str] = []

    def note(command: list[str], directory: Path | None = None) -> int:
        del directory
        run.append(" ".join(command))
        tools(monkeypatch, *present, "pgbouncer")
        return 0

    monkeypatch.setattr(bootstrap, "_run", note)
    bootstrap.install_pooler()
    assert "apt-get install -y --no-install-recommends pgbouncer" in run[0]
    assert "systemctl disable --now pgbouncer" in run
    run.clear()
    bootstrap.install_pooler()
    assert run == []


def test_where_sudo_wants_a_password_the_command_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    tools(monkeypatch, "apt-get")
    monkeypatch.setattr("bootstrap.os.geteuid", lambda: 1000)
    refused = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr("bootstrap.subprocess.run", lambda *_, **__: refused)
    with pytest.raises(bootstrap.SetupFailed, match="run `sudo apt-get install pgbouncer`"):
        bootstrap.install_pooler()


def test_without_a_package_manager_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    tools(monkeypatch)
    with pytest.raises(bootstrap.SetupFailed, match="install the package `pgbouncer`"):
        bootstrap.install_pooler()


def test_packages_are_installed_again_only_when_the_list_changed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = commands(monkeypatch)
    (checkout / "requirements.txt").write_text("alembic==1.0\n")
    tool = checkout / ".venv" / "bin"
    tool.mkdir(parents=True)
    (tool / "pip").touch()
    (tool / "python").touch()
    bootstrap.make_environment()
    bootstrap.make_environment()
    assert len(run) == 1
    assert "--require-hashes" in run[0]
    (checkout / "requirements.txt").write_text("alembic==2.0\n")
    bootstrap.make_environment()
    assert len(run) == 2


def test_the_web_app_is_built_again_only_when_a_source_changed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = commands(monkeypatch)
    monkeypatch.setattr(bootstrap, "_check_node", lambda: None)
    web = checkout / "web"
    for folder in ("src", "dist", "node_modules"):
        (web / folder).mkdir(parents=True)
    (web / "package-lock.json").write_text("{}")
    (web / "src" / "main.tsx").write_text("1")
    (web / "dist" / "index.html").touch()

    def run_since() -> list[str]:
        bootstrap.build_web()
        words = [command[1] for command in run]
        run.clear()
        return words

    assert run_since() == ["ci", "run"]
    assert run_since() == []
    (web / "src" / "main.tsx").write_text("2")
    assert run_since() == ["run"]
    (web / "dist" / "index.html").unlink()
    assert run_since() == ["run"]


def test_a_failed_step_shows_the_end_of_its_log(checkout: Path) -> None:
    script = "print('hash mismatch for alembic'); raise SystemExit(4)"
    with pytest.raises(bootstrap.SetupFailed, match="failed with code 4") as failure:
        bootstrap._step("installing", [sys.executable, "-c", script], checkout)
    assert "hash mismatch for alembic" in str(failure.value)

"""Where state is kept, who may read it, and what happens where another user cannot reach it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import places
import pytest
from places import Place, PlaceError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes users")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "state")
    place.prepare()
    return place


def test_secrets_are_made_once_and_private(place: Place) -> None:
    made = place.secrets
    assert Place(place.state).secrets == made
    assert len(set(made.values())) == len(made)
    assert (place.state / "secrets.json").stat().st_mode & 0o777 == 0o600


@needs_root
def test_what_the_user_cannot_reach_is_kept_elsewhere_and_runs_there(place: Place) -> None:
    place.state.chmod(0o700)
    try:
        directory, tree = place.database_files, place.postgres_tree
        assert directory.parent == Path("/var/tmp")
        shown = subprocess.run(
            [tree / "bin" / "postgres", "--version"],
            user=place.account.uid,
            group=place.account.gid,
            extra_groups=[],
            capture_output=True,
            text=True,
            cwd="/",
            check=True,
        )
        assert "PostgreSQL" in shown.stdout
        assert Place(place.state).database_files == directory
    finally:
        place.remove()
    assert not directory.exists()
    assert not place.state.exists()


@needs_root
def test_what_a_deleted_state_left_elsewhere_is_not_taken_over(place: Place) -> None:
    place.state.chmod(0o700)
    (place.database_files / "old").touch()
    (place.state / "secrets.json").unlink()
    try:
        assert not (Place(place.state).database_files / "old").exists()
    finally:
        place.remove()


@needs_root
def test_a_directory_of_somebody_else_is_refused(place: Place) -> None:
    place.state.chmod(0o700)
    squatted = places._outside_path(place.state)
    squatted.mkdir()
    os.chown(squatted, 65534, 65534)
    try:
        with pytest.raises(PlaceError, match="belongs to somebody else"):
            _ = place.database_files
    finally:
        squatted.rmdir()

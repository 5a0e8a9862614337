"""What /metrics adds up over processes, dead ones among them, and that Prometheus can read it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chalicelib.core import database, figures
from chalicelib.core.settings import reset_settings
from chalicelib.operations import exposition, pooler, queues

pytestmark = pytest.mark.usefixtures("clean_database")

HERE = Path(__file__).parent
Start = Callable[[int], subprocess.Popen[bytes]]


@pytest.fixture
def nothing_counted() -> Iterator[None]:
    """Figures from nothing on, those of the pool too, and no trace of them afterwards."""
    database.close()
    figures.reset()
    declared = figures._figures.copy()
    yield
    database.close()
    figures.reset()
    figures._figures[:] = declared
    pooler.forget_figures()
    queues.forget_figures()


@pytest.fixture
def folder(
    nothing_counted: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder where processes share what they count."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    reset_settings()
    yield tmp_path
    database.close()
    monkeypatch.undo()
    reset_settings()


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(requests: int) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "counting_process.py"), str(requests)],
            cwd=HERE.parents[1],
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def numbers() -> dict[str, float]:
    """Return what /metrics says, by name and label values."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(exposition.metrics_text())
        for sample in family.samples
    }


def test_sums_are_right_with_two_processes_killed_in_between(start: Start) -> None:
    processes = [start(requests) for requests in (3, 5, 7)]
    for killed in processes[:2]:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    start(11)
    found = numbers()
    assert found["probe_requests_total /a"] == 3 + 5 + 7 + 11
    assert found["probe_requests_total /b"] == 2 * (3 + 5 + 7 + 11)
    assert found["probe_seconds_count"] == 26
    assert found["probe_seconds_sum"] == pytest.approx(26 * 0.02)
    assert found["probe_seconds_bucket 0.01"] == 0
    assert found["probe_seconds_bucket 0.025"] == found["probe_seconds_bucket +Inf"] == 26
    # What the dead had open is open no more; this process has a pool too.
    own = database.pool_use()
    assert found["db_pool_max_connections"] == 2 * 5 + own.max_connections
    assert found["db_pool_size"] == 2 * 3 + own.pool_size


def test_what_the_dead_counted_is_put_together_and_stays(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exposition, "_PILE", 2)
    gone = set()
    for requests in (3, 5):
        dead = start(requests)
        dead.kill()
        dead.wait()
        gone.add(str(dead.pid))
    start(7)
    for _ in range(2):
        found = numbers()
        assert found["probe_requests_total /a"] == 15
        assert found["probe_seconds_count"] == found["probe_seconds_bucket 0.025"] == 15
    left = {path.stem.partition("_")[2] for path in folder.glob("*.db")}
    assert "dead" in left
    assert not gone & left


def test_a_process_with_the_pid_of_a_dead_one_goes_on_from_there(
    folder: Path,
) -> None:
    for in_use in (2, 1):
        figures.reset()
        figures._figures[:] = [f for f in figures.all_figures() if "probe_pid" not in f.name]
        figures.Counter("probe_pid_total", "Of a test.").add((), 5)
        figures.Gauge("probe_pid_open", "Of a test.").add(in_use)
    found = numbers()
    assert found["probe_pid_total"] == 10
    assert found["probe_pid_open"] == 1


def test_a_process_alone_tells_of_itself(nothing_counted: None) -> None:
    figures.Counter("probe_alone_total", "Of a test.", ("route",)).add(('/a"b',))
    histogram = figures.Histogram("probe_alone_seconds", "Of a test.", ("route",))
    for seconds in (0.001, 0.02, 40.0):
        histogram.observe(seconds, ("/a",))
    found = numbers()
    assert found['probe_alone_total /a"b'] == 1
    assert found["probe_alone_seconds_count /a"] == 3
    assert found["probe_alone_seconds_bucket 0.005 /a"] == 1
    assert found["probe_alone_seconds_bucket 0.025 /a"] == 2
    assert found["probe_alone_seconds_bucket 30.0 /a"] == 2
    assert found["probe_alone_seconds_bucket +Inf /a"] == 3
    assert found["probe_alone_seconds_sum /a"] == pytest.approx(40.021)
    assert found["outbox_oldest_age_seconds"] == 0


@pytest.mark.parametrize("shared", [True, False])
def test_promtool_finds_nothing_to_complain_of(
    shared: bool, request: pytest.FixtureRequest
) -> None:
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    promtool = shutil.which("promtool", path=os.pathsep.join(places))
    if promtool is None:
        pytest.skip("promtool is not installed")
    if shared:
        request.getfixturevalue("folder")
        request.getfixturevalue("start")(3)
    text = exposition.metrics_text()
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_what_is_away_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLER_ADMIN_URL", "postgresql://nobody:x@127.0.0.1:1/pgbouncer")
    monkeypatch.setenv("QUEUE_MAIL_URL", "http://127.0.0.1:1/000000000000/mail")
    reset_settings()
    pooler.forget_figures()
    queues.forget_figures()
    figures.Counter("probe_rest_total", "Of a test.").add()
    found = numbers()
    assert found["probe_rest_total"] == 1
    assert not [name for name in found if name.startswith("pooler_")]
    assert not {"queue_depth mail", "dlq_depth mail"} & found.keys()


@pytest.mark.parametrize(
    "line",
    [
        "slow_queries_total 0.0",
        "db_pool_connection_timeouts_total 0.0",
        "db_pool_wait_seconds_count 0.0",
        'db_pool_wait_seconds_bucket{le="5.0"} 0.0',
    ],
)
def test_what_alarms_count_is_there_before_it_happens(folder: Path, line: str) -> None:
    database.init()
    assert line in exposition.metrics_text().splitlines()


def test_a_file_that_grows_loses_nothing(folder: Path) -> None:
    probe = figures.Counter("probe_growth_total", "Of a test: " + "x" * 300, ("route",))
    probe.add(("/0",))
    for n in range(1000):
        probe.add((f"/{n}",))
    probe.add(("/0",), 5)
    found = numbers()
    assert found["probe_growth_total /0"] == 7
    assert found["probe_growth_total /999"] == 1

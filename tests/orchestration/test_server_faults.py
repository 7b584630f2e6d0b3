"""A tracking server that is killed, halted, restarted or emptied in the middle of a training."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.services import LocalServices, private_services
from fixtures.tracking_server import TrackingServer

from rlr.config import load_config
from rlr.data.manifest import Manifest
from rlr.foundation.errors import MachineError
from rlr.orchestration import steps
from rlr.registry.server import connect
from rlr.registry.spool.folder import find_spools, read_spool
from rlr.registry.spool.recorder import Recorder
from rlr.registry.spool.sync import spool_states
from rlr.training.checkpoint import EpochRecord

pytestmark = [pytest.mark.slow, pytest.mark.services]  # a real server, killed and halted

EPOCHS = 8
LONGEST_PAUSE = 0.5  # seconds; a write to a busy disk, and never a request

AtEpoch = Callable[[int, Callable[[], None]], None]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackingServer]:
    server = TrackingServer(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(running: TrackingServer) -> Iterator[TrackingServer]:
    """Return a server that runs, and see to it that the next test finds it running too."""
    yield running
    running.ensure()


@pytest.fixture
def overrides(running: TrackingServer, small_manifest: Manifest) -> list[str]:
    return _overrides(running.uri, small_manifest)


def _overrides(uri: str, manifest: Manifest) -> list[str]:
    return [
        f"registry.tracking_uri={uri}",
        f"data.root={manifest.root}",
        f"training.epochs={EPOCHS}",
        "registry.request_seconds=5",
        "registry.retries=2",
        "registry.flush_seconds=1.0",
        "registry.backoff_seconds=1",
    ]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long each epoch of the trainings to come was held up by its logging."""
    taken: list[float] = []
    log_epoch = Recorder.log_epoch
    monkeypatch.delenv("MLFLOW_TRACKING_URI")  # the spool says where it belongs

    def watch(self: Recorder, record: EpochRecord) -> None:
        start = time.perf_counter()
        log_epoch(self, record)
        taken.append(time.perf_counter() - start)

    monkeypatch.setattr(Recorder, "log_epoch", watch)
    return taken


@pytest.fixture
def at_epoch(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> AtEpoch:
    """Return a function that has something done at the end of an epoch, before it is logged."""
    due: dict[int, Callable[[], None]] = {}
    log_epoch = Recorder.log_epoch

    def act(self: Recorder, record: EpochRecord) -> None:
        due.pop(record.epoch, lambda: None)()
        log_epoch(self, record)

    monkeypatch.setattr(Recorder, "log_epoch", act)

    def schedule(epoch: int, action: Callable[[], None]) -> None:
        due[epoch] = action

    return schedule


def _points(overrides: list[str], run_id: str) -> dict[str, list[tuple[int, float]]]:
    """Return all points on the server, by metric: doubled ones are seen as such."""
    client = connect(load_config("tiny", overrides).registry)
    names = client.get_run(run_id).data.metrics
    return {
        name: [(point.step, point.value) for point in client.get_metric_history(run_id, name)]
        for name in names
    }


def _expected(output: Path) -> dict[str, list[tuple[int, float]]]:
    records = json.loads((output / "history.json").read_text())
    keys = {"loss": "loss", "validation_loss": "validation_loss", "seconds": "seconds"}
    keys["images_per_second"] = "images_per_second"
    expected = {
        f"train.{key}": [(record["epoch"], record[field]) for record in records]
        for key, field in keys.items()
    }
    for level in records[0]["level_losses"]:
        expected[f"train.loss.{level}"] = [
            (record["epoch"], record["level_losses"][level]) for record in records
        ]
    return expected


def _artifacts(overrides: list[str], run_id: str) -> set[str]:
    client = connect(load_config("tiny", overrides).registry)
    return {entry.path for entry in client.list_artifacts(run_id, "training")}


def _unsent(output: Path) -> int:
    return sum(read_spool(folder).unsent() for folder in find_spools(output))


def _await_last_request(output: Path) -> None:
    """Wait for what a command's own process would not outlive."""
    end = time.monotonic() + 30
    while any(state.is_live for state in spool_states([output])) and time.monotonic() < end:
        time.sleep(0.1)


def test_a_server_that_is_killed_and_comes_back_gets_everything(
    server: TrackingServer,
    overrides: list[str],
    at_epoch: AtEpoch,
    pauses: list[float],
    tmp_path: Path,
) -> None:
    at_epoch(3, server.kill)
    at_epoch(6, server.start)
    trained = steps.train("tiny", [*overrides, "registry.flush_seconds=60.0"], tmp_path)
    assert _unsent(tmp_path) == 0
    assert _points(overrides, trained.run_id) == _expected(tmp_path)
    files = {"training/history.json", "training/result.json"}
    assert _artifacts(overrides, trained.run_id) == files
    assert max(pauses) < LONGEST_PAUSE


def test_a_server_that_never_comes_back_costs_nothing_but_the_sending(
    server: TrackingServer,
    overrides: list[str],
    at_epoch: AtEpoch,
    pauses: list[float],
    tmp_path: Path,
    rlr: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    output = tmp_path / "train"
    at_epoch(3, server.kill)
    trained = steps.train("tiny", overrides, output)
    assert (trained.model / "detector.json").is_file()
    assert max(pauses) < LONGEST_PAUSE
    left = _unsent(output)
    assert left >= EPOCHS - 2
    assert f"{left} entries for the run {trained.run_id} are not on the tracking" in caplog.text
    assert f"rlr runs sync {output}" in caplog.text

    start = time.monotonic()
    with pytest.raises(MachineError, match="does not answer"):
        steps.evaluate("tiny", overrides, output, tmp_path / "evaluate")
    _await_last_request(output)
    answer = rlr("runs", "sync", output)
    assert time.monotonic() - start < 30
    assert answer.status == 1
    assert "does not answer" in answer.stdout
    assert _unsent(output) == left

    server.start()
    assert rlr("runs", "sync", output, "--json").status == 0
    assert _points(overrides, trained.run_id) == _expected(output)
    again = rlr("runs", "sync", output)
    assert (again.status, again.stdout) == (0, "Nothing is left to send.\n")
    assert _points(overrides, trained.run_id) == _expected(output)
    client = connect(load_config("tiny", overrides).registry)
    assert client.get_run(trained.run_id).info.status == "FINISHED"


def test_a_server_that_hangs_holds_nothing_up(
    server: TrackingServer,
    overrides: list[str],
    at_epoch: AtEpoch,
    pauses: list[float],
    tmp_path: Path,
) -> None:
    at_epoch(3, server.halt)
    start = time.monotonic()
    trained = steps.train("tiny", overrides, tmp_path / "train")
    assert time.monotonic() - start < 180  # a training waits for nobody; MLflow would, for minutes
    assert max(pauses) < LONGEST_PAUSE
    assert _unsent(tmp_path) > 0
    start = time.monotonic()
    with pytest.raises(MachineError, match="does not answer"):
        steps.evaluate("tiny", overrides, tmp_path / "train", tmp_path / "evaluate")
    assert time.monotonic() - start < 30

    server.resume()
    _await_last_request(tmp_path)
    patient = [*overrides, "registry.flush_seconds=60.0"]
    steps.evaluate("tiny", patient, tmp_path / "train", tmp_path / "evaluate")
    assert _unsent(tmp_path) == 0  # the evaluation has sent the rest of the training first
    points = _points(overrides, trained.run_id)
    expected = _expected(tmp_path / "train")
    assert {name: points[name] for name in expected} == expected


def test_a_server_that_dies_in_an_evaluation_costs_nothing_but_the_sending(
    server: TrackingServer,
    overrides: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rlr: Callable[..., Any],
) -> None:
    trained = steps.train("tiny", [*overrides, "registry.flush_seconds=60.0"], tmp_path / "train")
    log_metrics = Recorder.log_metrics

    def kill_first(self: Recorder, metrics: Any) -> None:
        server.kill()
        log_metrics(self, metrics)

    monkeypatch.setattr(Recorder, "log_metrics", kill_first)
    start = time.monotonic()
    evaluated = steps.evaluate("tiny", overrides, tmp_path / "train", tmp_path / "evaluate")
    assert time.monotonic() - start < 60
    assert evaluated.report.is_file()
    with pytest.raises(MachineError, match="does not answer"):
        steps.register("tiny", overrides, tmp_path / "train", tmp_path / "evaluate")
    server.start()
    steps.register("tiny", overrides, tmp_path / "train", tmp_path / "evaluate")
    assert rlr("runs", "sync", tmp_path).stdout == "Nothing is left to send.\n"
    points = _points(overrides, trained.run_id)
    assert [step for step, _ in points["default.mean.image_auroc"]] == [0]


DIE = """
import os, signal, sys
from rlr.orchestration import steps
from rlr.registry.spool.recorder import Recorder
from rlr.registry.spool.sync import spool_states
log_epoch = Recorder.log_epoch
def die(self, record):
    log_epoch(self, record)
    if record.epoch == 5:
        os.kill(os.getpid(), signal.SIGKILL)
Recorder.log_epoch = die
from pathlib import Path
steps.train("tiny", sys.argv[2:], Path(sys.argv[1]))
"""


def test_a_training_that_is_killed_beside_a_dead_server_loses_and_doubles_nothing(
    server: TrackingServer, overrides: list[str], tmp_path: Path
) -> None:
    """The checkpoint is of epoch 4, the spool has five and half a line, the server perhaps two."""
    overrides = [*overrides, "training.checkpoint_epochs=2"]
    command = [sys.executable, "-c", DIE, str(tmp_path), *overrides]
    killed = subprocess.run(command, check=False, env=dict(os.environ), capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    (folder,) = find_spools(tmp_path)
    with (folder / "entries.jsonl").open("ab") as entries:
        entries.write(b'{"v":1,"kind":"metrics","ti')
    (folder / "acknowledged.json").unlink(missing_ok=True)
    recorded = read_spool(folder).unsent()

    trained = steps.train("tiny", [*overrides, "registry.flush_seconds=60.0"], tmp_path)
    assert trained.run_id == folder.name
    assert recorded >= 6  # the state, and five epochs
    assert _unsent(tmp_path) == 0
    points, expected = _points(overrides, trained.run_id), _expected(tmp_path)
    assert points["train.loss"] == expected["train.loss"]
    assert all([step for step, _ in found] == list(range(1, 9)) for found in points.values())
    assert all(math.isfinite(value) for found in points.values() for _, value in found)


def test_a_run_that_was_deleted_is_told_and_its_spool_is_kept(
    server: TrackingServer,
    overrides: list[str],
    at_epoch: AtEpoch,
    tmp_path: Path,
    rlr: Callable[..., Any],
) -> None:
    at_epoch(3, server.kill)
    trained = steps.train("tiny", overrides, tmp_path)
    left = _unsent(tmp_path)
    server.start()
    connect(load_config("tiny", overrides).registry).delete_run(trained.run_id)
    answer = rlr("runs", "sync", tmp_path)
    assert answer.status == 1
    assert f"does not take what belongs to the run {trained.run_id}" in answer.stdout
    assert "deleted" in answer.stdout
    assert _unsent(tmp_path) == left


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalServices]:
    """Return a real S3 server, PostgreSQL and MLflow, for these tests alone."""
    with private_services() as started:
        yield started


@pytest.fixture
def real(
    stack: LocalServices, small_manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    for name, value in stack.variables.items():
        monkeypatch.setenv(name, value)
    yield _overrides(stack.variables["MLFLOW_TRACKING_URI"], small_manifest)
    stack.up()


def test_a_database_that_is_restarted_loses_nothing(
    stack: LocalServices,
    real: list[str],
    at_epoch: AtEpoch,
    pauses: list[float],
    tmp_path: Path,
) -> None:
    """MLflow lives on and answers 500 and 503 meanwhile."""
    at_epoch(3, lambda: stack.kill("postgres"))
    at_epoch(6, stack.up)
    trained = steps.train("tiny", [*real, "registry.flush_seconds=60.0"], tmp_path)
    assert _unsent(tmp_path) == 0
    assert _points(real, trained.run_id) == _expected(tmp_path)
    assert max(pauses) < LONGEST_PAUSE


def test_what_postgresql_is_sent_twice_is_there_once(
    stack: LocalServices, real: list[str], tmp_path: Path, rlr: Callable[..., Any]
) -> None:
    trained = steps.train("tiny", [*real, "registry.flush_seconds=60.0"], tmp_path)
    before = _points(real, trained.run_id)
    (folder,) = find_spools(tmp_path)
    lines = (folder / "entries.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if '"kind":"file"' not in line]
    (folder / "entries.jsonl").write_text("".join(kept))
    (folder / "acknowledged.json").unlink()
    answer = rlr("runs", "sync", tmp_path)
    assert f"{len(kept)} entries sent" in answer.stdout
    assert _points(real, trained.run_id) == before == _expected(tmp_path)


def test_an_artifact_store_that_is_away_costs_nothing_but_the_sending(
    stack: LocalServices,
    real: list[str],
    at_epoch: AtEpoch,
    tmp_path: Path,
    rlr: Callable[..., Any],
) -> None:
    at_epoch(3, lambda: stack.kill("radosgw"))
    trained = steps.train("tiny", [*real, "registry.transfer_seconds=5"], tmp_path)
    assert _unsent(tmp_path) == 3  # two files, and the end
    stack.up()
    _await_last_request(tmp_path)
    assert rlr("runs", "sync", tmp_path).status == 0
    files = {"training/history.json", "training/result.json"}
    assert _artifacts(real, trained.run_id) == files
    assert _points(real, trained.run_id) == _expected(tmp_path)

"""Which run a training and an evaluation belong to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlr.config import load_config
from rlr.data.manifest import Manifest
from rlr.foundation.documents import write_result
from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration import steps
from rlr.orchestration.runs import find_evaluation_run
from rlr.registry.server import connect

RESULT = {"model": "model", "final": {"loss": 0.5}, "unjudged": None}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture
def overrides(store: str, small_manifest: Manifest) -> list[str]:
    return [f"registry.tracking_uri={store}", f"data.root={small_manifest.root}"]


@pytest.fixture
def client(overrides: list[str]) -> Any:
    return connect(load_config("tiny", overrides).registry)


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException | None], None]:
    """Return a function that says how the trainings to come end: they take no time here."""

    def end_with(error: BaseException | None) -> None:
        def train(_config: Any, _manifest: Any, output: Path, *_: Any, **__: Any) -> dict[str, Any]:
            (output / "result.json").unlink(missing_ok=True)
            if error is not None:
                raise error
            return write_result(output, "train", **RESULT)

        monkeypatch.setattr("rlr.training.train.train", train)

    return end_with


def test_a_training_that_was_killed_goes_on_in_its_run(
    client: Any, overrides: list[str], training: Callable[..., None], tmp_path: Path
) -> None:
    training(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        steps.train("tiny", overrides, tmp_path)
    training(None)
    first = steps.train("tiny", overrides, tmp_path)
    again = steps.train("tiny", overrides, tmp_path)
    experiment = client.get_run(first.run_id).info.experiment_id
    runs = client.search_runs([experiment], f"attribute.run_id = '{first.run_id}'")
    assert [run.info.status for run in runs] == ["FINISHED"]
    assert again.run_id != first.run_id
    assert len(client.search_runs([experiment])) == 2


def test_a_training_that_fails_leaves_a_failed_run(
    client: Any, overrides: list[str], training: Callable[..., None], tmp_path: Path
) -> None:
    training(UserError("The loss is not finite."))
    with pytest.raises(UserError):
        steps.train("tiny", [*overrides, "registry.experiment=failing"], tmp_path)
    experiment = client.get_experiment_by_name("failing")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FAILED"


def test_nothing_is_started_without_the_tracking_server(
    overrides: list[str], training: Callable[..., None], tmp_path: Path
) -> None:
    training(AssertionError("training was started"))
    away = [*overrides, "registry.tracking_uri=http://127.0.0.1:9"]
    with pytest.raises(MachineError, match="does not answer"):
        steps.train("tiny", away, tmp_path / "output")
    assert not (tmp_path / "output").exists()


def test_only_the_leading_process_of_a_team_logs(
    overrides: list[str],
    training: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    training(None)
    monkeypatch.setenv("RANK", "1")
    away = [*overrides, "registry.tracking_uri=http://127.0.0.1:9"]
    assert steps.train("tiny", away, tmp_path).run_id == ""


def test_an_evaluation_continues_the_run_of_its_training(
    client: Any, overrides: list[str], small_manifest: Manifest, tmp_path: Path
) -> None:
    config = load_config("tiny", overrides)
    known = find_evaluation_run(client, config, small_manifest, tmp_path, "")
    write_result(tmp_path, "train", run_id=known.run_id)
    for model in (tmp_path, tmp_path / "model"):
        found = find_evaluation_run(client, config, small_manifest, model, "")
        assert found.run_id == known.run_id
    other = find_evaluation_run(client, config, small_manifest, tmp_path / "a" / "b", "")
    assert other.run_id != known.run_id
    named = find_evaluation_run(client, config, small_manifest, tmp_path, other.run_id)
    assert named.run_id == other.run_id


def test_a_run_of_another_server_is_told(
    client: Any, overrides: list[str], small_manifest: Manifest, tmp_path: Path
) -> None:
    write_result(tmp_path, "train", run_id="f" * 32)
    with pytest.raises(UserError, match="does not know the run ffff"):
        find_evaluation_run(client, load_config("tiny", overrides), small_manifest, tmp_path, "")

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rlr.config import load_config
from rlr.config.registry import RegistryConfig
from rlr.foundation.build import current_build
from rlr.foundation.errors import UserError
from rlr.registry.tracking import Run
from rlr.training.checkpoint import EpochRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient

VERSION = "0123456789abcdef0123456789abcdef.dir"


@pytest.fixture
def run(client: "MlflowClient") -> Run:
    config = load_config("tiny", ["seed=7", "training.optimizer.learning_rate=0.001"])
    return Run.start(client, config, VERSION, "f" * 64)


def test_a_run_says_what_it_is_made_from(run: Run, tmp_path: Path) -> None:
    tags = run.tags()
    build = current_build()
    assert tags["data_version"] == VERSION
    assert tags["manifest_sha256"] == "f" * 64
    assert tags["seed"] == "7"
    assert tags["commit"] == build.commit
    assert tags["lock_sha256"] == build.lock_sha256
    assert tags["dirty"] in ("true", "false", "unknown")
    assert tags["image"] == "none"
    assert int(tags["hardware.cores"]) >= 1
    assert float(tags["hardware.memory_gib"]) > 0
    assert tags["package.torch"].startswith("2.")


def test_the_configuration_comes_back_whole(
    run: Run, client: "MlflowClient", tmp_path: Path
) -> None:
    params = client.get_run(run.run_id).data.params
    assert params["training.optimizer.learning_rate"] == "0.001"
    assert params["features.backbone.name"] == "test_resnet"
    file = client.download_artifacts(run.run_id, "config.yaml", str(tmp_path))
    assert load_config(file) == load_config(
        "tiny", ["seed=7", "training.optimizer.learning_rate=0.001"]
    )


def test_epochs_are_steps(
    run: Run, client: "MlflowClient", settings: RegistryConfig, tmp_path: Path
) -> None:
    with run.active(tmp_path, settings) as recorder:
        for epoch in (1, 2):
            recorder.log_epoch(EpochRecord(epoch, 1.0 / epoch, {"1": 0.25}, None, 80.0, 0.5))
    history = client.get_metric_history(run.run_id, "train.loss")
    assert [(entry.step, entry.value) for entry in history] == [(1, 1.0), (2, 0.5)]
    metrics = client.get_run(run.run_id).data.metrics
    assert metrics["train.loss.1"] == 0.25
    assert metrics["train.images_per_second"] == 80.0
    assert "train.validation_loss" not in metrics


def test_metrics_without_a_value_are_listed_not_logged(
    run: Run, client: "MlflowClient", settings: RegistryConfig, tmp_path: Path
) -> None:
    mean = {"image_ap": 0.25, "pixel_ap": None, "aupro_0.30": math.nan}
    with run.active(tmp_path, settings) as recorder:
        recorder.log_metrics({"default": {"mean": mean}})
    data = client.get_run(run.run_id).data
    assert data.metrics == {"default.mean.image_ap": 0.25}
    assert data.tags["undefined_metrics"] == "default.mean.pixel_ap default.mean.aupro_0.30"


def test_many_metrics_go_in_requests_that_a_server_takes(
    run: Run,
    client: "MlflowClient",
    settings: RegistryConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server refuses more than 1,000 at once; a database of one's own does not."""
    sizes = []
    send = client.log_batch

    def watch(run_id: str, metrics: list[Any] = (), **rest: Any) -> None:
        sizes.append(len(metrics))
        send(run_id, metrics=metrics, **rest)

    monkeypatch.setattr(client, "log_batch", watch)
    with run.active(tmp_path, settings) as recorder:
        recorder.log_metrics({f"m{index:04d}": float(index) for index in range(1200)})
    assert max(sizes) <= 1000
    assert len(client.get_run(run.run_id).data.metrics) == 1200


def test_files_are_kept_and_missing_ones_left_out(
    run: Run, client: "MlflowClient", settings: RegistryConfig, tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text("<p>")
    with run.active(tmp_path, settings) as recorder:
        recorder.log_files([tmp_path / "report.html", tmp_path / "nothing.json"], "evaluation")
    found = [entry.path for entry in client.list_artifacts(run.run_id, "evaluation")]
    assert found == ["evaluation/report.html"]


@pytest.mark.parametrize(
    ("error", "state"), [(None, "FINISHED"), (ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_a_run_ends_in_the_state_of_its_step(
    run: Run,
    client: "MlflowClient",
    settings: RegistryConfig,
    tmp_path: Path,
    error: type[BaseException] | None,
    state: str,
) -> None:
    try:
        with run.active(tmp_path, settings):
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt):
        pass
    assert client.get_run(run.run_id).info.status == state


def test_a_run_is_found_again(run: Run, client: "MlflowClient") -> None:
    assert Run.resume(client, run.run_id).tags()["data_version"] == VERSION


def test_an_unknown_run_is_told(client: "MlflowClient") -> None:
    with pytest.raises(UserError, match="does not know the run 0000"):
        Run.resume(client, "0000")

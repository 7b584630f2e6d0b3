"""From the list of images to the model, against a double of the cluster's API."""

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from fixtures.kubernetes import Kubernetes, write_kubeconfig

from rlr.config.pipeline import PipelineConfig
from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration.team import watch
from rlr.orchestration.team.job import Training
from rlr.orchestration.team.settings import TeamSettings
from rlr.orchestration.team.train import train_on_team

WEIGHTS = b"weights"


@pytest.fixture
def training(tmp_path: Path) -> Training:
    (tmp_path / "work").mkdir()
    return Training("tiny", (), "run-1", tmp_path / "work")


@pytest.fixture
def train(training: Training, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that trains on a team; settings of the section `distributed` are given."""
    dataset = tmp_path / "dataset"
    dataset.mkdir()
    (dataset / "manifest.parquet").write_bytes(b"rows")

    def run(**distributed: Any) -> dict[str, Any]:
        pipeline = PipelineConfig.model_validate(
            {"distributed": {"poll_seconds": 0.02, **distributed}}
        )
        settings = TeamSettings(image="rlr-train:0.1.0", pipeline=pipeline)
        return train_on_team(training, settings, dataset, tmp_path / "out", epochs=4)

    return run


@pytest.fixture
def finish(training: Training, kubernetes: Kubernetes) -> Callable[[dict[str, Any]], None]:
    """Return a controller whose nodes leave a model."""

    def controller(job: dict[str, Any]) -> None:
        assert (training.dataset / "manifest.parquet").read_bytes() == b"rows"
        folder = training.output / "model"
        folder.mkdir(parents=True)
        (folder / "network.safetensors").write_bytes(WEIGHTS)
        digest = hashlib.sha256(WEIGHTS).hexdigest()
        result = {"kind": "train", "model": "model", "network_sha256": digest, "run_id": "m1"}
        (training.output / "result.json").write_text(json.dumps(result))
        kubernetes.end(job, "Complete")

    return controller


def test_the_model_is_fetched_and_nothing_is_left(
    train: Any, finish: Any, kubernetes: Kubernetes, training: Training, tmp_path: Path
) -> None:
    kubernetes.controller = finish
    assert train()["run_id"] == "m1"
    assert (tmp_path / "out" / "model" / "network.safetensors").read_bytes() == WEIGHTS
    assert kubernetes.jobs == {}
    assert not training.folder.exists()


def test_epochs_are_shown_as_they_are_saved(
    train: Any,
    finish: Any,
    kubernetes: Kubernetes,
    training: Training,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[Any] = []

    def collect(items: Iterable[Any], label: str, total: int) -> list[Any]:
        assert (label, total) == ("training on 2 nodes", 4)
        shown.extend(items)
        return shown

    monkeypatch.setattr(watch, "track", collect)
    (training.output / "checkpoint" / "main" / "epoch-0003").mkdir(parents=True)
    kubernetes.controller = finish
    train()
    assert len(shown) == 3


def test_a_model_that_is_not_whole_is_refused(
    train: Any, finish: Any, kubernetes: Kubernetes, training: Training, tmp_path: Path
) -> None:
    def controller(job: dict[str, Any]) -> None:
        finish({"status": {}})
        (training.output / "model" / "network.safetensors").write_bytes(b"other")
        kubernetes.end(job, "Complete")

    kubernetes.controller = controller
    with pytest.raises(MachineError, match="not one storage for all nodes"):
        train()
    assert not (tmp_path / "out").exists()
    assert kubernetes.jobs == {}


def test_a_job_that_failed_is_told_with_its_reason_and_removed(
    train: Any, kubernetes: Kubernetes, training: Training
) -> None:
    kubernetes.controller = lambda job: kubernetes.end(
        job, "Failed", "DeadlineExceeded", "TrainJob was active longer than specified deadline"
    )
    with pytest.raises(MachineError, match=r"failed \(DeadlineExceeded: TrainJob was active") as e:
        train()
    assert str(training.logs) in str(e.value)
    assert kubernetes.jobs == {}


def test_the_last_words_of_the_processes_are_repeated(
    train: Any, kubernetes: Kubernetes, training: Training, caplog: pytest.LogCaptureFixture
) -> None:
    def controller(job: dict[str, Any]) -> None:
        log = training.logs / "none_x" / "attempt_0" / "0" / "stderr.log"
        log.parent.mkdir(parents=True)
        log.write_text("CUDA out of memory\n")
        kubernetes.end(job, "Failed")

    kubernetes.controller = controller
    with caplog.at_level("INFO", "rlr"), pytest.raises(MachineError):
        train()
    assert "CUDA out of memory" in caplog.text


def test_a_sentence_of_the_training_goes_first(
    train: Any, kubernetes: Kubernetes, training: Training
) -> None:
    def controller(job: dict[str, Any]) -> None:
        sentence = {"exit_status": 2, "sentence": "Image a.png is black.", "step": "train"}
        training.failure.write_text(json.dumps(sentence))
        kubernetes.end(job, "Failed")

    kubernetes.controller = controller
    with pytest.raises(UserError, match=r"^Image a\.png is black\.$"):
        train()


def test_an_older_sentence_is_not_told_again(
    train: Any, finish: Any, kubernetes: Kubernetes, training: Training
) -> None:
    training.folder.mkdir()
    training.failure.write_text(json.dumps({"exit_status": 2, "sentence": "old", "step": "t"}))
    kubernetes.controller = lambda job: kubernetes.end(job, "Failed", "FailedJobs")
    with pytest.raises(MachineError, match="FailedJobs"):
        train()


def test_a_job_of_a_dead_attempt_is_removed_first(
    train: Any, finish: Any, kubernetes: Kubernetes, training: Training
) -> None:
    """Its pods may still write: the new one waits until they are gone."""
    kubernetes.jobs[training.name] = {"status": {}, "metadata": {"name": training.name}}
    kubernetes.lingers = 2
    kubernetes.controller = finish
    train()
    assert kubernetes.log[: kubernetes.log.index("create")] == ["delete", "get", "get", "get"]


def test_whoever_is_told_to_stop_takes_the_job_along(train: Any, kubernetes: Kubernetes) -> None:
    kubernetes.controller = lambda job: os.kill(os.getpid(), signal.SIGTERM)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        train()
    assert kubernetes.log[-2:] == ["delete", "get"]
    assert kubernetes.jobs == {}
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_job_that_nobody_works_on_is_given_up(
    train: Any, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "GRACE", -1)
    with pytest.raises(MachineError, match="is Kubeflow Trainer's controller running"):
        train(timeout_seconds=1)
    assert kubernetes.jobs == {}


def test_a_job_that_somebody_removed_is_told(train: Any, kubernetes: Kubernetes) -> None:
    kubernetes.controller = lambda job: kubernetes.jobs.clear()
    with pytest.raises(MachineError, match="is gone: somebody has removed it"):
        train()


def test_an_api_that_is_away_for_a_moment_does_not_end_a_training(
    train: Any, finish: Any, kubernetes: Kubernetes
) -> None:
    def controller(job: dict[str, Any]) -> None:
        kubernetes.failures = [("get", 503, "the server is starting")]
        finish(job)

    kubernetes.controller = controller
    assert train()["run_id"] == "m1"


@pytest.mark.parametrize(
    ("status", "message", "sentence"),
    [
        (401, "Unauthorized", "status 401, Unauthorized; bind the role rlr-trainjobs"),
        (403, 'User "s" cannot create resource', "bind the role rlr-trainjobs"),
        (404, "the server could not find the requested resource", "install Kubeflow Trainer"),
        (409, "already exists", "status 409, already exists."),
        (422, "spec.trainer.numNodes: Invalid", "status 422, spec.trainer.numNodes: Invalid."),
        (500, "internal error", "status 500, internal error."),
    ],
)
def test_what_the_api_refuses_is_one_sentence(
    train: Any, kubernetes: Kubernetes, status: int, message: str, sentence: str
) -> None:
    kubernetes.failures = [("create", status, message)]
    with pytest.raises(MachineError) as error:
        train()
    assert str(error.value).startswith("TrainJob rlr-train-")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_runtime_that_is_not_there_is_told_by_the_webhook(
    train: Any, kubernetes: Kubernetes
) -> None:
    with pytest.raises(MachineError, match="runtime not found") as error:
        train(runtime="other")
    assert "bind the role" not in str(error.value)


def test_a_cluster_that_does_not_answer_is_told(
    train: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path, 9)))
    with pytest.raises(MachineError, match="the cluster's API does not answer"):
        train()


def test_without_a_cluster_it_says_so(
    train: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(MachineError, match="no cluster is known here"):
        train()


def test_a_claim_that_is_not_mounted_is_told(
    train: Any, kubernetes: Kubernetes, training: Training
) -> None:
    training.work.rmdir()
    with pytest.raises(UserError, match=r"the claim of pipeline\.distributed\.claim"):
        train()
    assert kubernetes.log == []

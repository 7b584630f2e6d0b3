"""The training on several nodes: a TrainJob whose command runs for real, on two nodes of one."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.kubernetes import Kubernetes

from rlr.config.pipeline import PipelineConfig
from rlr.detection.detector import Detector
from rlr.foundation.errors import UserError
from rlr.orchestration.team.settings import TEAM_VARIABLE, TeamSettings

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[Any, Any, Any]]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return what stands for the claim: this machine's disk is one storage for all nodes."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def train(
    component: Callable[[str], Any],
    chain: Any,
    work: Path,
    tmp_path: Path,
    kubernetes: Kubernetes,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Return a function that calls the component as a step of a pipeline does."""
    from kfp import dsl

    pipeline = PipelineConfig.model_validate(
        {"accelerator_count": 0, "distributed": {"nodes": 2, "poll_seconds": 0.2}}
    )
    settings = TeamSettings(image="rlr-train:0.1.0", pipeline=pipeline, work=str(work))
    monkeypatch.setenv(TEAM_VARIABLE, settings.model_dump_json())

    def run(*overrides: str) -> tuple[Any, Any, Any]:
        model = dsl.Model(uri=str(tmp_path / "model"))
        metrics = dsl.Metrics(uri=str(tmp_path / "metrics"))
        answer = component("train_distributed").python_func(
            chain.artifacts["dataset"],
            model,
            metrics,
            config="tiny",
            overrides=[*chain.overrides, "training.threads=1", *overrides],
            data_version=chain.answers["validate_data"][2],
            seed=3,
            run="4b4c1f7e-run",
        )
        return answer, model, metrics

    return run


def scores(model: str, manifest: Any) -> np.ndarray:
    detector = Detector.load(Path(model) / "model", device="cpu")
    rows = manifest.select("test")
    return np.array([p.image_score for _, p in detector.predict_rows(manifest, rows)])


def test_two_nodes_make_the_model_that_one_makes(
    train: Run, chain: Any, kubernetes: Kubernetes, small_manifest: Any, work: Path
) -> None:
    """The words of the manifest are run under torchrun, two processes, as Trainer would."""
    seen: list[Any] = []

    def controller(job: dict[str, Any]) -> None:
        seen.append(job)
        kubernetes.run_nodes(job)

    kubernetes.controller = controller
    (run_id,), model, metrics = train()

    (job,) = seen
    assert job["spec"]["trainer"]["numNodes"] == 2
    result = json.loads((Path(model.path) / "result.json").read_text())
    assert result["run_id"] == model.metadata["run_id"] == run_id
    assert result["seed"] == 3
    assert metrics.metadata["train.epoch"] == 2

    alone, team = chain.artifacts["model"].path, model.path
    losses = [
        [record["loss"] for record in json.loads((Path(p) / "history.json").read_text())]
        for p in (alone, team)
    ]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    of_one, of_two = scores(alone, small_manifest), scores(team, small_manifest)
    assert np.abs(of_one - of_two).max() < 1e-3 * np.ptp(of_one)

    assert kubernetes.jobs == {}, "the job is left behind"
    assert list(work.iterdir()) == [], "the claim is not tidied up"


def test_both_nodes_took_part(train: Run, kubernetes: Kubernetes, work: Path) -> None:
    """The log of each process is on the claim while the job runs."""
    told: list[str] = []

    def controller(job: dict[str, Any]) -> None:
        kubernetes.run_nodes(job, TORCH_CPP_LOG_LEVEL="ERROR")
        told.extend(str(path) for path in work.rglob("stderr.log"))

    kubernetes.controller = controller
    train("training.epochs=1")
    assert len(told) == 2, told


def test_the_model_can_be_evaluated_and_registered(
    train: Run, component: Callable[[str], Any], chain: Any, kubernetes: Kubernetes, tmp_path: Path
) -> None:
    from kfp import dsl

    kubernetes.controller = kubernetes.run_nodes
    (run_id,), model, _ = train("training.epochs=1")
    evaluation = dsl.Artifact(uri=str(tmp_path / "evaluation"))
    component("evaluate").python_func(
        chain.artifacts["dataset"],
        model,
        evaluation,
        dsl.Metrics(uri=str(tmp_path / "m")),
        dsl.ClassificationMetrics(uri=str(tmp_path / "r")),
        dsl.HTML(uri=str(tmp_path / "report.html")),
        config="tiny",
        overrides=chain.overrides,
        data_version=chain.answers["validate_data"][2],
        run_id=run_id,
    )
    made = component("register").python_func(
        model, evaluation, config="tiny", overrides=chain.overrides, challenger=False
    )
    assert made[0] == "rlr"


def test_what_the_training_refuses_is_the_sentence_of_the_step(
    train: Run, kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes.controller = kubernetes.run_nodes
    with pytest.raises(UserError, match=r"window 3x3 covers the whole 2x2 grid"):
        train("features.preprocessing.height=8", "features.preprocessing.width=8")
    assert kubernetes.jobs == {}
    assert not (tmp_path / "model").exists()


def test_the_next_attempt_goes_on_from_the_checkpoint(
    train: Run, kubernetes: Kubernetes, work: Path
) -> None:
    """A node is lost after the first checkpoint; the second job starts where it was."""
    from rlr.foundation.errors import MachineError

    def lose_a_node(job: dict[str, Any]) -> None:
        trainer = job["spec"]["trainer"]
        runner = threading.Thread(target=kubernetes.run_nodes, args=(job,), daemon=True)
        runner.start()
        output = work / job["metadata"]["name"] / "output"
        while not list(output.glob("checkpoint/main/epoch-*")):
            if not runner.is_alive():
                break
        assert trainer["numNodes"] == 2
        runner.join()

    # One epoch only is trained at first; the second attempt asks for the same job's two.
    kubernetes.controller = lambda job: kubernetes.end(job, "Failed", "FailedJobs", "a node died")
    with pytest.raises(MachineError, match=r"failed \(FailedJobs: a node died\)"):
        train()
    kept = list(work.iterdir())
    assert len(kept) == 1, "nothing is kept for the next attempt"
    kubernetes.controller = lose_a_node
    (run_id,), model, _ = train()
    assert run_id
    assert (Path(model.path) / "model" / "detector.json").is_file()

"""The training on several nodes: a TrainJob whose command runs for real, on two nodes of one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.kubernetes import Kubernetes

from rlr.config.pipeline import PipelineConfig
from rlr.detection.detector import Detector
from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration import steps
from rlr.orchestration.team.settings import TEAM_VARIABLE, TeamSettings

pytestmark = pytest.mark.slow

EPOCHS = 20
OVERRIDES = ("training.threads=1", f"training.epochs={EPOCHS}")

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

    def run(*overrides: str, nodes: int = 2) -> tuple[Any, Any, Any]:
        pipeline = PipelineConfig.model_validate(
            {"accelerator_count": 0, "distributed": {"nodes": nodes, "poll_seconds": 0.2}}
        )
        settings = TeamSettings(image="rlr-train:0.1.0", pipeline=pipeline, work=str(work))
        monkeypatch.setenv(TEAM_VARIABLE, settings.model_dump_json())
        model = dsl.Model(uri=str(tmp_path / "model"))
        metrics = dsl.Metrics(uri=str(tmp_path / "metrics"))
        answer = component("train_distributed").python_func(
            chain.artifacts["dataset"],
            model,
            metrics,
            config="tiny",
            overrides=[*chain.overrides, *OVERRIDES, *overrides],
            data_version=chain.answers["validate_data"][2],
            seed=3,
            run="4b4c1f7e-run",
        )
        return answer, model, metrics

    return run


def test_two_nodes_make_the_model_that_one_makes(
    train: Run,
    component: Callable[[str], Any],
    chain: Any,
    kubernetes: Kubernetes,
    small_manifest: Any,
    work: Path,
    tmp_path: Path,
) -> None:
    """The words of the manifest run under torchrun, two processes, as Trainer would start them.

    The nodes are lost after their first checkpoint, and the second attempt goes on from there.
    """
    first: list[Any] = []
    said: list[Path] = []

    def lose_the_nodes(job: dict[str, Any]) -> None:
        checkpoints = work / job["metadata"]["name"] / "output" / "checkpoint" / "main"
        kubernetes.run_nodes(job, until=lambda: any(checkpoints.glob("epoch-*")))
        newest = max(checkpoints.glob("epoch-*"))
        first.extend(json.loads((newest / "state.json").read_text())["history"])
        said.extend(work.rglob("stderr.log"))

    kubernetes.controller = lose_the_nodes
    with pytest.raises(MachineError, match=r"failed \(FailedJobs: jobset failed"):
        train()
    assert len(said) == 2, "one process did all the work"
    assert 0 < len(first) < EPOCHS
    assert not (tmp_path / "model").exists()

    kubernetes.controller = kubernetes.run_nodes
    (run_id,), model, metrics = train()
    assert kubernetes.jobs == {}, "the job is left behind"
    assert list(work.iterdir()) == [], "the claim is not tidied up"

    result = json.loads((Path(model.path) / "result.json").read_text())
    assert result["run_id"] == model.metadata["run_id"] == run_id
    assert result["seed"] == 3
    assert metrics.metadata["train.epoch"] == EPOCHS
    # The very seconds that the lost nodes took: their epochs were not trained again.
    assert history(model.path)[: len(first)] == first

    alone = train_alone(component, chain, tmp_path)
    np.testing.assert_allclose(losses(model.path), losses(alone), rtol=1e-4)
    of_one, of_two = scores(alone, small_manifest), scores(model.path, small_manifest)
    assert np.abs(of_one - of_two).max() < 1e-3 * np.ptp(of_one)

    evaluation = evaluate(component, chain, model, run_id, tmp_path)
    with pytest.raises(UserError, match="is the gate result of another model"):
        component("register").python_func(
            model,
            evaluation,
            chain.artifacts["gate"],
            config="tiny",
            overrides=chain.overrides,
            challenger=False,
        )
    made = steps.register("tiny", chain.overrides, Path(model.path), Path(evaluation.path), False)
    assert made.name == "rlr"


def test_candidates_of_several_seeds_are_for_one_process(
    train: Run, kubernetes: Kubernetes
) -> None:
    with pytest.raises(UserError, match=r"gate\.seeds=2.*set gate\.seeds=1"):
        train("gate.seeds=2")
    assert kubernetes.jobs == {}


def test_what_the_training_refuses_is_the_sentence_of_the_step(
    train: Run, kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes.controller = kubernetes.run_nodes
    with pytest.raises(UserError, match=r"window 3x3 covers the whole 2x2 grid"):
        train("features.preprocessing.height=8", "features.preprocessing.width=8", nodes=1)
    assert kubernetes.jobs == {}
    assert not (tmp_path / "model").exists()


def history(model: str) -> list[Any]:
    return list(json.loads((Path(model) / "history.json").read_text()))


def losses(model: str) -> list[float]:
    return [record["loss"] for record in history(model)]


def train_alone(component: Callable[[str], Any], chain: Any, folder: Path) -> str:
    from kfp import dsl

    model = dsl.Model(uri=str(folder / "alone"))
    component("train").python_func(
        chain.artifacts["dataset"],
        model,
        dsl.Metrics(uri=str(folder / "losses")),
        config="tiny",
        overrides=[*chain.overrides, *OVERRIDES],
        data_version=chain.answers["validate_data"][2],
        seed=3,
    )
    return str(model.path)


def scores(model: str, manifest: Any) -> np.ndarray:
    detector = Detector.load(Path(model) / "model", device="cpu")
    rows = manifest.select("test")
    return np.array([p.image_score for _, p in detector.predict_rows(manifest, rows)])


def evaluate(
    component: Callable[[str], Any], chain: Any, model: Any, run_id: str, folder: Path
) -> Any:
    from kfp import dsl

    evaluation = dsl.Artifact(uri=str(folder / "evaluation"))
    component("evaluate").python_func(
        chain.artifacts["dataset"],
        model,
        evaluation,
        dsl.Metrics(uri=str(folder / "m")),
        dsl.ClassificationMetrics(uri=str(folder / "r")),
        dsl.HTML(uri=str(folder / "report.html")),
        config="tiny",
        overrides=chain.overrides,
        data_version=chain.answers["validate_data"][2],
        run_id=run_id,
    )
    return evaluation

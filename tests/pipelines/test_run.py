"""The training pipeline on this machine, by the command, from images to a registered version.

One class has no masks, and one has good test images only.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rlr.data.versions import data_version

pytestmark = pytest.mark.slow
RUN = ("-m", "rlr", "pipeline", "run", "--config", "tiny")
STEPS = {"validate-data", "train", "evaluate", "gate", "register", "notify"}
# Four normal test images a class show nothing of a rate of false alarms.
LENIENT = (
    *("--set", "registry.floors.image_auroc=0", "--set", "gate.false_positive_rate=1"),
    *("--set", "gate.draws=200", "--set", "gate.timed_batches=1"),
)


@dataclass(frozen=True)
class Made:
    """A run that ended well.

    Attributes:
        place: Folder it was started in.
        answer: What it printed, as JSON.
        done: The process.
    """

    place: Path
    answer: dict[str, Any]
    done: Any

    @property
    def tasks(self) -> Path:
        """Folder with one folder a step."""
        return next(Path(self.answer["folder"]).glob("rlr-training-*"))

    def outputs(self, step: str) -> dict[str, Any]:
        return json.loads((self.tasks / step / "executor_output.json").read_text())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, drawn: Callable[[Path], None]) -> Path:
    place = tmp_path_factory.mktemp("place")
    drawn(place / "data")
    return place


@pytest.fixture(scope="module")
def made(place: Path, start: Callable[..., Any], repository: Path) -> Made:
    return _run(place, start, repository)


def _run(place: Path, start: Callable[..., Any], repository: Path) -> Made:
    done = start(place, *RUN, "--project", repository, "--json", *LENIENT)
    assert done.status == 0, done.stderr
    return Made(place, json.loads(done.stdout), done)


def test_the_answer_is_one_document(made: Made) -> None:
    assert made.answer["schema_version"] == 1
    assert made.answer["data_version"] == data_version(made.place / "data")
    assert Path(made.answer["report"]).is_file()


def test_every_step_ran_and_one_side_of_each_branch(made: Made) -> None:
    ran = {path.parent.name for path in made.tasks.glob("*/executor_output.json")}
    assert ran == {*STEPS, "promote"}


def test_the_first_model_above_the_floors_becomes_the_champion(made: Made) -> None:
    from mlflow import MlflowClient

    gate = made.answer["gate"]
    assert (gate["outcome"], gate["champion"], gate["promote"]) == ("promote", "none", True)
    assert made.answer["promoted"] == {"version": made.answer["version"]["version"], "previous": ""}
    uri = f"sqlite:///{made.place}/.rlr/mlflow/mlflow.db"
    client = MlflowClient(uri, uri)
    version = client.get_model_version_by_alias("rlr", "champion")
    assert made.answer["version"]["uri"] == f"models:/rlr/{version.version}"
    assert version.tags["pipeline_run"] == Path(made.answer["folder"]).name
    assert version.tags["gate_outcome"] == "promote"
    tags = client.get_run(made.answer["run_id"]).data.tags
    assert (tags["gate_outcome"], tags["gate_champion"]) == ("promote", "none")
    page = Path(gate["report"]).read_text()
    assert "<h1>Promote</h1>" in page


def test_kubeflow_gets_the_gate(made: Made) -> None:
    artifacts = made.outputs("gate")["artifacts"]
    (metrics,) = artifacts["metrics"]["artifacts"]
    assert all(math.isfinite(value) for value in metrics["metadata"].values())
    assert "mean.image_auroc.candidate" in metrics["metadata"]
    assert {
        Path(artifacts[name]["artifacts"][0]["uri"]).exists() for name in ("gate", "report")
    } == {True}


def test_undefined_metrics_are_null_and_out_of_the_mean(made: Made) -> None:
    default = made.answer["metrics"]["default"]
    bolt, felt, wire = (default["per_class"][name] for name in ("bolt", "felt", "wire"))
    assert felt["pixel_auroc"] is None
    assert felt["aupro_0.30"] is None
    assert felt["image_auroc"] is not None
    assert wire["image_auroc"] is None
    assert default["mean"]["pixel_auroc"] == bolt["pixel_auroc"]
    expected = (bolt["image_auroc"] + felt["image_auroc"]) / 2
    assert default["mean"]["image_auroc"] == pytest.approx(expected)


def test_kubeflow_gets_finite_numbers(made: Made) -> None:
    artifacts = made.outputs("evaluate")["artifacts"]
    (metrics,), (roc,), (evaluation,) = (
        artifacts[name]["artifacts"] for name in ("metrics", "roc", "evaluation")
    )
    assert len(metrics["metadata"]) > 20
    assert all(math.isfinite(value) for value in metrics["metadata"].values())
    assert "default.per_class.felt.pixel_auroc" not in metrics["metadata"]
    assert "default.per_class.felt.pixel_auroc" in evaluation["metadata"]["undefined"]
    readings = roc["metadata"]["confidenceMetrics"]
    assert 2 <= len(readings) <= 200
    assert all(math.isfinite(value) for reading in readings for value in reading.values())


def test_mlflow_has_the_run_and_the_version(made: Made) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{made.place}/.rlr/mlflow/mlflow.db"
    assert made.answer["mlflow_ui"].endswith(f"/mlflow ui --backend-store-uri {uri}")
    client = MlflowClient(uri, uri)
    run = client.get_run(made.answer["run_id"])
    assert run.info.status == "FINISHED"
    assert all(math.isfinite(value) for value in run.data.metrics.values())
    assert "default.per_class.wire.image_auroc" not in run.data.metrics
    assert "default.per_class.wire.image_auroc" in run.data.tags["undefined_metrics"]
    assert "baseline.default.mean.image_auroc" in run.data.metrics
    assert len(client.get_metric_history(run.info.run_id, "train.loss")) == 2
    version = client.get_model_version_by_alias("rlr", "champion")
    assert made.answer["version"]["uri"] == f"models:/rlr/{version.version}"
    assert version.tags["data_version"] == made.answer["data_version"]


def test_the_registered_model_scores_as_it_was_measured(
    made: Made, start: Callable[..., Any]
) -> None:
    import pandas as pd

    scores = pd.read_parquet(Path(made.answer["evaluation"]) / "scores.parquet")
    row = scores.iloc[0]
    done = start(
        made.place, "-m", "rlr", "predict", "models:/rlr@champion", f"data/{row['path']}",
        "--class", row["class"], "--json",
    )  # fmt: skip
    assert done.status == 0, done.stderr
    (prediction,) = json.loads(done.stdout)["predictions"]
    assert prediction["image_score"] == pytest.approx(row["image_score"], rel=1e-5)
    assert prediction["threshold"] == pytest.approx(row["threshold"], rel=1e-6)


def test_nothing_was_asked_of_another_machine(made: Made) -> None:
    assert made.done.connections == []


def test_a_question_to_another_machine_would_be_seen(
    tmp_path: Path, start: Callable[..., Any]
) -> None:
    code = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    (seen,) = start(tmp_path, "-c", nested).connections
    assert "192.0.2.1" in seen


def test_the_same_configuration_again_promotes_nothing(
    made: Made, start: Callable[..., Any], repository: Path
) -> None:
    from mlflow import MlflowClient

    again = _run(made.place, start, repository)
    ran = {path.parent.name for path in again.tasks.glob("*/executor_output.json")}
    assert ran == STEPS
    first = made.answer["version"]["uri"]
    assert again.answer["version"]["uri"] != first
    assert again.answer["promoted"] is None
    gate = again.answer["gate"]
    assert (gate["outcome"], gate["champion"], gate["promote"]) == ("inconclusive", first, False)
    uri = f"sqlite:///{made.place}/.rlr/mlflow/mlflow.db"
    client = MlflowClient(uri, uri)
    assert f"models:/rlr/{client.get_model_version_by_alias('rlr', 'champion').version}" == first
    values = client.get_run(again.answer["run_id"]).data.metrics
    assert values["gate.mean.image_auroc.difference"] == 0.0


def test_data_that_are_not_fit_end_the_run_with_the_file(
    tmp_path: Path, drawn: Callable[[Path], None], start: Callable[..., Any], repository: Path
) -> None:
    drawn(tmp_path / "data")
    (tmp_path / "data" / "bolt" / "train" / "good" / "007.png").write_bytes(b"no image")
    done = start(tmp_path, *RUN, "--project", repository)
    assert done.status == 2
    assert done.stdout == ""
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("rlr: Validation failed at readable")
    assert "bolt/train/good/007.png" in sentence
    ran = {path.parent.name for path in tmp_path.rglob("executor_output.json")}
    assert ran == {"validate-data", "notify"}
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not (tmp_path / ".rlr" / "mlflow").exists()


def test_a_tracking_server_that_is_away_is_told_before_training(
    tmp_path: Path, drawn: Callable[[Path], None], start: Callable[..., Any], repository: Path
) -> None:
    drawn(tmp_path / "data")
    done = start(tmp_path, *RUN, "--project", repository, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert done.status == 1
    assert "tracking server http://127.0.0.1:9 does not answer" in done.stderr.splitlines()[-1]
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_missing_folder_is_told(
    tmp_path: Path, start: Callable[..., Any], repository: Path
) -> None:
    done = start(tmp_path, *RUN, "--project", repository)
    assert done.status == 2
    assert str(tmp_path / "data") in done.stderr.splitlines()[-1]

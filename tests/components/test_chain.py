"""The components called one after the other, as Kubeflow calls them, on a tiny set."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlr.foundation.errors import UserError

pytestmark = pytest.mark.slow


def test_validate_data_answers_the_version_it_found(chain: Any, small_manifest: Any) -> None:
    passed, reason, data_version = chain.answers["validate_data"]
    assert (passed, reason, data_version) == (True, "", small_manifest.version)
    dataset = Path(chain.artifacts["dataset"].path)
    assert (dataset / "manifest.parquet").is_file()
    assert json.loads((dataset / "result.json").read_text())["kind"] == "validate"
    assert "<html" in Path(chain.artifacts["page"].path).read_text()


def test_train_leaves_a_model_and_finite_metrics(chain: Any) -> None:
    model = chain.artifacts["model"]
    assert (Path(model.path) / "model" / "detector.json").is_file()
    result = json.loads((Path(model.path) / "result.json").read_text())
    assert result["run_id"] == model.metadata["run_id"] == chain.answers["train"][0]
    assert result["seed"] == 3
    losses = chain.artifacts["losses"].metadata
    assert losses["train.epoch"] == 2
    assert losses["train.images_per_second"] > 0
    assert all(math.isfinite(value) for value in losses.values())


def test_evaluate_fills_metrics_curve_and_report(chain: Any) -> None:
    floors_hold, floors = chain.answers["evaluate"]
    assert (floors_hold, floors) == (True, "hold")
    metrics = chain.artifacts["metrics"].metadata
    assert 0 <= metrics["default.mean.image_auroc"] <= 1
    assert "default.per_class.rings.aupro_0.30" in metrics
    assert all(math.isfinite(value) for value in metrics.values())
    readings = chain.artifacts["roc"].metadata["confidenceMetrics"]
    assert 2 <= len(readings) <= 200
    assert all(math.isfinite(value) for reading in readings for value in reading.values())
    assert chain.artifacts["evaluation"].metadata["undefined"] == []
    assert "<html" in Path(chain.artifacts["report"].path).read_text()


def test_gate_decides_by_the_floors_where_there_is_no_champion(chain: Any) -> None:
    outcome, reason, promote, champion = chain.answers["gate"]
    assert (outcome, promote, champion) == ("promote", True, "none")
    assert "no champion yet" in reason
    folder = Path(chain.artifacts["gate"].path)
    assert json.loads((folder / "gate.json").read_text())["outcome"] == "promote"
    assert chain.artifacts["gate"].metadata == {"outcome": "promote", "champion": "none"}
    values = chain.artifacts["differences"].metadata
    assert values["mean.image_auroc.candidate"] == pytest.approx(
        chain.artifacts["metrics"].metadata["default.mean.image_auroc"]
    )
    assert all(math.isfinite(value) for value in values.values())
    assert "<h1>Promote</h1>" in Path(chain.artifacts["decision"].path).read_text()


def test_promote_moves_the_alias_by_the_gate_of_the_version(chain: Any) -> None:
    from mlflow import MlflowClient

    assert chain.answers["promote"] == ("1", "")
    uri = next(o.partition("=")[2] for o in chain.overrides if "tracking_uri" in o)
    client = MlflowClient(uri, uri)
    champion = client.get_model_version_by_alias("rlr", "champion")
    assert str(champion.version) == "1"
    assert champion.tags["gate_outcome"] == "promote"
    assert champion.tags["pipeline_run"] == "run-1"
    places = {entry.path for entry in client.list_artifacts(champion.run_id, "gate")}
    assert places == {champion.tags["gate_artifact"]}


def test_register_makes_a_version_with_the_whole_story(chain: Any) -> None:
    from mlflow import MlflowClient

    name, version, alias, floors = chain.answers["register"]
    assert (name, version, alias, floors) == ("rlr", "1", "challenger", "hold")
    uri = next(o.partition("=")[2] for o in chain.overrides if "tracking_uri" in o)
    client = MlflowClient(uri, uri)
    found = client.get_model_version("rlr", version)
    assert found.run_id == chain.answers["train"][0]
    run = client.get_run(found.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["seed"] == "3"
    assert run.data.metrics["default.mean.image_auroc"] == pytest.approx(
        chain.artifacts["metrics"].metadata["default.mean.image_auroc"]
    )
    assert len(client.get_metric_history(run.info.run_id, "train.loss")) == 2
    files = {
        entry.path
        for place in (None, "training", "validation", "evaluation")
        for entry in client.list_artifacts(run.info.run_id, place)
    }
    assert {
        "config.yaml",
        "training/history.json",
        "validation/validation.json",
        "validation/validation.html",
        "evaluation/metrics.json",
        "evaluation/curves.json",
        "evaluation/report.html",
    } <= files


def test_evaluation_of_another_model_is_refused(
    chain: Any, component: Callable[[str], Any], trained: Path, tmp_path: Path
) -> None:
    from kfp import dsl

    other = dsl.Model(name="other", uri=str(trained))
    with pytest.raises(UserError, match="evaluation of another model"):
        component("register").python_func(
            other,
            chain.artifacts["evaluation"],
            chain.artifacts["gate"],
            config="tiny",
            overrides=chain.overrides,
            challenger=True,
        )


def test_another_data_version_than_the_validated_one_is_refused(
    chain: Any, component: Callable[[str], Any], tmp_path: Path
) -> None:
    from kfp import dsl

    (tmp_path / "images" / "rings" / "train" / "good").mkdir(parents=True)
    (tmp_path / "images" / "rings" / "train" / "good" / "a.png").write_bytes(b"x")
    with pytest.raises(UserError, match="validate the data again"):
        component("train").python_func(
            chain.artifacts["dataset"],
            dsl.Model(uri=str(tmp_path / "model")),
            dsl.Metrics(uri=str(tmp_path / "metrics")),
            config="tiny",
            overrides=[*chain.overrides, f"data.root={tmp_path / 'images'}"],
            data_version="",
        )


WITHOUT_TORCH = """
import sys
from pathlib import Path

class Without:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("torch", "torchvision", "timm", "safetensors"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Without())
from rlr.orchestration import steps
overrides = sys.argv[5:]
validated = steps.validate_data("tiny", overrides, Path(sys.argv[1]))
model, evaluation, gate = map(Path, sys.argv[2:5])
made = steps.register("tiny", overrides, model, evaluation, gate=gate)
done = steps.promote("tiny", overrides, made.version)
print(validated.passed, made.version, done.version)
"""


def test_the_light_steps_do_without_torch(chain: Any, tmp_path: Path) -> None:
    """Their image has none."""
    folders = [chain.artifacts[name].path for name in ("model", "evaluation", "gate")]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(tmp_path), *folders, *chain.overrides],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    version = chain.answers["register"][1]
    assert done.stdout.split() == ["True", version, version]

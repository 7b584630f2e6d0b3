"""The retraining pipeline: what it promises to a cluster, what may run when, and a run of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures.arrivals import PATTERN, Place, save
from fixtures.versions import make_version

from rlr.config.data import DataConfig
from rlr.config.registry import RegistryConfig
from rlr.orchestration.cluster import on_this_machine
from rlr.orchestration.compile import compile_pipeline
from rlr.orchestration.outputs import missing_outputs
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.project import Project
from rlr.registry.names import CHAMPION

HEAVY = {"watch-drift", "train", "evaluate", "gate"}
STOPPED = {"import-data", "skip-training-2", "report"}
DECIDED = {"import-data", "validate-data", "report"}
TRAINED = DECIDED | {"decide-2", "train", "evaluate", "gate", "register"}


@pytest.fixture(scope="module")
def documents(repository: Path) -> list[dict[str, Any]]:
    text = compile_pipeline(Project(repository), "retraining", Parameters())
    return list(yaml.safe_load_all(text))


@pytest.fixture(scope="module")
def spec(repository: Path) -> Any:
    with Project(repository).load("retraining") as module:
        return module.build(on_this_machine, Parameters()).pipeline_spec


def test_heavy_is_only_what_needs_torch(documents: list[dict[str, Any]]) -> None:
    executors = documents[0]["deploymentSpec"]["executors"]
    heavy = {
        name.removeprefix("exec-")
        for name, each in executors.items()
        if each["container"]["image"].startswith("rlr-train:")
    }
    assert heavy == HEAVY
    # What runs where there is nothing to decide is light.
    assert not heavy & STOPPED


def test_nothing_but_training_and_evaluation_is_taken_from_a_cache(
    documents: list[dict[str, Any]],
) -> None:
    cached = {
        name
        for dag in (documents[0]["root"], *documents[0]["components"].values())
        for name, task in dag.get("dag", {}).get("tasks", {}).items()
        if task.get("cachingOptions", {}).get("enableCache") and not name.startswith("condition")
    }
    assert cached <= {"train", "evaluate", "decision", "exit-handler-1"}


def test_force_is_a_parameter_of_this_pipeline_alone(documents: list[dict[str, Any]]) -> None:
    parameters = documents[0]["root"]["inputDefinitions"]["parameters"]
    assert parameters["force"] == {
        "defaultValue": False,
        "description": parameters["force"]["description"],
        "isOptional": True,
        "parameterType": "BOOLEAN",
    }
    assert set(Parameters().as_arguments()) == set(parameters) - {"force"}
    assert Parameters(force=True).as_arguments()["force"] is True


def _leave(root: Path, spec: Any, steps: set[str], **answers: dict[str, Any]) -> None:
    """Leave what steps leave that have come to their ends."""
    for step in steps:
        folder = root / "run" / step
        folder.mkdir(parents=True)
        wanted = spec.components[f"comp-{step}"].output_definitions.artifacts
        document: dict[str, Any] = {"parameterValues": answers.get(step, {}), "artifacts": {}}
        for label in wanted:
            (folder / label).write_text("here")
            document["artifacts"][label] = {"artifacts": [{"uri": str(folder / label)}]}
        (folder / "executor_output.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    "steps",
    [
        STOPPED,
        DECIDED | {"decide-2", "skip-training"},
        DECIDED | {"watch-drift", "decide", "skip-training"},
        TRAINED,
    ],
    ids=["nothing to decide", "decided at once", "no drift", "trained"],
)
def test_each_way_through_is_a_success(spec: Any, tmp_path: Path, steps: set[str]) -> None:
    _leave(tmp_path, spec, steps, gate={"promote": False})
    assert missing_outputs(spec, tmp_path) == []


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        (STOPPED - {"skip-training-2"}, "0 sides of"),
        (STOPPED | {"validate-data", "decide-2", "skip-training"}, "2 sides of"),
        (TRAINED | {"skip-training"}, "2 sides of"),
        (TRAINED - {"train"}, "the step train did not run to its end"),
        (TRAINED - {"report"}, "the step report did not run to its end"),
        (TRAINED - {"decide-2"}, "0 sides of"),
        (TRAINED | {"watch-drift"}, "2 sides of"),
    ],
)
def test_what_ran_beside_its_way_or_did_not_run_is_told(
    spec: Any, tmp_path: Path, steps: set[str], fault: str
) -> None:
    _leave(tmp_path, spec, steps, gate={"promote": False})
    assert fault in "; ".join(missing_outputs(spec, tmp_path))


def test_again_and_again_is_for_schedules(rlr: Callable[..., Any]) -> None:
    answer = rlr("retrain")
    assert answer.status == 2
    assert "rlr schedule run" in answer.stderr


def test_what_lacks_is_told_before_anything_runs(
    rlr: Callable[..., Any], repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = rlr("retrain", "--once", "--config", "tiny", "--project", repository)
    assert answer.status == 2
    assert "set retraining.source to a folder" in answer.stderr
    answer = rlr("pipeline", "run", "--force", "--config", "tiny", "--project", repository)
    assert answer.status == 2
    assert "The pipeline training has no parameter 'force'" in answer.stderr
    assert not list(tmp_path.rglob("executor_output.json"))


@pytest.mark.slow
def test_a_run_with_too_little_news_is_cheap_and_says_why(
    tmp_path: Path, start: Callable[..., Any], repository: Path
) -> None:
    from rlr.registry.server import connect

    settings = RegistryConfig(tracking_uri=f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}")
    client = connect(settings)
    client.set_registered_model_alias("rlr", CHAMPION, make_version(client, settings))
    (tmp_path / "remote").mkdir()
    save(tmp_path / "data" / "bolt" / "train" / "good" / "0.png")
    place = Place(tmp_path, DataConfig())
    place.drop("bolt/good/a.png", "bolt/good/b.png")
    options = {
        "data.remote": tmp_path / "remote",
        "data.intake.key_pattern": PATTERN,
        "retraining.source": "incoming",
        "retraining.drift": "false",
        "registry.tracking_uri": settings.tracking_uri,
    }
    given = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    done = start(
        tmp_path, "-m", "rlr", "retrain", "--once", "--json", "--config", "tiny",
        "--project", repository, *given,
    )  # fmt: skip
    assert done.status == 0, done.stderr
    answer = json.loads(done.stdout)
    assert set(answer["steps"]) == STOPPED
    assert answer["new"] == {"new": 2, "judged": 3, "unjudged": 0}
    assert (answer["outcome"], answer["retrained"]) == ("not retrained", False)
    assert answer["sentence"] == "not retrained: 3 new judged images, 50 are needed"
    assert "succeeded, not retrained: 3 new judged images, 50 are needed" in done.stderr
    assert answer["data_version"] != answer["base"]
    assert "3 new judged images" in Path(answer["page"]).read_text()
    (run,) = client.search_runs([client.get_experiment_by_name("rlr-retraining").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["data_version"] == answer["data_version"]
    assert run.data.tags["outcome"] == "not retrained"
    assert done.connections == []
